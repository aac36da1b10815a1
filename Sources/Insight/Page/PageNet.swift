import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps
import TapestryPictures

/// A net as the page's engine reads it: values, steps in ONNX's terms, and the weights.
struct PageNet {
  private(set) var json = JSONObject()
  private var problems: [String] = []
  /// The page's number of each value of the trace that is computed.
  private var numbers: [Int: Int] = [:]
  private var values: [JSONValue] = []
  private var steps: [JSONValue] = []
  /// The place of each parameter and buffer among the weights.
  private var weights: [Int: Int] = [:]
  private var table: [JSONValue] = []
  private var bytes: [UInt8] = []
  private let trace: ModelTrace
  private let tensors: [String: Tensor]

  init(_ trace: ModelTrace, of net: some Model) throws(ExplainPageError) {
    self.trace = trace
    tensors = Dictionary(
      net.members.state.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    add(trace.input)
    for step in trace.steps { add(step) }
    if !problems.isEmpty { throw ExplainPageError(problems: problems) }
    json["values"] = .array(values)
    json["steps"] = .array(steps)
    json["input"] = .integer(numbers[trace.input] ?? 0)
    json["output"] = .integer(numbers[trace.outputs[0]] ?? 0)
    json["weights"] = .array(table)
    json["weightData"] = .string(base64(bytes))
  }

  /// Notes a value of the trace, without the axis of the batch.
  private mutating func add(_ value: Int) {
    numbers[value] = values.count
    let shape = trace.values[value].spec.shape.dropFirst()
    values.append(["shape": .array(shape.map { .integer($0) })])
  }

  private mutating func add(_ step: ModelTrace.Step) {
    guard let object = description(of: step) else {
      // Its results are numbered all the same: what computes with them is not to blame.
      for output in step.outputs { add(output) }
      return
    }
    add(step.outputs[0])
    var description = object
    description["output"] = .integer(numbers[step.outputs[0]]!)
    if let layer = step.layer { description["layer"] = .string(layer) }
    steps.append(.object(description))
  }

  /// The step for the engine; nil, with a problem, for one that it cannot run.
  private mutating func description(of step: ModelTrace.Step) -> JSONObject? {
    let place = step.layer.map { "\(step.name) of layer \($0)" } ?? "\(step.name) at \(step.site)"
    func refuse(_ reason: String) -> JSONObject? {
      let problem = "\(place): \(reason)"
      if !problems.contains(problem) { problems.append(problem) }
      return nil
    }
    guard let operation = step.operation as? any ExchangeableOperation else {
      return refuse("the page has no such op")
    }
    var form = ExchangeForm(
      inputs: step.inputs.map { trace.values[$0].spec },
      outputs: step.outputs.map { trace.values[$0].spec })
    do throws(Misuse) {
      _ = try operation.exchange(&form)
    } catch {
      return refuse(error.reason)
    }
    guard form.nodes.count == 1, let node = form.nodes.first,
      form.constants.isEmpty || node.operation == "Pad",
      let object = describe(node, step, form.constants)
    else { return refuse("the page has no such op") }
    return object
  }

  /// The step for the engine, or nil for an op that it does not know.
  private mutating func describe(
    _ node: ExchangeForm.Node, _ step: ModelTrace.Step, _ constants: [ExchangeForm.Constant]
  ) -> JSONObject? {
    let attributes = Dictionary(
      node.attributes.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    func integers(_ name: String, otherwise: [Int]) -> JSONValue {
      if case .integers(let numbers)? = attributes[name] {
        return .array(numbers.map { .integer($0) })
      }
      return .array(otherwise.map { .integer($0) })
    }
    func number(_ name: String) -> JSONValue {
      switch attributes[name] {
      case .float(let value): .number(value)
      case .integer(let value): .integer(value)
      default: .integer(0)
      }
    }
    var object = JSONObject()
    object["op"] = .string(node.operation)
    var operands = step.inputs
    switch node.operation {
    case "Conv", "MaxPool", "AveragePool":
      object["kernel"] = integers("kernel_shape", otherwise: [1, 1])
      object["strides"] = integers("strides", otherwise: [1, 1])
      object["pads"] = integers("pads", otherwise: [0, 0, 0, 0])
      object["dilations"] = integers("dilations", otherwise: [1, 1])
      guard object["kernel"]?.array?.count == 2 else { return nil }
      if node.operation == "Conv" {
        object["group"] = number("group")
        addWeights(of: &operands, to: &object)
      }
      object["countsPadding"] = .bool(attributes["count_include_pad"] == .integer(1))
    case "Gemm":
      guard attributes["transB"] == .integer(1) else { return nil }
      addWeights(of: &operands, to: &object)
    case "BatchNormalization":
      guard operands.count == 5 else { return nil }
      let places = operands.dropFirst().compactMap { weight($0) }
      guard places.count == 4 else { return nil }
      object["weights"] = .array(places.map { .integer($0) })
      object["epsilon"] = number("epsilon")
      operands = [operands[0]]
    case "LRN":
      for name in ["size", "alpha", "beta", "bias"] { object[name] = number(name) }
    case "LeakyRelu":
      object["alpha"] = number("alpha")
    case "Concat":
      guard attributes["axis"] == .integer(1) else { return nil }
    case "Pad":
      // Amounts before every axis, then behind, from the batch on.
      guard trace.values[operands[0]].spec.shape.rank == 4, constants.count == 2,
        constants[0].values.count == 8, constants[0].values[0] == 0, constants[0].values[4] == 0
      else { return nil }
      object["amounts"] = .array([1, 2, 3, 5, 6, 7].map { .integer(Int(constants[0].values[$0])) })
      object["value"] = .number(constants[1].values[0])
    case "Add":
      // The engine repeats nothing.
      guard Set(operands.map { trace.values[$0].spec.shape }).count == 1 else { return nil }
    case "Relu", "Tanh", "Sigmoid", "Flatten", "Identity", "GlobalAveragePool": break
    default: return nil
    }
    let known = operands.compactMap { numbers[$0] }
    guard known.count == operands.count else { return nil }
    object["inputs"] = .array(known.map { .integer($0) })
    return object
  }

  /// Moves the weight and the bias from the operands to the description.
  private mutating func addWeights(of operands: inout [Int], to object: inout JSONObject) {
    object["weight"] = weight(operands[1]).map { .integer($0) } ?? .null
    object["bias"] = operands.count > 2 ? weight(operands[2]).map { .integer($0) } ?? .null : .null
    // A weight that is computed is left as an operand, which the engine does not take.
    operands = object["weight"] == .null ? operands : [operands[0]]
  }

  /// The place of a parameter or buffer among the weights; nil for other values.
  private mutating func weight(_ value: Int) -> Int? {
    if let known = weights[value] { return known }
    let name: String
    switch trace.values[value].source {
    case .parameter(let text), .buffer(let text): name = text
    default: return nil
    }
    guard let tensor = tensors[name] else { return nil }
    table.append(["offset": .integer(bytes.count / 4), "count": .integer(tensor.count)])
    for number in tensor.scalars() {
      let bits = Float(number).bitPattern
      for shift: UInt32 in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: bits >> shift)) }
    }
    weights[value] = table.count - 1
    return table.count - 1
  }
}
