import CTapestryKernels
import TapestryGraph

// Functions that choose among boxes. How many they choose depends on values, so they are no nodes of the graph: the result
// is a list of positions, without gradient, and a dry run cannot tell its length.

/// The positions of boxes that overlap no better one by more than `threshold`: non-maximum suppression.
///
/// Boxes are taken by falling score, equal scores by position, NaN first. Each is kept unless its ``boxIoU(_:_:file:line:)`` with
/// one that was kept is more than the threshold; an overlap of exactly the threshold and one that is NaN stay.
///
/// - Parameters:
///   - boxes: `[N, 4]`, rows of x1, y1, x2, y2.
///   - scores: `[N]`.
///   - threshold: the largest overlap that is let pass, in 0 ... 1.
/// - Returns: positions `[kept]` as int64, by falling score.
/// - Precondition: shapes as above, one floating-point type; not in a dry run.
///
/// Girshick et al., "Rich feature hierarchies", 2014, section 2.2.
public func nonMaximumSuppression(
  _ boxes: Tensor, scores: Tensor, threshold: Double,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  suppressed("nonMaximumSuppression", boxes, scores, nil, threshold, file: file, line: line)
}

/// As `nonMaximumSuppression`, with every class by itself: boxes of different classes do not suppress each other.
///
/// - Parameters:
///   - boxes: `[N, 4]`, rows of x1, y1, x2, y2.
///   - scores: `[N]`.
///   - classes: `[N]`, integers.
///   - threshold: the largest overlap that is let pass, in 0 ... 1.
/// - Returns: positions `[kept]` as int64, by falling score.
/// - Precondition: shapes as above, boxes and scores of one floating-point type; not in a dry run.
public func batchedNonMaximumSuppression(
  _ boxes: Tensor, scores: Tensor, classes: Tensor, threshold: Double,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  suppressed(
    "batchedNonMaximumSuppression", boxes, scores, classes, threshold, file: file, line: line)
}

private func suppressed(
  _ name: String, _ boxes: Tensor, _ scores: Tensor, _ classes: Tensor?, _ threshold: Double,
  file: StaticString, line: UInt
) -> Tensor {
  var operands = [("boxes", boxes), ("scores", scores)]
  if let classes { operands.append(("classes", classes)) }
  if let refused = refusal(
    of: name, operands, file: file, line: line,
    rule: { () throws(Misuse) in
      try requireBoxes(boxes.spec, "boxes", rank: 2)
      try requireSameType(Tensors(boxes, scores))
      for (name, list) in operands.dropFirst() where list.shape != [boxes.shape[0]] {
        throw Misuse("\(name) are one a box: shape [\(boxes.shape[0])], not \(list.shape)")
      }
      if let classes, classes.dtype.isFloatingPoint || classes.dtype == .bool {
        throw Misuse("classes are integers, not \(classes.dtype)")
      }
      try requireValues(operands.map(\.1))
    })
  {
    return refused
  }
  let values = scores.scalars()
  var order = Array(values.indices)
  let labels = classes?.integers()
  // A total order: class, then falling score with NaN first, then position.
  func comesFirst(_ a: Int, _ b: Int) -> Bool {
    let (x, y) = (values[a], values[b])
    if x.isNaN || y.isNaN { return x.isNaN && y.isNaN ? a < b : x.isNaN }
    return x != y ? x > y : a < b
  }
  if let labels {
    order.sort { labels[$0] != labels[$1] ? labels[$0] < labels[$1] : comesFirst($0, $1) }
  } else {
    order.sort(by: comesFirst)
  }
  var runs: [Int64] = []
  for place in order.indices where place > 0 {
    if let labels, labels[order[place]] != labels[order[place - 1]] { runs.append(Int64(place)) }
  }
  if !order.isEmpty { runs.append(Int64(order.count)) }
  var kept = [UInt8](repeating: 0, count: order.count)
  boxes.withMemory { memory in
    tapestry_suppress_boxes(
      boxes.dtype.code, memory, order.map(Int64.init), Int64(runs.count), runs, threshold, &kept)
  }
  var places = zip(order, kept).filter { $0.1 != 0 }.map(\.0)
  if labels != nil { places.sort(by: comesFirst) }
  return Tensor(integers: places, shape: [places.count])
}

/// Positions of the boxes that are at least `minimumSize` wide and high.
///
/// - Parameters:
///   - boxes: `[N, 4]`, rows of x1, y1, x2, y2.
///   - minimumSize: in pixels.
/// - Returns: positions `[kept]` as int64, rising.
/// - Precondition: shapes as above, float32 or float64; not in a dry run.
public func removeSmallBoxes(
  _ boxes: Tensor, minimumSize: Double, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "removeSmallBoxes", [("boxes", boxes)], file: file, line: line,
    rule: { () throws(Misuse) in
      try requireBoxes(boxes.spec, "boxes", rank: 2)
      try requireSameType(Tensors(boxes))
      try requireValues([boxes])
    })
  {
    return refused
  }
  let isLarge = withoutGradients {
    let edges = BoxEdges(boxes.detached(), file: file, line: line)
    return minimum(edges.width, edges.height) .>= minimumSize
  }
  let places = isLarge.scalars().enumerated().filter { $0.element != 0 }.map(\.offset)
  return Tensor(integers: places, shape: [places.count])
}

/// Results whose length depends on values exist only where there are values.
private func requireValues(_ operands: [Tensor]) throws(Misuse) {
  guard !operands.contains(where: \.isPlaceholder) else {
    throw Misuse("how many boxes are kept depends on values, which a dry run does not have")
  }
}
