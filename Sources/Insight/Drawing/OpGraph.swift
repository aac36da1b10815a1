import TapestryGraph
import TapestryModels

/// What drawings are made from: the ops of a trace or of a tape, each with where it belongs.
struct OpGraph {
  struct Op {
    var line: String
    var family: GraphDrawing.Family
    /// The components of the layer's name; empty outside any layer.
    var path: [String] = []
    /// The blocks it lies in, outermost first.
    var blocks: [String] = []
    var shape: String
    var parameterCount = 0
    var multiplyAccumulates = 0
    var bytes = 0
    var nanoseconds: Int?
    var details: [String] = []
    /// The ops whose results it reads, in the order of the operands.
    var inputs: [Int] = []
  }

  var title: String
  /// In the order of computation.
  var ops: [Op] = []

  /// The ops that read each op's results.
  var readers: [[Int]] {
    var readers = [[Int]](repeating: [], count: ops.count)
    for (index, op) in ops.enumerated() { for input in op.inputs { readers[input].append(index) } }
    return readers
  }

  /// Finds for every op the blocks it lies in.
  ///
  /// The name of a layer says it: `features.3.conv1` lies in `features` and `features.3`. An op that no layer
  /// ran, such as the sum of a residual block, counts to the innermost block that holds or shares its operands.
  mutating func assignBlocks() {
    var prefixes: Set<[String]> = []
    for op in ops { for length in 0..<op.path.count { prefixes.insert(Array(op.path[..<length])) } }
    for index in ops.indices where !ops[index].path.isEmpty {
      let path = ops[index].path
      ops[index].blocks = prefixes.contains(path) ? path : path.dropLast()
    }
    var previous: [String] = []
    for index in ops.indices where ops[index].family != .input && ops[index].family != .parameter {
      if !ops[index].path.isEmpty {
        previous = ops[index].blocks
        continue
      }
      let next = ops[index...].first { !$0.path.isEmpty }?.blocks ?? []
      ops[index].blocks = home(of: index, after: previous, before: next)
      previous = ops[index].blocks
    }
  }

  private func home(of index: Int, after previous: [String], before next: [String]) -> [String] {
    let op = ops[index]
    let common = zip(previous, next).prefix { $0 == $1 }.map(\.0)
    switch op.family {
    case .activation, .normalization, .joining, .other: break
    default: return common
    }
    let start = common.count == previous.count ? previous.count : common.count + 1
    for length in stride(from: previous.count, through: start, by: -1) {
      let block = Array(previous[..<length])
      let members = ops.indices.filter { ops[$0].blocks.starts(with: block) && $0 < index }
      let shared = Set(members.flatMap { ops[$0].inputs })
      if op.inputs.allSatisfy({ ops[$0].blocks.starts(with: block) || shared.contains($0) }) {
        return block
      }
    }
    return common
  }
}

extension OpGraph {
  /// The ops of a trace. `times` has nanoseconds for every step.
  init(_ trace: ModelTrace, title: String, times: [Int]?) {
    self.title = title
    let shape = trace.values[trace.input].spec.shape
    ops.append(Op(line: "input", family: .input, shape: shape.description))
    // The op that made a value; none for parameters and constants.
    var makers = [trace.input: 0]
    for (place, step) in trace.steps.enumerated() {
      var op = Op(
        line: step.label.isEmpty ? step.name : "\(step.name)  \(step.label)",
        family: GraphDrawing.Family(operation: step.name),
        path: step.layer?.split(separator: ".").map(String.init) ?? [],
        shape: Self.shapes(step.outputs.map { trace.values[$0].spec }))
      op.multiplyAccumulates = step.cost.multiplyAccumulates
      op.bytes = step.cost.bytes
      op.nanoseconds = times?[place]
      op.details.append(op.line)
      for input in step.inputs {
        let value = trace.values[input]
        if let maker = makers[input], !op.inputs.contains(maker) { op.inputs.append(maker) }
        switch value.source {
        case .parameter(let name):
          op.parameterCount += value.spec.shape.elementCount
          op.details.append("  parameter \(name) \(value.spec)")
        case .buffer(let name): op.details.append("  buffer \(name) \(value.spec)")
        case .constant: op.details.append("  constant \(value.spec)")
        case .input, .step: op.details.append("  \(value.spec)")
        }
      }
      op.details += step.outputs.map { "  gives \(trace.values[$0].spec)" }
      op.details.append("  at \(step.site)")
      for output in step.outputs { makers[output] = ops.count }
      ops.append(op)
    }
    assignBlocks()
  }

  /// The shapes that a box shows: masks and places that an op keeps for its backward are left to the details.
  private static func shapes(_ outputs: [TensorSpec]) -> String {
    let values = outputs.filter(\.dtype.isFloatingPoint)
    return (values.isEmpty ? outputs : values).map(\.shape.description).joined(separator: " ")
  }

  /// What was recorded for a tensor: a box of its own for every parameter and tracked tensor.
  init(_ graph: RecordedGraph, title: String) {
    self.title = title
    for leaf in graph.leaves {
      let name = leaf.isParameter ? "parameter \(leaf.name ?? "without a name")" : "tracked tensor"
      ops.append(
        Op(
          line: leaf.isParameter ? leaf.name ?? "parameter" : "tracked tensor",
          family: leaf.isParameter ? .parameter : .input, shape: leaf.spec.shape.description,
          parameterCount: leaf.isParameter ? leaf.spec.shape.elementCount : 0,
          details: [name, "  \(leaf.spec)", "  made at \(leaf.site)"]))
    }
    let offset = graph.leaves.count
    for step in graph.steps {
      let outputs = (0..<step.outputs.count).map { step.outputs[$0] }
      var op = Op(
        line: step.label.isEmpty ? step.name : "\(step.name)  \(step.label)",
        family: GraphDrawing.Family(operation: step.name),
        path: step.site.layer?.name?.split(separator: ".").map(String.init) ?? [],
        shape: Self.shapes(outputs))
      op.details.append(op.line)
      for input in step.inputs {
        switch input {
        case .step(let place, let output):
          if !op.inputs.contains(offset + place) { op.inputs.append(offset + place) }
          op.details.append(
            "  \(graph.steps[place].outputs[output]) from \(graph.steps[place].name)")
        case .leaf(let place):
          if !op.inputs.contains(place) { op.inputs.append(place) }
          op.details.append("  \(graph.leaves[place].spec) \(graph.leaves[place].name ?? "")")
        case .constant(let spec): op.details.append("  \(spec) outside the graph")
        }
      }
      op.details += outputs.map { "  gives \($0)" }
      op.details.append("  at \(step.site)")
      ops.append(op)
    }
    assignBlocks()
    // A parameter is drawn in the block of the op that reads it.
    let readers = readers
    for index in 0..<offset {
      if let reader = readers[index].first { ops[index].blocks = ops[reader].blocks }
    }
  }
}
