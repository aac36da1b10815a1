import TapestryGraph

// Losses of similarities and rankings, most of them zero as soon as a margin is kept.

/// Labels that are 1 or -1, as numbers of a type; others end the process with words and the user's line.
private func signs(
  _ labels: Tensor, _ dtype: DType, _ function: String, file: StaticString, line: UInt
) -> Tensor {
  if !labels.isPlaceholder {
    let values = labels.scalars()
    if let place = values.firstIndex(where: { $0 != 1 && $0 != -1 }) {
      trap(
        "\(function): label \(values[place]) (element \(place)) is neither 1 nor -1", file: file,
        line: line)
    }
  }
  let labels = labels.detached()
  return labels.dtype == dtype ? labels : labels.converted(to: dtype, file: file, line: line)
}

/// One label for each position.
private func requireSigns(
  _ labels: Tensor, _ shape: TensorShape, for noun: String
) throws(Misuse) {
  guard labels.dtype != .bool else { throw Misuse("the labels are 1 and -1, not a mask") }
  guard labels.shape == shape else {
    throw Misuse("\(noun) need labels \(shape), one each, not \(labels.shape)")
  }
}

/// The cosine of the angle between vectors along an axis: a·b / (max(‖a‖, epsilon) max(‖b‖, epsilon)).
///
/// - Parameters:
///   - a: any shape with at least one axis.
///   - b: a shape that broadcasts with it. Gradients flow to both; a vector shorter than epsilon has none from its length.
///   - axis: of the broadcast shape; a negative one counts from the end. Default: 1, the features of `[N, features]`.
///   - epsilon: the least length. Default: 1e-8.
/// - Returns: the broadcast shape without the axis.
/// - Precondition: equal types, shapes that broadcast, the axis exists, `epsilon` positive.
public func cosineSimilarity(
  _ a: Tensor, _ b: Tensor, axis: Int = 1, epsilon: Double = 1e-8, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  var shape = TensorShape()
  if let refused = refusal(
    of: "cosineSimilarity", [("left", a), ("right", b)], file: file, line: line,
    rule: { () throws(Misuse) in
      try requireSameType(Tensors(a, b))
      shape = try broadcastShape(a.shape, b.shape)
      _ = try normalizedAxis(axis, rank: shape.rank)
      guard epsilon > 0 else { throw Misuse("epsilon is positive, not \(epsilon)") }
    })
  {
    return refused
  }
  let (a, b) = (
    a.broadcast(to: shape, file: file, line: line), b.broadcast(to: shape, file: file, line: line)
  )
  let products = (a * b).sum(along: axis, file: file, line: line)
  let lengthA = clip(a.norm(along: axis, file: file, line: line), min: epsilon)
  let lengthB = clip(b.norm(along: axis, file: file, line: line), min: epsilon)
  return products / lengthA / lengthB
}

/// 1 - cos for pairs with label 1, max(0, cos - margin) for those with -1, reduced; cos = a·b / √((a·a + 1e-12) (b·b + 1e-12)).
///
/// - Parameters:
///   - a: vectors `[N, features]`, or one vector.
///   - b: the same shape. Gradients flow to both.
///   - labels: `[N]`, or a scalar for one vector: 1 for pairs that belong together, -1 for others.
///   - margin: the cosine that is small enough. Default: 0.
///   - reduction: `.mean` divides by the number of pairs. Default: `.mean`.
/// - Returns: a scalar, or with `.none` the labels' shape.
/// - Precondition: shapes as above, equal types. A label other than 1 and -1 ends the process with its value.
public func cosineEmbeddingLoss(
  _ a: Tensor, _ b: Tensor, labels: Tensor, margin: Double = 0, reduction: LossReduction = .mean,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let function = "cosineEmbeddingLoss"
  if let refused = refusal(
    of: function, a, b, called: ("left", "right"), file: file, line: line)
    ?? refusal(
      of: function, [("left", a), ("right", b), ("labels", labels)], file: file, line: line,
      rule: { () throws(Misuse) in
        guard a.rank == 1 || a.rank == 2 else {
          throw Misuse("needs vectors [N, features], or one, not \(a.shape)")
        }
        try requireSigns(labels, TensorShape(Array(a.shape.dropLast())), for: "vectors \(a.shape)")
      })
  {
    return refused
  }
  let signs = signs(labels, a.dtype, function, file: file, line: line)
  let lengths =
    (square(a).sum(along: -1, file: file, line: line) + 1e-12)
    * (square(b).sum(along: -1, file: file, line: line) + 1e-12)
  let cosines = (a * b).sum(along: -1, file: file, line: line) / sqrt(lengths)
  let apart = relu(cosines - margin, file: file, line: line)
  return select(where: signs .> 0, 1 - cosines, else: apart, file: file, line: line)
    .reduced(reduction, file: file, line: line)
}

/// max(0, margin + d(anchor, positive) - d(anchor, negative)), reduced, with d(u, v) = (Σ |u - v + epsilon|^p)^(1/p).
///
/// - Parameters:
///   - anchor: vectors `[..., features]`.
///   - positive: of the same class, the same shape.
///   - negative: of another class, the same shape. Gradients flow to all three.
///   - margin: how much farther the negative should be. Default: 1.
///   - p: the exponent of the distance, at least 1. Default: 2.
///   - epsilon: added to every difference, so that equal vectors have a gradient. Default: 1e-6.
///   - swap: take the smaller of d(anchor, negative) and d(positive, negative). Default: false.
///   - reduction: `.mean` divides by the number of triplets. Default: `.mean`.
/// - Returns: a scalar, or with `.none` `[...]`.
/// - Precondition: equal shapes and types, at least one axis, `p >= 1`.
///
/// Schroff, Kalenichenko, Philbin, "FaceNet", 2015; swap: Balntas et al., "Learning local feature descriptors with triplets", 2016.
public func tripletMarginLoss(
  _ anchor: Tensor, positive: Tensor, negative: Tensor, margin: Double = 1, p: Double = 2,
  epsilon: Double = 1e-6, swap: Bool = false, reduction: LossReduction = .mean,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let function = "tripletMarginLoss"
  if let refused = refusal(
    of: function, anchor, positive, called: ("anchor", "positive"), file: file, line: line)
    ?? refusal(
      of: function, anchor, negative, called: ("anchor", "negative"), file: file, line: line)
    ?? refusal(
      of: function, [("anchor", anchor)], file: file, line: line,
      rule: { () throws(Misuse) in
        guard anchor.rank >= 1 else { throw Misuse("needs vectors, not scalars") }
        guard p >= 1 else { throw Misuse("p is at least 1, not \(p)") }
      })
  {
    return refused
  }
  func distance(_ u: Tensor, _ v: Tensor) -> Tensor {
    let difference = u - v + epsilon
    if p == 2 { return difference.norm(along: -1, file: file, line: line) }
    let sizes = abs(difference, file: file, line: line)
    if p == 1 { return sizes.sum(along: -1, file: file, line: line) }
    let sum = pow(sizes, p, file: file, line: line).sum(along: -1, file: file, line: line)
    // Where all differences are 0 the root has no slope; the distance's gradient there is 0.
    let (zero, one) = (Tensor(0, dtype: sum.dtype), Tensor(1, dtype: sum.dtype))
    let root = pow(select(where: sum .== 0, one, else: sum), 1 / p, file: file, line: line)
    return select(where: sum .== 0, zero, else: root)
  }
  let near = distance(anchor, positive)
  var far = distance(anchor, negative)
  if swap { far = minimum(far, distance(positive, negative), file: file, line: line) }
  return relu(near - far + margin, file: file, line: line)
    .reduced(reduction, file: file, line: line)
}

/// max(0, margin - label (a - b)), reduced: a should be larger than b by the margin where the label is 1, smaller where it is -1.
///
/// - Parameters:
///   - a: scores of any shape.
///   - b: the same shape. Gradients flow to both.
///   - labels: the same shape, 1 or -1.
///   - margin: Default: 0.
///   - reduction: `.mean` divides by the number of elements. Default: `.mean`.
/// - Returns: a scalar, or with `.none` the shape of the operands.
/// - Precondition: equal shapes, equal types of a and b. A label other than 1 and -1 ends the process with its value.
public func marginRankingLoss(
  _ a: Tensor, _ b: Tensor, labels: Tensor, margin: Double = 0, reduction: LossReduction = .mean,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let function = "marginRankingLoss"
  if let refused = refusal(of: function, a, b, called: ("left", "right"), file: file, line: line)
    ?? refusal(
      of: function, [("left", a), ("labels", labels)], file: file, line: line,
      rule: { () throws(Misuse) in try requireSigns(labels, a.shape, for: "scores \(a.shape)") })
  {
    return refused
  }
  let signs = signs(labels, a.dtype, function, file: file, line: line)
  return relu(signs * (b - a) + margin, file: file, line: line)
    .reduced(reduction, file: file, line: line)
}

/// x where the label is 1, max(0, margin - x) where it is -1, reduced: x is a distance.
///
/// - Parameters:
///   - x: any shape.
///   - labels: the same shape, 1 or -1.
///   - margin: Default: 1.
///   - reduction: `.mean` divides by the number of elements. Default: `.mean`.
/// - Returns: a scalar, or with `.none` the shape of `x`.
/// - Precondition: equal shapes; `x` float32 or float64. A label other than 1 and -1 ends the process with its value.
public func hingeEmbeddingLoss(
  _ x: Tensor, labels: Tensor, margin: Double = 1, reduction: LossReduction = .mean,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let function = "hingeEmbeddingLoss"
  if let refused = signedRefusal(function, x, labels, file: file, line: line) { return refused }
  let signs = signs(labels, x.dtype, function, file: file, line: line)
  let apart = relu(margin - x, file: file, line: line)
  return select(where: signs .> 0, x, else: apart, file: file, line: line)
    .reduced(reduction, file: file, line: line)
}

/// ln(1 + e^(-label x)), reduced, for x of any size.
///
/// - Parameters:
///   - x: scores of any shape.
///   - labels: the same shape, 1 or -1.
///   - reduction: `.mean` divides by the number of elements. Default: `.mean`.
/// - Returns: a scalar, or with `.none` the shape of `x`.
/// - Precondition: equal shapes; `x` float32 or float64. A label other than 1 and -1 ends the process with its value.
public func softMarginLoss(
  _ x: Tensor, labels: Tensor, reduction: LossReduction = .mean, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  let function = "softMarginLoss"
  if let refused = signedRefusal(function, x, labels, file: file, line: line) { return refused }
  let signs = signs(labels, x.dtype, function, file: file, line: line)
  return softplus(-signs * x, file: file, line: line).reduced(reduction, file: file, line: line)
}

private func signedRefusal(
  _ function: String, _ x: Tensor, _ labels: Tensor, file: StaticString, line: UInt
) -> Tensor? {
  refusal(
    of: function, [("input", x), ("labels", labels)], file: file, line: line,
    rule: { () throws(Misuse) in
      try requireSameType(Tensors(x))
      try requireSigns(labels, x.shape, for: "values \(x.shape)")
    })
}
