import TapestryGraph

// Losses between pairs of boxes: 1 minus an overlap, less a term that pulls together boxes that lie apart.

/// The shape rule of the losses, and their overlap with epsilon in the denominator.
private func overlapLoss(
  _ name: String, _ a: Tensor, _ b: Tensor, _ epsilon: Double, _ reduction: LossReduction,
  file: StaticString, line: UInt,
  _ loss: (_ pairs: BoxOverlap, _ union: Tensor, _ overlap: Tensor) -> Tensor
) -> Tensor {
  if let refused = refusal(
    of: name, [("a", a), ("b", b)], file: file, line: line,
    rule: { () throws(Misuse) in
      try requireBoxes(a.spec, "boxes")
      guard a.shape == b.shape else {
        throw Misuse("a has shape \(a.shape), but b \(b.shape); losses do not broadcast")
      }
      try requireSameType(Tensors(a, b))
    })
  {
    return refused
  }
  let pairs = BoxOverlap(
    BoxEdges(a, file: file, line: line), BoxEdges(b, file: file, line: line))
  let shared = pairs.shared
  let union = pairs.a.area + pairs.b.area - shared
  return loss(pairs, union, shared / (union + epsilon)).reduced(reduction, file: file, line: line)
}

/// 1 - IoU + (H - U) / (H + ε), pair by pair, reduced: U the area of both boxes together, H that of the smallest box around both.
///
/// - Parameters:
///   - a: boxes `[..., 4]`, rows of x1, y1, x2, y2. Gradients flow to both.
///   - b: the same shape.
///   - epsilon: added to the denominators. Default: 1e-7.
///   - reduction: `.mean` divides by the number of pairs. Default: `.mean`.
/// - Returns: a scalar, or with `.none` one number a pair.
/// - Precondition: equal shapes and types.
///
/// Rezatofighi et al., "Generalized Intersection over Union", 2019.
public func generalizedBoxIoULoss(
  _ a: Tensor, _ b: Tensor, epsilon: Double = 1e-7, reduction: LossReduction = .mean,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  overlapLoss("generalizedBoxIoULoss", a, b, epsilon, reduction, file: file, line: line) {
    pairs, union, overlap in
    let hull = pairs.enclosingWidth * pairs.enclosingHeight
    return 1 - overlap + (hull - union) / (hull + epsilon)
  }
}

/// The squared distance of the centres over the squared diagonal of the smallest box around both.
private func centerDistance(_ pairs: BoxOverlap, _ epsilon: Double) -> Tensor {
  let x = (pairs.a.left + pairs.a.right - pairs.b.left - pairs.b.right) * 0.5
  let y = (pairs.a.top + pairs.a.bottom - pairs.b.top - pairs.b.bottom) * 0.5
  let diagonal = square(pairs.enclosingWidth) + square(pairs.enclosingHeight)
  return (square(x) + square(y)) / (diagonal + epsilon)
}

/// 1 - IoU + d² / (c² + ε), pair by pair, reduced: d the distance of the centres, c the diagonal of the smallest box around both.
/// Parameters as in `generalizedBoxIoULoss`.
///
/// Zheng et al., "Distance-IoU Loss", 2020, equation 7.
public func distanceBoxIoULoss(
  _ a: Tensor, _ b: Tensor, epsilon: Double = 1e-7, reduction: LossReduction = .mean,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  overlapLoss("distanceBoxIoULoss", a, b, epsilon, reduction, file: file, line: line) {
    pairs, _, overlap in
    1 - overlap + centerDistance(pairs, epsilon)
  }
}

/// The loss of `distanceBoxIoULoss` + α v, where v = 4/π² (atan (w_b / h_b) - atan (w_a / h_a))² compares the shapes of the boxes and
/// α = v / (1 - IoU + v + ε) counts as a constant in every derivative. Parameters as in `generalizedBoxIoULoss`.
///
/// Zheng et al., "Distance-IoU Loss", 2020, equations 8 to 11.
public func completeBoxIoULoss(
  _ a: Tensor, _ b: Tensor, epsilon: Double = 1e-7, reduction: LossReduction = .mean,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  overlapLoss("completeBoxIoULoss", a, b, epsilon, reduction, file: file, line: line) {
    pairs, _, overlap in
    let angle = atan(pairs.b.width / pairs.b.height) - atan(pairs.a.width / pairs.a.height)
    let shape = square(angle) * (4 / (Double.pi * Double.pi))
    let weight = withoutGradients { shape / (1 - overlap + shape + epsilon) }.detached()
    return 1 - overlap + centerDistance(pairs, epsilon) + weight * shape
  }
}
