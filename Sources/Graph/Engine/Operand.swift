/// One operand of a node: the tensor itself where the backward reads it, otherwise only the edge.
struct Operand {
  private(set) var kept: Tensor?
  private var edge: Node?
  /// Which of the producer's results the operand is.
  let outputIndex: Int
  let spec: TensorSpec

  @inline(__always)
  init(_ tensor: Tensor, isKept: Bool) {
    spec = tensor.declaredSpec
    outputIndex = tensor.outputIndex
    if isKept { kept = tensor } else { edge = tensor.producer }
  }

  /// The node that made the operand, or the leaf it is.
  @inline(__always) var producer: Node? {
    if let kept { return kept.producer }
    return edge
  }

  /// Lets go of tensor and edge. A producer that nothing else may hold goes to `orphans`, not to be freed here.
  @inline(__always)
  mutating func empty(into orphans: inout [Node]) {
    if kept != nil {
      if isKnownUniquelyReferenced(&kept), let producer = kept!.producer, !producer.isLeaf {
        kept!.producer = nil
        orphans.append(producer)
      }
      kept = nil
    } else if let producer = edge {
      edge = nil
      if !producer.isLeaf { orphans.append(producer) }
    }
  }
}
