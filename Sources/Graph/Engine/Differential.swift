/// What an op's backward and jvp see of a recorded node: kept values, shapes, and the cotangents of its results
/// (backward) or the tangents of its inputs (jvp).
public struct Differential: ~Copyable {
  let node: Node
  /// Cotangents by result, or tangents by input; the caller's, who does not look at them again.
  let arrived: UnsafeMutablePointer<Tensors>
  /// Bit per input: is its gradient wanted. Inputs past the last bit share it.
  let needed: UInt64
  /// Whether a backward may write its result where a cotangent lies: nothing records or observes it.
  let mayReuse: Bool
  /// Whether the node is released afterwards: what the backward needs, will not be needed again.
  var isLast = false

  /// Cotangents by result, or tangents by input.
  var flow: Tensors { arrived.pointee }

  /// The kept input at `index`, in its place in the graph.
  public func input(_ index: Int) -> Tensor {
    guard let tensor = node.operands[index].kept else {
      trapAtCaller(
        "\(node.name): backward reads input \(index), but `keeps` does not name it; this node was made at \(node.site)"
      )
    }
    return tensor
  }

  /// The input at `index` as a place in the graph, without its value.
  func edge(_ index: Int) -> Tensor {
    let operand = node.operands[index]
    return Tensor(
      operand.spec, memory: nil, producer: operand.producer, outputIndex: operand.outputIndex)
  }

  /// The kept result at `index`, in its place in the graph.
  public func output(_ index: Int = 0) -> Tensor {
    guard let tensor = node.keptOutput(index) else {
      trapAtCaller(
        "\(node.name): backward reads output \(index), but `keeps` does not name it; this node was made at \(node.site)"
      )
    }
    return tensor
  }

  /// Shape and type of the input at `index`, kept or not.
  public func inputSpec(_ index: Int) -> TensorSpec { node.operands[index].spec }
  /// Shape and type of the result at `index`.
  public func outputSpec(_ index: Int = 0) -> TensorSpec { node.outputSpecs[index] }
  public var inputCount: Int { node.operands.count }
  public var outputCount: Int { node.outputSpecs.count }

  /// The cotangent of the only result.
  public var cotangent: Tensor { arrived.pointee.first! }
  /// The cotangent of the result at `index`, or `nil` where it is zero.
  public func cotangent(_ index: Int) -> Tensor? { arrived.pointee.at(index) }

  /// The cotangent of the first result, if its memory belongs to nobody else: a backward may write
  /// over it and return it as a gradient, where it has that gradient's shape. It must not be read
  /// afterwards; the walk has no further use for it.
  package func reusableCotangent() -> Tensor? {
    guard mayReuse, arrived.pointee.first != nil,
      isKnownUniquelyReferenced(&arrived.pointee.first),
      isKnownUniquelyReferenced(&arrived.pointee.first!.memory)
    else { return nil }
    return arrived.pointee.first
  }

  /// The tangent of the input at `index`, or `nil` where it is zero.
  public func tangent(_ index: Int) -> Tensor? { arrived.pointee.at(index) }

  /// Whether the gradient of the input at `index` is wanted; in a jvp, whether its tangent is not zero.
  public func needs(_ index: Int) -> Bool { needed >> UInt64(min(index, 63)) & 1 != 0 }

  /// The user's line that made the node.
  public var site: CallSite { node.site }
}
