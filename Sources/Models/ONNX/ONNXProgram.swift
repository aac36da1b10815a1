import TapestryFiles
import TapestryGraph

/// The graph of an ONNX file, checked and in an order in which it can be computed.
struct ONNXProgram: Sendable {
  /// A node with its operator. Values are known by their places.
  struct Step: Sendable {
    let node: ONNX.Node
    let operation: ONNXOperator
    /// Nil for an operand that is left out.
    let inputs: [Int?]
    let outputs: [Int?]
    /// The tensors of its attributes.
    let constants: [String: Tensor]
    /// Names the node in messages, summaries and drawings.
    let origin: LayerOrigin
  }

  let version: Int
  let steps: [Step]
  let inputs: [(place: Int, info: ONNX.ValueInfo)]
  let outputs: [(place: Int, name: String)]
  /// Initialisers by place: parameters, buffers and constants.
  let state: [(place: Int, name: String, tensor: Tensor)]
  let placeCount: Int
  /// The places that nothing reads after a step.
  let finished: [[Int]]
  /// The line that loaded the file.
  let site: CallSite

  /// - Throws: `ONNXError` with everything that is wrong with the graph or not supported.
  init(_ file: ONNXFile, source: String, site: CallSite) throws(ONNXError) {
    var builder = ONNXProgramBuilder(file, source: source, site: site)
    self = try builder.program()
  }

  fileprivate init(
    version: Int, steps: [Step], inputs: [(place: Int, info: ONNX.ValueInfo)],
    outputs: [(place: Int, name: String)], state: [(place: Int, name: String, tensor: Tensor)],
    placeCount: Int, site: CallSite
  ) {
    self.version = version
    self.steps = steps
    self.inputs = inputs
    self.outputs = outputs
    self.state = state
    self.placeCount = placeCount
    self.site = site
    var last = [Int?](repeating: nil, count: placeCount)
    for (index, step) in steps.enumerated() {
      for place in step.inputs + step.outputs { if let place { last[place] = index } }
    }
    for (place, _) in outputs { last[place] = nil }
    for (place, _, _) in state { last[place] = nil }
    var finished = [[Int]](repeating: [], count: steps.count)
    for (place, index) in last.enumerated() { if let index { finished[index].append(place) } }
    self.finished = finished
  }
}

/// Checks a graph and gives its values places.
private struct ONNXProgramBuilder {
  private let file: ONNXFile
  private let source: String
  private let site: CallSite
  private var problems: [String] = []
  private var unsupported: [String] = []
  private var places = ExactNames<Int>()

  init(_ file: ONNXFile, source: String, site: CallSite) {
    self.file = file
    self.source = source
    self.site = site
  }

  mutating func program() throws(ONNXError) -> ONNXProgram {
    guard let graph = file.model.graph else {
      throw ONNXError(source: source, problems: ["is not an ONNX model: there is no graph in it"])
    }
    let version = operatorSet()
    if graph.sparseInitializerCount > 0 {
      unsupported.append("sparse initialisers are not supported")
    }
    for tensor in graph.initializers { declare(tensor.name, "the initialiser") }
    let initialized = ExactNameSet(graph.initializers.map(\.name))
    let inputs = graph.inputs.filter { !initialized.contains($0.name) }
    for input in inputs {
      declare(input.name, "the input")
      checkType(input)
    }
    var operators: [ONNXOperator?] = []
    for (index, node) in graph.nodes.enumerated() {
      for output in node.outputs where !output.isEmpty {
        declare(output, "a result of \(Self.title(node, index))")
      }
      operators.append(findOperator(node, index))
    }
    checkReferences(graph)
    let order = problems.isEmpty ? sorted(graph, known: initialized, inputs) : []
    try throwProblems()
    let state = self.state(graph, order)
    var steps: [ONNXProgram.Step] = []
    for index in order {
      guard let operation = operators[index] else { continue }
      steps.append(step(graph.nodes[index], index, operation))
    }
    try throwProblems()
    return ONNXProgram(
      version: version, steps: steps, inputs: inputs.map { (places[$0.name]!, $0) },
      outputs: graph.outputs.map { (places[$0.name]!, $0.name) }, state: state,
      placeCount: places.count, site: site)
  }

  /// What is wrong with the file comes before what is not supported of it.
  private func throwProblems() throws(ONNXError) {
    if !problems.isEmpty { throw ONNXError(source: source, problems: problems) }
    if !unsupported.isEmpty {
      throw ONNXError(source: source, problems: unsupported, isUnsupported: true)
    }
  }

  private mutating func operatorSet() -> Int {
    let isStandard = { (domain: String) in domain.isEmpty || domain == "ai.onnx" }
    guard let version = file.model.opsets.first(where: { isStandard($0.domain) })?.version else {
      // A graph of foreign operators alone need not say it.
      let nodes = file.model.graph?.nodes ?? []
      if !nodes.isEmpty, !nodes.contains(where: { isStandard($0.domain) }) { return 0 }
      problems.append("does not say which version of the standard operators it was written for")
      return 0
    }
    let known = ONNXOperator.versions
    if !known.contains(version) {
      unsupported.append(
        "was written for version \(version) of the operators; those from \(known.lowerBound) to "
          + "\(known.upperBound) are supported")
    }
    return version
  }

  private mutating func declare(_ name: String, _ what: String) {
    if name.isEmpty {
      problems.append("\(what) has no name")
    } else if places[name] != nil {
      problems.append("\(what) \(quoted(name)) has the name of another value")
    } else {
      places[name] = places.count
    }
  }

  private mutating func checkType(_ input: ONNX.ValueInfo) {
    guard let type = input.type else {
      unsupported.append("the input \(quoted(input.name)) is no tensor")
      return
    }
    if type.dtype == nil {
      unsupported.append("the input \(quoted(input.name)) has elements of type \(type)")
    }
  }

  static func title(_ node: ONNX.Node, _ index: Int) -> String {
    node.name.isEmpty
      ? "node \(index) (\(printable(node.operation)))"
      : "node \(quoted(node.name)) (\(printable(node.operation)))"
  }

  private static func printable(_ text: String) -> String {
    text.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" } ? text : quoted(text)
  }

  private mutating func findOperator(_ node: ONNX.Node, _ index: Int) -> ONNXOperator? {
    let title = Self.title(node, index)
    guard node.domain.isEmpty || node.domain == "ai.onnx" else {
      unsupported.append(
        "\(title): the operators of the domain \(quoted(node.domain)) are not supported")
      return nil
    }
    guard let operation = ONNXOperator.all[node.operation] else {
      unsupported.append("\(title): this operator is not supported")
      return nil
    }
    if !operation.inputs.contains(node.inputs.count) {
      problems.append("\(title): has \(node.inputs.count) inputs")
    }
    return operation
  }

  private mutating func checkReferences(_ graph: ONNX.Graph) {
    for (index, node) in graph.nodes.enumerated() {
      for input in node.inputs where !input.isEmpty && places[input] == nil {
        problems.append(
          "\(Self.title(node, index)): reads \(quoted(input)), which is no input, initialiser or result"
        )
      }
    }
    for output in graph.outputs where places[output.name] == nil {
      problems.append("the output \(quoted(output.name)) is made by no node")
    }
    if graph.outputs.isEmpty { problems.append("the graph has no outputs") }
  }

  /// The nodes in an order in which each finds its operands; the file should have it already.
  private mutating func sorted(
    _ graph: ONNX.Graph, known: ExactNameSet, _ inputs: [ONNX.ValueInfo]
  ) -> [Int] {
    var missing = [Int](repeating: 0, count: graph.nodes.count)
    var readers = ExactNames<[Int]>()
    var given = known
    for input in inputs { given.insert(input.name) }
    for (index, node) in graph.nodes.enumerated() {
      for input in node.inputs where !input.isEmpty && !given.contains(input) {
        missing[index] += 1
        readers[input, default: []].append(index)
      }
    }
    var order = graph.nodes.indices.filter { missing[$0] == 0 }
    var next = 0
    while next < order.count {
      for output in graph.nodes[order[next]].outputs {
        for reader in readers[output] ?? [] {
          missing[reader] -= 1
          if missing[reader] == 0 { order.append(reader) }
        }
      }
      next += 1
    }
    if order.count < graph.nodes.count {
      let left = graph.nodes.indices.filter { missing[$0] > 0 }
      problems.append(
        "there is a cycle: \(left.prefix(5).map { Self.title(graph.nodes[$0], $0) }.joined(separator: ", "))"
          + "\(left.count > 5 ? " and \(left.count - 5) more" : "") wait for each other")
    }
    // The order of the file where it is one, so that summaries and drawings show it.
    var isReady = given
    let isSorted = graph.nodes.allSatisfy { node in
      defer { for output in node.outputs { isReady.insert(output) } }
      return node.inputs.allSatisfy { $0.isEmpty || isReady.contains($0) }
    }
    return isSorted ? Array(graph.nodes.indices) : order
  }

  private mutating func step(
    _ node: ONNX.Node, _ index: Int, _ operation: ONNXOperator
  ) -> ONNXProgram.Step {
    var constants: [String: Tensor] = [:]
    for attribute in node.attributes {
      guard case .tensor(let tensor) = attribute.value else { continue }
      if let value = read(
        tensor, "\(Self.title(node, index)): the attribute \(quoted(attribute.name))")
      {
        constants[attribute.name] = value
      }
    }
    let origin = LayerOrigin(file: site.file, line: site.line)
    origin.name = node.name.isEmpty ? "\(node.operation)_\(index)" : node.name
    return ONNXProgram.Step(
      node: node, operation: operation,
      inputs: node.inputs.map { $0.isEmpty ? nil : places[$0] },
      outputs: node.outputs.map { $0.isEmpty ? nil : places[$0] }, constants: constants,
      origin: origin)
  }

  private mutating func read(_ tensor: ONNX.Tensor, _ title: String) -> Tensor? {
    if case .external(let location) = tensor.content {
      unsupported.append(
        "\(title) is stored in another file, \(quoted(location)); save the model as a single file")
      return nil
    }
    let value = file.withElements(of: tensor) { tensor.tensor($0) }
    if value == nil {
      unsupported.append("\(title) is \(tensor.type) \(tensor.dimensions), which is not supported")
    }
    return value
  }

  // MARK: Initialisers

  /// The initialisers: what nets learn as parameters, running statistics as buffers, the rest as it is.
  private mutating func state(
    _ graph: ONNX.Graph, _ order: [Int]
  ) -> [(place: Int, name: String, tensor: Tensor)] {
    let (learned, statistics) = Self.roles(graph, order)
    var state: [(place: Int, name: String, tensor: Tensor)] = []
    for tensor in graph.initializers {
      guard let value = read(tensor, "the initialiser \(quoted(tensor.name))") else { continue }
      let cell: Tensor
      if statistics.contains(tensor.name), value.dtype.isFloatingPoint {
        cell = Buffer(value, name: tensor.name)
      } else if learned.contains(tensor.name), value.dtype.isFloatingPoint {
        cell = Parameter(value, name: tensor.name, file: site.file, line: site.line)
      } else {
        cell = value
      }
      state.append((places[tensor.name]!, tensor.name, cell))
    }
    return state
  }

  /// The values that layers learn, and the statistics of batch normalisation.
  ///
  /// What is only rearranged on its way to a layer is learned too. Single numbers in arithmetic are constants.
  private static func roles(
    _ graph: ONNX.Graph, _ order: [Int]
  ) -> (learned: ExactNameSet, statistics: ExactNameSet) {
    let layers: [String: [Int]] = [
      "Conv": [1, 2], "ConvTranspose": [1, 2], "Gemm": [0, 1, 2], "MatMul": [0, 1],
      "BatchNormalization": [1, 2], "InstanceNormalization": [1, 2], "GroupNormalization": [1, 2],
      "LayerNormalization": [1, 2], "RMSNormalization": [1], "PRelu": [1], "Gather": [0],
    ]
    let rearranging: Set = [
      "Identity", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast",
    ]
    let sizes = ExactNames(graph.initializers.map { ($0.name, $0.elementCount ?? 0) })
    var (learned, statistics) = (ExactNameSet(), ExactNameSet())
    for node in order.reversed().map({ graph.nodes[$0] }) {
      if rearranging.contains(node.operation) {
        if node.outputs.contains(where: learned.contains), let first = node.inputs.first {
          learned.insert(first)
        }
      } else if ["Add", "Sub", "Mul", "Div"].contains(node.operation) {
        for input in node.inputs where (sizes[input] ?? 0) > 1 { learned.insert(input) }
      } else {
        for index in layers[node.operation] ?? [] where index < node.inputs.count {
          learned.insert(node.inputs[index])
        }
        guard node.operation == "BatchNormalization" else { continue }
        for input in node.inputs.dropFirst(3) { statistics.insert(input) }
      }
    }
    return (learned, statistics)
  }
}
