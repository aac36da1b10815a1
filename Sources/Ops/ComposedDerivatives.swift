import TapestryGraph

// An op whose gradient is a kernel has second derivatives through its formula made of other ops.

/// The gradients of Σ d g, where g are the gradients of an op at `operands` for `cotangents` of its results, and d
/// `directions` in which they are looked at.
///
/// - Parameters:
///   - body: the op's results, composed of ops with derivatives.
///   - cotangents: one per result; `nil` is zero.
///   - directions: one per operand; `nil` is zero.
/// - Returns: the gradients by the operands, and by those cotangents that are there.
func secondGradients(
  at operands: [Tensor], cotangents: [Tensor?], directions: [Tensor?],
  of body: ([Tensor]) -> [Tensor]
) -> (operands: [Tensor], cotangents: [Tensor]) {
  let present = cotangents.compactMap { $0 }
  let (_, gradients) = valueAndGradients(at: operands + present, recording: isRecording) { points in
    var given = points[operands.count...]
    let weights = cotangents.map { $0 == nil ? nil : given.removeFirst() }
    let (_, first) = valueAndGradients(at: Array(points.prefix(operands.count)), recording: true) {
      weightedSum(body($0), weights)
    }
    return weightedSum(first, directions)
  }
  return (Array(gradients.prefix(operands.count)), Array(gradients.dropFirst(operands.count)))
}

/// Σ x w over all pairs; a weight that is absent is zero.
private func weightedSum(_ tensors: [Tensor], _ weights: [Tensor?]) -> Tensor {
  let terms = zip(tensors, weights).compactMap { tensor, weight in
    weight.map { (tensor * $0).sum() }
  }
  guard let first = terms.first else { return Tensor(0, dtype: tensors[0].dtype) }
  return terms.dropFirst().reduce(first) { $0 + $1 }
}
