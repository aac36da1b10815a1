import TapestryFiles
import TapestryGraph
import TapestryOps

extension Model {
  /// Writes the net as an ONNX file, all or nothing: operator set 17, float32 weights inside, as it computes under
  /// `inference(_:)`.
  ///
  /// ```swift
  /// try LeNet5().exportONNX(to: "lenet5.onnx", input: [1, 32, 32])
  /// ```
  ///
  /// The graph takes `input` and gives `output`, and its initialisers are called as in a state file. A node has
  /// the dotted name of the layer whose work it is, such as `features.0`. Batch normalisation becomes
  /// `BatchNormalization` with the running statistics, dropout vanishes, a fully connected layer is a `Gemm`.
  ///
  /// - Parameters:
  ///   - path: the file's place; what was there is replaced.
  ///   - input: the shape of one sample, `[C, H, W]` for images.
  ///   - batch: samples in a batch. Default: any number, called `N` in the file.
  ///   - name: what the graph is called. Default: the type of the net.
  ///   - metadata: texts stored with it.
  /// - Throws: ``InputMismatch`` for an input that the net cannot take; ``ONNXError`` naming every op, its layer and
  ///   line, that ONNX has no operators for; `FileError` when the file cannot be written. What was there before is
  ///   then unchanged.
  public func exportONNX(
    to path: String, input: TensorShape, batch: Int? = nil, name: String? = nil,
    metadata: [String: String] = [:]
  ) throws {
    named()
    var batched = TensorShape()
    batched.append(batch ?? 2)
    guard input.rank < TensorShape.maximumRank else {
      throw ONNXError(
        source: path, problems: ["a sample of shape \(input) has no room for the batch's axis"])
    }
    for size in input { batched.append(size) }
    let dtype = members.parameters.first?.parameter.dtype ?? .float32
    var graph = try ONNXGraph(trace(for: batched, dtype: dtype), path: path)
    if batch == nil {
      // What the graph says must not depend on the batch: it is said again for another one.
      batched[0] = 3
      let other = try ONNXGraph(trace(for: batched, dtype: dtype), path: path)
      try graph.requireEqual(other, path: path)
      graph.makeBatchSymbolic(other)
    }
    var model = ONNX.Model()
    model.irVersion = 8
    model.producer = "Tapestry"
    model.producerVersion = "0.1.0"
    model.opsets = [("", ONNXGraph.operatorSet)]
    model.metadata = metadata.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    model.graph = graph.message
    model.graph?.name = name ?? String(describing: type(of: self))
    try ONNXFile.write(model, items: graph.items, to: path)
  }
}

/// The graph of a file to be written, from the trace of a net.
private struct ONNXGraph {
  static let operatorSet = 17

  private(set) var message = ONNX.Graph()
  private(set) var items: [ONNXItem] = []
  /// What each node was made from, for messages.
  private var origins: [String] = []
  private var constants: [(form: ExchangeForm.Constant, name: String)] = []
  private var used: Set<String> = ["input", "output"]
  private var usedByNodes: Set<String> = []
  /// The name of a value of the trace.
  private var names: [Int: String] = [:]

  init(_ trace: ModelTrace, path: String) throws(ONNXError) {
    let stateNames = trace.values.compactMap { value in
      switch value.source {
      case .parameter(let name), .buffer(let name): name
      default: nil
      }
    }
    used.formUnion(stateNames)
    if trace.outputs.count > 1 { used.formUnion(trace.outputs.indices.map { "output\($0)" }) }
    let outputNames =
      trace.outputs.count == 1 ? ["output"] : trace.outputs.indices.map { "output\($0)" }
    // A result that is the net's own, once, is called so from the start.
    for (output, name) in zip(trace.outputs, outputNames) where names[output] == nil {
      if case .step = trace.values[output].source { names[output] = name }
    }
    names[trace.input] = "input"
    var problems: [String] = []
    for step in trace.steps {
      do throws(Misuse) {
        try add(step, of: trace)
      } catch {
        problems.append("\(step.name) at \(step.site): \(error.reason)")
      }
    }
    guard problems.isEmpty else {
      throw ONNXError(source: path, problems: problems, isUnsupported: true)
    }
    for (output, name) in zip(trace.outputs, outputNames) where names[output] != name {
      addNode(
        "Identity", uniqueNode(name), [reference(output, in: trace)], [name], [], "the net's result"
      )
    }
    message.inputs = [Self.info("input", trace.values[trace.input].spec)]
    message.outputs = zip(trace.outputs, outputNames).map { Self.info($1, trace.values[$0].spec) }
  }

  /// The first axis of the input, and of results where it differs for another batch, may have any size.
  mutating func makeBatchSymbolic(_ other: ONNXGraph) {
    for index in message.inputs.indices { message.inputs[index].shape?[0] = .symbol("N") }
    for index in message.outputs.indices {
      guard let mine = message.outputs[index].shape?.first,
        mine != other.message.outputs[index].shape?.first
      else { continue }
      let isBatch = mine == .size(2) && other.message.outputs[index].shape?.first == .size(3)
      message.outputs[index].shape?[0] = isBatch ? .symbol("N") : .unknown
    }
  }

  /// Throws where the graph of another batch says something else.
  func requireEqual(_ other: ONNXGraph, path: String) throws(ONNXError) {
    func refused(_ what: String) -> ONNXError {
      ONNXError(
        source: path,
        problems: [
          "\(what) depends on the number of samples; export for a fixed one with batch:"
        ], isUnsupported: true)
    }
    for (index, origin) in origins.enumerated() {
      let isEqual =
        index < other.origins.count && message.nodes[index] == other.message.nodes[index]
      if !isEqual { throw refused(origin) }
    }
    // Numbers that depend on the batch make constants of other shapes, or more of them.
    let isSame =
      message.nodes == other.message.nodes && constants.elementsEqual(other.constants, by: ==)
      && items.elementsEqual(other.items) { $0.name == $1.name && $0.dimensions == $1.dimensions }
    guard isSame else { throw refused("a constant of the net") }
    for (mine, theirs) in zip(message.outputs, other.message.outputs)
    where mine.shape?.dropFirst() != theirs.shape?.dropFirst() {
      throw refused("the shape of \(mine.name)")
    }
  }

  private mutating func add(_ step: ModelTrace.Step, of trace: ModelTrace) throws(Misuse) {
    guard let operation = step.operation as? any ExchangeableOperation else {
      throw Misuse("ONNX has no operator for it, or none that is known here")
    }
    var form = ExchangeForm(
      inputs: step.inputs.map { trace.values[$0].spec },
      outputs: step.outputs.map { trace.values[$0].spec })
    let results = try operation.exchange(&form)
    let inputs = step.inputs.map { reference($0, in: trace) }
    // One that hands its operand on needs no node, except to give a result of the net its name.
    for (output, result) in zip(step.outputs, results) {
      guard case .input(let index) = result else { continue }
      if let name = names[output] {
        addNode("Identity", uniqueNode(step.layer ?? step.name), [inputs[index]], [name], [], "")
      } else {
        names[output] = inputs[index]
      }
    }
    let base = step.layer ?? step.name
    var outputNames: [[String]] = []
    for (place, node) in form.nodes.enumerated() {
      let isLast = results.contains { if case .result(place, _) = $0 { true } else { false } }
      let nodeName = uniqueNode(isLast ? base : "\(base)/\(node.operation)")
      let nodeOutputs = (0..<node.outputCount).map { index -> String in
        let result = results.firstIndex(of: .result(node: place, output: index))
        if let result, let name = names[step.outputs[result]] { return name }
        let name = unique("\(nodeName).out\(node.outputCount > 1 ? String(index) : "")")
        if let result { names[step.outputs[result]] = name }
        return name
      }
      outputNames.append(nodeOutputs)
      var operands = node.inputs.map { operand in
        switch operand {
        case .input(let index): inputs[index]
        case .result(let node, let output): outputNames[node][output]
        case .constant(let index): constant(form.constants[index])
        case .absent: ""
        }
      }
      while operands.last == "" { operands.removeLast() }
      addNode(
        node.operation, nodeName, operands, nodeOutputs, node.attributes,
        "\(step.name) at \(step.site)")
    }
  }

  private mutating func addNode(
    _ operation: String, _ name: String, _ inputs: [String], _ outputs: [String],
    _ attributes: [(name: String, value: ExchangeForm.Attribute)], _ origin: String
  ) {
    let attributes = attributes.map { name, value in
      switch value {
      case .integer(let value): ONNX.Attribute(name, .integer(value))
      case .integers(let values): ONNX.Attribute(name, .integers(values))
      case .float(let value): ONNX.Attribute(name, .float(Float(value)))
      case .text(let value): ONNX.Attribute(name, .text(value))
      }
    }
    message.nodes.append(
      ONNX.Node(operation, name: name, inputs: inputs, outputs: outputs, attributes: attributes))
    origins.append(origin)
  }

  /// What nodes call a value of the trace; parameters, buffers and constants become initialisers.
  private mutating func reference(_ index: Int, in trace: ModelTrace) -> String {
    if let name = names[index] { return name }
    let value = trace.values[index]
    let name =
      switch value.source {
      case .parameter(let name), .buffer(let name): name
      default: unique("constant")
      }
    names[index] = name
    items.append(
      ONNXItem(
        name: name, dimensions: Array(value.spec.shape), type: ONNX.DataType(value.spec.dtype),
        bytes: StateFile.item(name, value.tensor).bytes))
    return name
  }

  private mutating func constant(_ form: ExchangeForm.Constant) -> String {
    if let known = constants.first(where: { $0.form == form }) { return known.name }
    let name = unique("constant")
    constants.append((form, name))
    let tensor = Tensor(form.values, shape: TensorShape(form.shape), dtype: form.dtype)
    items.append(
      ONNXItem(
        name: name, dimensions: form.shape, type: ONNX.DataType(form.dtype),
        bytes: StateFile.item(name, tensor).bytes))
    return name
  }

  private mutating func unique(_ name: String) -> String { Self.unique(name, among: &used) }

  /// Nodes and values may have the same name.
  private mutating func uniqueNode(_ name: String) -> String {
    Self.unique(name, among: &usedByNodes)
  }

  private static func unique(_ name: String, among used: inout Set<String>) -> String {
    if used.insert(name).inserted { return name }
    var count = 2
    while !used.insert("\(name)_\(count)").inserted { count += 1 }
    return "\(name)_\(count)"
  }

  private static func info(_ name: String, _ spec: TensorSpec) -> ONNX.ValueInfo {
    ONNX.ValueInfo(
      name: name, type: ONNX.DataType(spec.dtype),
      shape: spec.shape.map(ONNX.ValueInfo.Dimension.size))
  }
}

extension ONNX.DataType {
  /// The type of the elements of a tensor.
  init(_ dtype: DType) {
    switch dtype {
    case .float32: self = .float
    case .float64: self = .double
    case .int32: self = .int32
    case .int64: self = .int64
    case .bool: self = .bool
    }
  }
}
