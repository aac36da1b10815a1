import TapestryGraph

// Losses of classifiers: scores [N, classes, ...] against labels [N, ...] or probabilities.

/// Labels, weights and scores agree.
private func refusal(
  of function: String, _ scores: Tensor, _ labels: Tensor, _ classWeights: Tensor?,
  called names: (String, String), file: StaticString, line: UInt
) -> Tensor? {
  var operands = [(name: names.0, tensor: scores), (name: names.1, tensor: labels)]
  if let classWeights { operands.append((name: "classWeights", tensor: classWeights)) }
  return refusal(of: function, operands, file: file, line: line) { () throws(Misuse) in
    if names.1 == "labels" {
      try requireLabels(labels, for: scores)
    } else {
      guard scores.shape == labels.shape, scores.rank >= 2 else {
        throw Misuse(
          "\(names.0) \(scores.shape) need \(names.1) of the same shape, [batch, classes, ...], not \(labels.shape)"
        )
      }
      try requireSameType(Tensors(scores, labels))
    }
    try requireClassWeights(classWeights, for: scores)
  }
}

/// `[classes]` as `[1, classes, 1, ...]`, to broadcast against scores.
private func alongClasses(_ weights: Tensor, _ scores: Tensor) -> Tensor {
  var shape = TensorShape([1, weights.count])
  for _ in 2..<scores.rank { shape.append(1) }
  return weights.detached().reshaped(to: shape)
}

/// The weight of each position's label, 0 at ignored ones; `nil` where all are 1.
private func labelWeights(_ labels: CheckedLabels, _ classWeights: Tensor?, _ dtype: DType)
  -> Tensor?
{
  guard let classWeights else { return labels.mask(dtype) }
  if labels.tensor.isPlaceholder { return .full(labels.tensor.shape, 1, dtype: dtype) }
  let weights = classWeights.scalars()
  return Tensor(
    labels.tensor.integers().map { $0 < 0 ? 0 : weights[$0] }, shape: labels.tensor.shape,
    dtype: dtype)
}

/// What a mean divides by: the weights of the labels that count, or their number.
private func divisor(_ labels: CheckedLabels, _ weights: Tensor?) -> Double {
  guard let weights, !weights.isPlaceholder else { return Double(labels.validCount) }
  return weights.scalars().reduce(0, +)
}

/// The cross-entropy between softmax(logits) and integer labels.
///
/// Per position - Σ over classes of w q' logSoftmax(logits), q' = (1 - s) onehot(label) + s /
/// classes with s the label smoothing and w the class weights, which apply to each class's term.
/// Exact for logits of any size.
///
/// - Parameters:
///   - logits: scores `[N, classes, ...]`.
///   - labels: the right classes `[N, ...]`, int64 (or int32), each in `0 ..< classes`.
///   - classWeights: a factor per class, `[classes]`; constants. Default: 1.
///   - labelSmoothing: s, in 0 ... 1. Default: 0.
///   - ignored: a label that marks positions to leave out; it may lie outside the classes. Default:
///     none.
///   - reduction: `.mean` divides by the sum of the weights of the labels met, ignored ones left
///     out: without weights, by the number of positions that count. Where none counts the result is
///     0 (PyTorch: NaN). Default: `.mean`.
/// - Returns: a scalar, or with `.none` `[N, ...]`.
/// - Precondition: shapes as above. A label out of range ends the process with its value and
///   position.
///
/// Without weights and smoothing it is one fused op. Smoothing: Szegedy et al., "Rethinking the
/// Inception architecture", 2015.
public func softmaxCrossEntropy(
  _ logits: Tensor, labels: Tensor, classWeights: Tensor? = nil, labelSmoothing: Double = 0,
  ignoring ignored: Int? = nil, reduction: LossReduction = .mean, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  let function = "softmaxCrossEntropy"
  let isPlain = classWeights == nil && labelSmoothing == 0
  // The fused op has a shape rule of its own.
  if !isPlain || logits.rank < 2 || labels.dtype.isFloatingPoint,
    let refused = refusal(
      of: function, logits, labels, classWeights, called: ("logits", "labels"), file: file,
      line: line)
  {
    return refused
  }
  requireSmoothing(labelSmoothing, file: file, line: line)
  let checked = CheckedLabels(
    labels, classes: logits.shape[1], ignoring: ignored, function: function, file: file, line: line)
  if isPlain {
    let scale = reduction == .mean ? 1 / Double(max(checked.validCount, 1)) : 1
    return apply(
      SoftmaxCrossEntropy(scale: scale, isSummed: reduction != .none),
      to: Tensors(logits, checked.tensor), file: file, line: line)[0]
  }
  let logarithms = logSoftmax(logits, axis: 1, file: file, line: line)
  let weights = labelWeights(checked, classWeights, logits.dtype)
  var losses = -pickClass(logarithms, checked.tensor)
  if let weights { losses = losses * weights }
  if labelSmoothing > 0 {
    let factors = classWeights.map { logarithms * alongClasses($0, logits) } ?? logarithms
    var spread =
      factors.sum(along: 1, file: file, line: line) * (-labelSmoothing / Double(logits.shape[1]))
    if let mask = checked.mask(logits.dtype) { spread = spread * mask }
    losses = losses * (1 - labelSmoothing) + spread
  }
  return losses.reduced(reduction, count: divisor(checked, weights), file: file, line: line)
}

private func requireSmoothing(_ smoothing: Double, file: StaticString, line: UInt) {
  guard smoothing >= 0, smoothing <= 1 else {
    trap(
      "softmaxCrossEntropy: labelSmoothing lies in 0 ... 1, it is \(smoothing)", file: file,
      line: line)
  }
}

/// The cross-entropy between softmax(logits) and given probabilities.
///
/// Per position - Σ over classes of w q' logSoftmax(logits), q' = (1 - s) probabilities + s /
/// classes.
///
/// - Parameters:
///   - logits: scores `[N, classes, ...]`.
///   - probabilities: targets of the same shape; gradients flow to them too.
///   - classWeights: a factor per class, `[classes]`; constants. Default: 1.
///   - labelSmoothing: s, in 0 ... 1. Default: 0.
///   - reduction: `.mean` divides by the number of positions (not times classes), whatever the
///     weights. Default: `.mean`.
/// - Returns: a scalar, or with `.none` `[N, ...]`.
/// - Precondition: equal shapes and types.
public func softmaxCrossEntropy(
  _ logits: Tensor, probabilities: Tensor, classWeights: Tensor? = nil, labelSmoothing: Double = 0,
  reduction: LossReduction = .mean, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "softmaxCrossEntropy", logits, probabilities, classWeights,
    called: ("logits", "probabilities"), file: file, line: line)
  {
    return refused
  }
  requireSmoothing(labelSmoothing, file: file, line: line)
  var targets = probabilities
  if labelSmoothing > 0 {
    targets = targets * (1 - labelSmoothing) + labelSmoothing / Double(logits.shape[1])
  }
  if let classWeights { targets = targets * alongClasses(classWeights, logits) }
  let losses = -(targets * logSoftmax(logits, axis: 1, file: file, line: line))
    .sum(along: 1, file: file, line: line)
  return losses.reduced(reduction, file: file, line: line)
}

/// - w[label] · logProbabilities[label]: the cross-entropy of what `logSoftmax` returns.
///
/// - Parameters:
///   - logProbabilities: `[N, classes, ...]`.
///   - labels: the right classes `[N, ...]`, int64 (or int32), each in `0 ..< classes`.
///   - classWeights: a factor per class, `[classes]`; constants. Default: 1.
///   - ignored: a label that marks positions to leave out. Default: none.
///   - reduction: the mean is
///     ``softmaxCrossEntropy(_:labels:classWeights:labelSmoothing:ignoring:reduction:file:line:)``'s.
///     Default: `.mean`.
/// - Returns: a scalar, or with `.none` `[N, ...]`.
/// - Precondition: shapes as above. A label out of range ends the process with its value and
///   position.
public func negativeLogLikelihood(
  _ logProbabilities: Tensor, labels: Tensor, classWeights: Tensor? = nil,
  ignoring ignored: Int? = nil, reduction: LossReduction = .mean, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  let function = "negativeLogLikelihood"
  if let refused = refusal(
    of: function, logProbabilities, labels, classWeights, called: ("logProbabilities", "labels"),
    file: file, line: line)
  {
    return refused
  }
  let checked = CheckedLabels(
    labels, classes: logProbabilities.shape[1], ignoring: ignored, function: function, file: file,
    line: line)
  let weights = labelWeights(checked, classWeights, logProbabilities.dtype)
  var losses = -pickClass(logProbabilities, checked.tensor)
  if let weights { losses = losses * weights }
  return losses.reduced(reduction, count: divisor(checked, weights), file: file, line: line)
}

/// The multiclass hinge loss of Weston and Watkins, divided by the number of classes as PyTorch's
/// `multi_margin_loss` (CS231n's does not divide).
///
/// Per sample w[label] / classes · Σ over the other classes c of max(0, margin - scores[label] +
/// scores[c])^power. One class has no rivals: the loss is 0 and has no gradient.
///
/// - Parameters:
///   - scores: `[N, classes]`.
///   - labels: the right classes `[N]`, int64 (or int32).
///   - classWeights: a factor per class, outside the power; constants. Default: 1.
///   - margin: how far the right score should lead. Default: 1.
///   - power: 1 or 2. Default: 1.
///   - reduction: `.mean` divides by the batch, weights or not. Default: `.mean`.
/// - Returns: a scalar, or with `.none` `[N]`.
/// - Precondition: shapes as above, `power` 1 or 2. A label out of range ends the process with its
///   value and position.
///
/// Weston and Watkins, "Support vector machines for multi-class pattern recognition", 1999.
public func multiclassHinge(
  _ scores: Tensor, labels: Tensor, classWeights: Tensor? = nil, margin: Double = 1, power: Int = 1,
  reduction: LossReduction = .mean, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let function = "multiclassHinge"
  guard power == 1 || power == 2 else {
    trap("\(function): power is 1 or 2, not \(power)", file: file, line: line)
  }
  if let refused = refusal(
    of: function, scores, labels, classWeights, called: ("scores", "labels"), file: file, line: line
  ) {
    return refused
  }
  let checked = CheckedLabels(
    labels, classes: scores.shape[1], ignoring: nil, function: function, file: file, line: line)
  let right = pickClass(scores, checked.tensor).withClassAxis()
  var terms = relu(scores - right + margin, file: file, line: line)
  if power == 2 { terms = square(terms, file: file, line: line) }
  // The right class is no rival of itself.
  let ones = Tensor.ones(labels.shape, dtype: scores.dtype)
  let rivals = 1 - apply(PlaceClass(classes: scores.shape[1]), to: Tensors(ones, checked.tensor))[0]
  var losses =
    (terms * rivals).sum(along: 1, file: file, line: line) * (1 / Double(max(scores.shape[1], 1)))
  if let weights = labelWeights(checked, classWeights, scores.dtype) { losses = losses * weights }
  return losses.reduced(reduction, file: file, line: line)
}
