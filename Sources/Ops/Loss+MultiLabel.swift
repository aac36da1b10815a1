import TapestryGraph

// Losses of samples with several labels each, and of probabilities.

/// The binary cross-entropy of every class, from scores of any size, averaged over classes: mean over the last axis of w (t softplus(-x) +
/// (1 - t) softplus(x)); then reduced over samples.
///
/// - Parameters:
///   - x: scores `[..., classes]`.
///   - targets: probabilities of the same shape; constants, no gradient flows to them.
///   - classWeights: a factor per class, `[classes]`; constants. Default: 1.
///   - reduction: `.mean` divides by the number of samples. Default: `.mean`.
/// - Returns: a scalar, or with `.none` `[...]`.
/// - Precondition: equal shapes and types, at least one axis.
public func multiLabelSoftMarginLoss(
  _ x: Tensor, _ targets: Tensor, classWeights: Tensor? = nil, reduction: LossReduction = .mean,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let function = "multiLabelSoftMarginLoss"
  if let refused = refusal(
    of: function, x, targets, called: ("scores", "targets"), file: file, line: line)
    ?? refusal(
      of: function, [("scores", x), ("classWeights", classWeights ?? x)], file: file, line: line,
      rule: { () throws(Misuse) in
        guard x.rank >= 1 else { throw Misuse("the scores need an axis of classes") }
        guard let classWeights else { return }
        try requireSameType(Tensors(x, classWeights))
        guard classWeights.shape == [x.shape[x.rank - 1]] else {
          throw Misuse(
            "classWeights needs one number per class, shape [\(x.shape[x.rank - 1])], not"
              + " \(classWeights.shape)")
        }
      })
  {
    return refused
  }
  let targets = targets.detached()
  var losses =
    targets * softplus(-x, file: file, line: line)
    + (1 - targets) * softplus(x, file: file, line: line)
  if let classWeights { losses = losses * classWeights.detached() }
  return losses.mean(along: -1, file: file, line: line)
    .reduced(reduction, file: file, line: line)
}

/// Σ over a sample's labels j and all classes i that are none of them of max(0, 1 - x[j] + x[i]), divided by the number of classes; then reduced.
///
/// - Parameters:
///   - x: scores `[N, classes]`.
///   - labels: int64 or int32 `[N, classes]`: the sample's labels come first, those before the first -1 count.
///   - reduction: `.mean` divides by the number of samples. Default: `.mean`.
/// - Returns: a scalar, or with `.none` `[N]`.
/// - Precondition: equal shapes of two axes. A label that is none of the classes ends the process with its value and position.
public func multiLabelMarginLoss(
  _ x: Tensor, labels: Tensor, reduction: LossReduction = .mean, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  let function = "multiLabelMarginLoss"
  if let refused = refusal(
    of: function, [("scores", x), ("labels", labels)], file: file, line: line,
    rule: { () throws(Misuse) in
      try requireSameType(Tensors(x))
      guard labels.dtype == .int64 || labels.dtype == .int32 else {
        throw Misuse("the labels are int64 (or int32), not \(labels.dtype)")
      }
      guard x.rank == 2, labels.shape == x.shape else {
        throw Misuse(
          "needs scores [N, classes] and labels of the same shape, not \(x.shape) and \(labels.shape)"
        )
      }
    })
  {
    return refused
  }
  let (samples, classes) = (x.shape[0], x.shape[1])
  let lists = labelLists(labels, samples, classes, function, file: file, line: line)
  // As wide as the longest list, and no wider: [N, labels, classes] terms.
  let width = labels.isPlaceholder ? classes : lists.map(\.count).max() ?? 0
  let shape = TensorShape([samples, width])
  var places = [Int](repeating: 0, count: samples * width)
  var counts = [Double](repeating: 0, count: samples * width)
  var isRival = [Double](repeating: 1, count: samples * classes)
  for (sample, list) in lists.enumerated() {
    for (place, label) in list.enumerated() {
      places[sample * width + place] = label
      counts[sample * width + place] = 1
      isRival[sample * classes + label] = 0
    }
  }
  let own = x.takenAlongAxis(
    Tensor(integers: places, shape: shape), axis: 1, file: file, line: line)
  let margins =
    x.expandedDimensions(at: 1, file: file, line: line)
    - own.expandedDimensions(at: 2, file: file, line: line)
  let terms =
    relu(margins + 1, file: file, line: line)
    * Tensor(counts, shape: [samples, width, 1], dtype: x.dtype)
    * Tensor(isRival, shape: [samples, 1, classes], dtype: x.dtype)
  let losses = terms.sum(along: [1, 2], file: file, line: line) * (1 / Double(max(classes, 1)))
  return losses.reduced(reduction, file: file, line: line)
}

/// The labels of each sample, those before the first -1.
private func labelLists(
  _ labels: Tensor, _ samples: Int, _ classes: Int, _ function: String, file: StaticString,
  line: UInt
) -> [[Int]] {
  if labels.isPlaceholder { return [[Int]](repeating: [], count: samples) }
  let values = labels.integers()
  return (0..<samples).map { sample in
    let list = values[(sample * classes)..<((sample + 1) * classes)].prefix { $0 != -1 }
    for (place, label) in list.enumerated() where label < 0 || label >= classes {
      trap(
        "\(function): label \(label) at position \([sample, place]) is none of the"
          + " \(counted(classes, "class", "classes")), 0 to \(classes - 1), nor -1", file: file,
        line: line)
    }
    return Array(list)
  }
}

/// y = max(ln x, -100), or of 1 - x; y' = 1 / x where it is larger, else 0.
struct BoundedLog: ElementwiseOperation {
  let ofComplement: Bool
  static var lowest: Double { -100 }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    return withoutGradients {
      // The complement of a tiny probability loses nothing this way.
      Tensors(clip(ofComplement ? log1p(-x) : log(x), min: Self.lowest))
    }
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(product(node.cotangent, node.input(0)))
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { product($0, node.input(0)) })
  }

  private func product(_ g: Tensor, _ x: Tensor) -> Tensor {
    let p = ofComplement ? 1 - x : x
    // e^-100: below it the bound holds.
    let isInside = p .> 3.720_075_976_020_836e-44
    let (zero, one) = (Tensor(0, dtype: x.dtype), Tensor(1, dtype: x.dtype))
    let quotient = (ofComplement ? -g : g) / select(where: isInside, p, else: one)
    return select(where: isInside, quotient, else: zero)
  }

  func kink(at inputs: borrowing Tensors) -> Kink? {
    inputs[0].elementwiseKink(at: ofComplement ? 1 : 0)
  }
}

/// The cross-entropy of probabilities: -w (v t ln p + (1 - t) ln(1 - p)), reduced; logarithms are no less than -100. From logits
/// ``binaryCrossEntropyWithLogits(_:_:positiveWeights:reduction:file:line:)`` is more accurate.
///
/// - Parameters:
///   - probabilities: p, in 0 ... 1; any shape.
///   - targets: t, in 0 ... 1, of the same shape; constants, no gradient flows to them.
///   - weights: w, factors of whole terms, which broadcast; constants. Default: 1.
///   - positiveWeights: v, factors of the positive parts, which broadcast; constants. Default: 1.
///   - reduction: `.mean` divides by the number of elements, whatever the weights. Default: `.mean`.
/// - Returns: a scalar, or with `.none` the shape of the operands.
/// - Precondition: equal shapes and types. Probabilities outside 0 ... 1 give NaN.
public func binaryCrossEntropy(
  _ probabilities: Tensor, _ targets: Tensor, weights: Tensor? = nil,
  positiveWeights: Tensor? = nil, reduction: LossReduction = .mean, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  let function = "binaryCrossEntropy"
  if let refused = refusal(
    of: function, probabilities, targets, called: ("probabilities", "targets"), file: file,
    line: line)
  {
    return refused
  }
  for (name, factor) in [("weights", weights), ("positiveWeights", positiveWeights)] {
    guard let factor else { continue }
    if let refused = refusal(
      of: function, [("probabilities", probabilities), (name, factor)], file: file, line: line,
      rule: { () throws(Misuse) in
        try requireSameType(Tensors(probabilities, factor))
        guard TensorShape.broadcast(probabilities.shape, factor.shape) == probabilities.shape else {
          throw Misuse("\(name) \(factor.shape) do not broadcast to \(probabilities.shape)")
        }
      })
    {
      return refused
    }
  }
  let targets = targets.detached()
  func logarithm(ofComplement: Bool) -> Tensor {
    apply(
      BoundedLog(ofComplement: ofComplement), to: Tensors(probabilities), file: file, line: line)[0]
  }
  let positive = positiveWeights.map { targets * $0.detached() } ?? targets
  var losses =
    -(positive * logarithm(ofComplement: false) + (1 - targets) * logarithm(ofComplement: true))
  if let weights { losses = losses * weights.detached() }
  return losses.reduced(reduction, file: file, line: line)
}

/// The focal loss of detectors: α' (1 - p')^gamma times the binary cross-entropy of the logits, so that what is classified well already weighs
/// little; p = sigmoid(logits), p' = p t + (1 - p)(1 - t), α' = alpha t + (1 - alpha)(1 - t).
///
/// - Parameters:
///   - logits: any shape.
///   - targets: t, 0 or 1 or between, of the same shape; constants, no gradient flows to them.
///   - alpha: the weight of positive targets against negative ones; a negative number leaves α' out. Default: 0.25.
///   - gamma: at least 0; 0 is the plain cross-entropy. Default: 2.
///   - reduction: `.mean` divides by the number of elements. Default: `.mean` (torchvision: none).
/// - Returns: a scalar, or with `.none` the shape of the operands.
/// - Precondition: equal shapes and types, `gamma >= 0`.
///
/// Lin et al., "Focal loss for dense object detection", 2017.
public func sigmoidFocalLoss(
  _ logits: Tensor, _ targets: Tensor, alpha: Double = 0.25, gamma: Double = 2,
  reduction: LossReduction = .mean, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let function = "sigmoidFocalLoss"
  if let refused = refusal(
    of: function, logits, targets, called: ("logits", "targets"), file: file, line: line)
    ?? refusal(
      of: function, [("logits", logits)], file: file, line: line,
      rule: { () throws(Misuse) in
        guard gamma >= 0 else { throw Misuse("gamma is at least 0, not \(gamma)") }
      })
  {
    return refused
  }
  let targets = targets.detached()
  let others = 1 - targets
  var losses =
    targets * softplus(-logits, file: file, line: line)
    + others * softplus(logits, file: file, line: line)
  if gamma != 0 {
    // 1 - p' without a difference, so that it keeps its digits where p' is nearly 1.
    var rest =
      targets * sigmoid(-logits, file: file, line: line)
      + others * sigmoid(logits, file: file, line: line)
    // Below exponent 1 the slope at 0 is infinite; what is that small counts as constant.
    if gamma < 1 { rest = clip(rest, min: 1e-37, file: file, line: line) }
    losses = losses * pow(rest, gamma, file: file, line: line)
  }
  if alpha >= 0 { losses = losses * (targets * alpha + others * (1 - alpha)) }
  return losses.reduced(reduction, file: file, line: line)
}

/// One minus the overlap of predicted and true regions: 1 - (2 Σ p t + smoothing) / (Σ p + Σ t + smoothing), the sums over some axes; reduced over
/// the others. The denominator has no squares (that of V-Net has).
///
/// - Parameters:
///   - predictions: p, probabilities, `[N, ...]`.
///   - targets: t, of the same shape; constants, no gradient flows to them.
///   - axes: what the sums run over. Default: all but the first.
///   - smoothing: keeps the quotient of empty regions at 1. Default: 1.
///   - reduction: `.mean` divides by the number of overlaps. Default: `.mean`.
/// - Returns: a scalar, or with `.none` the shape without the axes.
/// - Precondition: equal shapes and types; the axes exist.
///
/// Milletari, Navab, Ahmadi, "V-Net", 2016.
public func diceLoss(
  _ predictions: Tensor, _ targets: Tensor, axes: [Int]? = nil, smoothing: Double = 1,
  reduction: LossReduction = .mean, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let function = "diceLoss"
  let axes = axes ?? Array(1..<max(predictions.rank, 1))
  if let refused = refusal(
    of: function, predictions, targets, called: ("predictions", "targets"), file: file, line: line)
    ?? refusal(
      of: function, [("predictions", predictions)], file: file, line: line,
      rule: { () throws(Misuse) in
        guard !axes.isEmpty else {
          throw Misuse("there are no axes to sum over in \(predictions.shape)")
        }
        _ = try AxisSet(axes, rank: predictions.rank)
      })
  {
    return refused
  }
  let targets = targets.detached()
  let common = (predictions * targets).sum(along: axes, file: file, line: line)
  let both =
    predictions.sum(along: axes, file: file, line: line)
    + targets.sum(along: axes, file: file, line: line)
  let losses = 1 - (common * 2 + smoothing) / (both + smoothing)
  return losses.reduced(reduction, file: file, line: line)
}
