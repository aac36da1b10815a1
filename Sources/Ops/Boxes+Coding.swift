import TapestryGraph

// Boxes written in other numbers. All are composed of ops, so gradients flow through them.

extension TensorSpec {
  /// The shape rule of functions that map boxes to boxes.
  fileprivate func requireBoxesOfReals(_ name: String) throws(Misuse) {
    try requireBoxes(self, name)
    guard dtype.isFloatingPoint else {
      throw Misuse("needs float32 or float64, not \(dtype); convert with converted(to:)")
    }
  }
}

/// The same boxes in another format.
///
/// - Parameters:
///   - boxes: `[..., 4]` in the format `source`.
///   - source: how the numbers are meant.
///   - target: how those of the result are.
/// - Returns: `[..., 4]`.
/// - Precondition: the last axis has 4 elements; float32 or float64.
public func boxConvert(
  _ boxes: Tensor, from source: BoxFormat, to target: BoxFormat,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "boxConvert", [("boxes", boxes)], file: file, line: line,
    rule: { () throws(Misuse) in try boxes.spec.requireBoxesOfReals("boxes") })
  {
    return refused
  }
  if source == target { return boxes }
  // The first two columns are x and y of a corner or centre, the others x and y of a corner, or the size.
  let halves = boxes.split([2, 2], along: boxes.rank - 1, file: file, line: line)
  let (low, high): (Tensor, Tensor)
  switch source {
  case .corners: (low, high) = (halves[0], halves[1])
  case .cornerAndSize: (low, high) = (halves[0], halves[0] + halves[1])
  case .centerAndSize: (low, high) = (halves[0] - halves[1] * 0.5, halves[0] + halves[1] * 0.5)
  }
  let columns: [Tensor]
  switch target {
  case .corners: columns = [low, high]
  case .cornerAndSize: columns = [low, high - low]
  case .centerAndSize: columns = [(low + high) * 0.5, high - low]
  }
  return concatenate(columns, along: boxes.rank - 1, file: file, line: line)
}

/// Boxes cut to an image: x to 0 ... width, y to 0 ... height.
///
/// - Parameters:
///   - boxes: `[..., 4]`, rows of x1, y1, x2, y2.
///   - height: the height of the image in pixels.
///   - width: its width.
/// - Returns: `[..., 4]`. Gradients flow where nothing was cut.
/// - Precondition: the last axis has 4 elements; float32 or float64; sizes not negative.
public func clipBoxes(
  _ boxes: Tensor, height: Int, width: Int, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "clipBoxes", [("boxes", boxes)], file: file, line: line,
    rule: { () throws(Misuse) in
      try boxes.spec.requireBoxesOfReals("boxes")
      guard height >= 0, width >= 0 else {
        throw Misuse("an image has no size of \(height) x \(width)")
      }
    })
  {
    return refused
  }
  let limits = Tensor(
    [Double(width), Double(height), Double(width), Double(height)], shape: [4], dtype: boxes.dtype)
  return minimum(
    clip(boxes, min: 0, file: file, line: line), limits, file: file, line: line)
}

/// The numbers that move `anchors` to `boxes`: (x - xₐ) / wₐ, (y - yₐ) / hₐ, ln (w / wₐ), ln (h / hₐ) of centres and sizes,
/// each times its weight.
///
/// - Parameters:
///   - boxes: `[..., 4]`, rows of x1, y1, x2, y2.
///   - anchors: the same shape.
///   - weights: of x, y, width, height. Default: 1 each; the second stage of Faster R-CNN has 10, 10, 5, 5.
/// - Returns: `[..., 4]`. A box without width or height gives -infinity or NaN.
/// - Precondition: equal shapes, the last axis has 4 elements; one floating-point type; four weights.
///
/// Girshick et al., "Rich feature hierarchies", 2014, appendix C.
public func boxEncode(
  _ boxes: Tensor, anchors: Tensor, weights: [Double] = [1, 1, 1, 1],
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "boxEncode", [("boxes", boxes), ("anchors", anchors)], file: file, line: line,
    rule: { () throws(Misuse) in
      try boxes.spec.requireBoxesOfReals("boxes")
      guard boxes.shape == anchors.shape else {
        throw Misuse("boxes have shape \(boxes.shape), but anchors \(anchors.shape)")
      }
      try requireSameType(Tensors(boxes, anchors))
      try requireFourWeights(weights)
    })
  {
    return refused
  }
  let (box, anchor) = (
    CenteredBoxes(boxes, file: file, line: line), CenteredBoxes(anchors, file: file, line: line)
  )
  let columns = [
    (box.center - anchor.center) / anchor.size,
    log(box.size / anchor.size, file: file, line: line),
  ]
  let factors = Tensor(weights, shape: [4], dtype: boxes.dtype)
  return concatenate(columns, along: boxes.rank - 1, file: file, line: line) * factors
}

/// Anchors moved by what `boxEncode` gives: its inverse.
///
/// - Parameters:
///   - deltas: `[N, 4]`, or `[N, 4 · classes]` with four numbers per class.
///   - anchors: `[N, 4]`, rows of x1, y1, x2, y2.
///   - weights: of x, y, width, height. Default: 1 each.
///   - limit: the largest logarithm of a size; larger ones are cut, lest e^x be infinite. Default: ln (1000 / 16).
/// - Returns: the shape of `deltas`.
/// - Precondition: shapes as above; one floating-point type; four weights, none of them 0.
///
/// Girshick et al., "Rich feature hierarchies", 2014, appendix C; the limit as in Detectron.
public func boxDecode(
  _ deltas: Tensor, anchors: Tensor, weights: [Double] = [1, 1, 1, 1],
  limit: Double = 4.135_166_556_742_356, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "boxDecode", [("deltas", deltas), ("anchors", anchors)], file: file, line: line,
    rule: { () throws(Misuse) in
      try requireBoxes(anchors.spec, "anchors", rank: 2)
      guard deltas.rank == 2, deltas.shape[0] == anchors.shape[0], deltas.shape[1] % 4 == 0 else {
        throw Misuse(
          "deltas are rows of four numbers per class, one row per anchor: shape [\(anchors.shape[0]), 4 · classes], not \(deltas.shape)"
        )
      }
      try requireSameType(Tensors(deltas, anchors))
      try requireFourWeights(weights)
      guard !weights.contains(0) else { throw Misuse("a weight is 0 in \(weights)") }
    })
  {
    return refused
  }
  let (count, classes) = (anchors.shape[0], deltas.shape[1] / 4)
  let anchor = CenteredBoxes(
    anchors.reshaped(to: [count, 1, 4], file: file, line: line), file: file, line: line)
  let divisors = Tensor(weights, shape: [4], dtype: deltas.dtype)
  let scaled = deltas.reshaped(to: [count, classes, 4], file: file, line: line) / divisors
  let parts = scaled.split([2, 2], along: 2, file: file, line: line)
  let center = parts[0] * anchor.size + anchor.center
  let half = exp(clip(parts[1], max: limit), file: file, line: line) * anchor.size * 0.5
  return concatenate([center - half, center + half], along: 2, file: file, line: line)
    .reshaped(to: [count, 4 * classes], file: file, line: line)
}

private func requireFourWeights(_ weights: [Double]) throws(Misuse) {
  guard weights.count == 4 else {
    throw Misuse("needs four weights, of x, y, width and height, not \(weights.count)")
  }
}

/// Boxes as centres and sizes, two columns each.
private struct CenteredBoxes {
  let center: Tensor
  let size: Tensor

  init(_ boxes: Tensor, file: StaticString, line: UInt) {
    let corners = boxes.split([2, 2], along: boxes.rank - 1, file: file, line: line)
    size = corners[1] - corners[0]
    center = corners[0] + size * 0.5
  }
}
