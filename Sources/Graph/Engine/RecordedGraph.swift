/// What was recorded for a tensor, to look at: the ops in order, and the values that flow between them.
///
/// A copy of the tape's structure without its memory: it keeps no values alive.
///
/// ```swift
/// let graph = RecordedGraph(of: loss)
/// for step in graph.steps { print(step.name, step.site) }
/// ```
public struct RecordedGraph: Sendable {
  /// Where an operand comes from.
  public enum Source: Sendable, Equatable {
    /// A result of a step.
    case step(Int, output: Int)
    /// A parameter or tracked tensor: an index into ``RecordedGraph/leaves``.
    case leaf(Int)
    /// A value outside the graph, which no gradient flows to.
    case constant(TensorSpec)
  }

  /// One op.
  public struct Step: Sendable {
    public let operation: any TensorOperation
    /// The op's name, such as `conv2d`.
    public let name: String
    /// Attributes worth showing, such as `5x5, stride 2`.
    public let label: String
    /// The line that ran it, and the layer whose work it was.
    public let site: CallSite
    public let inputs: [Source]
    public let outputs: Specs
  }

  /// A parameter or a tracked tensor.
  public struct Leaf: Sendable {
    /// The parameter's name, where it has one.
    public let name: String?
    public let isParameter: Bool
    public let spec: TensorSpec
    /// The line that made it.
    public let site: CallSite
  }

  /// Oldest first.
  public private(set) var steps: [Step] = []
  /// In the order met.
  public private(set) var leaves: [Leaf] = []
  /// Where the tensor itself comes from.
  public private(set) var result: Source

  /// The graph that `tensor` was computed by.
  ///
  /// - Precondition: the tensor is tracked; its graph has not been released by a backward pass.
  public init(of tensor: Tensor, file: StaticString = #fileID, line: UInt = #line) {
    let site = CallSite(file: file, line: line)
    let value = tensor.resolved
    guard value.producer != nil else {
      trap(
        Misuse(
          "the tensor \(value.spec) does not depend on a tracked one: nothing was recorded",
          operation: "RecordedGraph", site: site))
    }
    let tape = Tape(of: [value], targets: nil, site: site)
    defer { tape.finish() }
    var places: [UInt64: Int] = [:]
    for (place, node) in tape.nodes.enumerated() { places[node.serial] = place }
    result = .constant(value.spec)
    var leafPlaces: [UInt64: Int] = [:]
    func source(_ producer: Node?, _ output: Int, _ spec: TensorSpec) -> Source {
      guard let producer else { return .constant(spec) }
      if let place = places[producer.serial] { return .step(place, output: output) }
      if let known = leafPlaces[producer.serial] { return .leaf(known) }
      leafPlaces[producer.serial] = leaves.count
      leaves.append(
        Leaf(
          name: producer.label?.name, isParameter: producer.label != nil, spec: spec,
          site: producer.site))
      return .leaf(leaves.count - 1)
    }
    steps = tape.nodes.map { node in
      Step(
        operation: node.operation, name: node.name, label: node.operation.label, site: node.site,
        inputs: node.operands.map { source($0.producer, $0.outputIndex, $0.spec) },
        outputs: node.outputSpecs)
    }
    result = source(value.producer, value.outputIndex, value.spec)
  }
}
