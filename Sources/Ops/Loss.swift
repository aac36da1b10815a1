import TapestryGraph

// Losses between predictions and targets of equal shape. Nothing broadcasts silently.

/// How the losses of single positions become the result.
public enum LossReduction: Sendable, CaseIterable {
  /// They are the result.
  case none
  /// Their sum.
  case sum
  /// Their mean; each loss says what it divides by.
  case mean
}

extension Tensor {
  /// These losses reduced; the mean divides by `count`, their number unless told otherwise, and is
  /// 0 for none.
  func reduced(
    _ reduction: LossReduction, count divisor: Double? = nil, file: StaticString, line: UInt
  ) -> Tensor {
    switch reduction {
    case .none: return self
    case .sum: return sum(file: file, line: line)
    case .mean:
      let divisor = divisor ?? Double(count)
      let sum = sum(file: file, line: line)
      return divisor == 0 ? sum * 0 : sum / divisor
    }
  }
}

/// Predictions and targets agree in shape and type.
func refusal(
  of function: String, _ predictions: Tensor, _ targets: Tensor, called names: (String, String),
  file: StaticString, line: UInt
) -> Tensor? {
  refusal(
    of: function, [(names.0, predictions), (names.1, targets)], file: file, line: line
  ) { () throws(Misuse) in
    guard predictions.shape == targets.shape else {
      throw Misuse(
        "\(names.0) have shape \(predictions.shape), but \(names.1) \(targets.shape); losses do not broadcast"
      )
    }
    try requireSameType(Tensors(predictions, targets))
  }
}

/// (predictions - targets)², reduced.
///
/// - Parameters:
///   - predictions: any shape.
///   - targets: the same shape. Gradients flow to both.
///   - reduction: `.mean` divides by the number of elements. Default: `.mean`.
/// - Returns: a scalar, or with `.none` the shape of the operands.
/// - Precondition: equal shapes and types.
public func meanSquaredError(
  _ predictions: Tensor, _ targets: Tensor, reduction: LossReduction = .mean,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "meanSquaredError", predictions, targets, called: ("predictions", "targets"), file: file,
    line: line)
  {
    return refused
  }
  return square(predictions - targets, file: file, line: line)
    .reduced(reduction, file: file, line: line)
}

/// ½ (targets - predictions)², reduced; with `.sum` it is the total error of the textbooks.
/// Parameters as in `meanSquaredError`.
public func halfSquaredError(
  _ predictions: Tensor, _ targets: Tensor, reduction: LossReduction = .mean,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "halfSquaredError", predictions, targets, called: ("predictions", "targets"), file: file,
    line: line)
  {
    return refused
  }
  return (square(predictions - targets, file: file, line: line) * 0.5)
    .reduced(reduction, file: file, line: line)
}

/// |predictions - targets|, reduced; the gradient where they are equal is 0. Parameters as in
/// `meanSquaredError`.
public func l1Loss(
  _ predictions: Tensor, _ targets: Tensor, reduction: LossReduction = .mean,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "l1Loss", predictions, targets, called: ("predictions", "targets"), file: file, line: line)
  {
    return refused
  }
  return abs(predictions - targets, file: file, line: line)
    .reduced(reduction, file: file, line: line)
}

/// d²/2 where d = |predictions - targets| is less than `delta`, otherwise delta (d - delta/2),
/// reduced.
///
/// - Parameters:
///   - predictions: any shape.
///   - targets: the same shape. Gradients flow to both.
///   - delta: where the square turns into a line, in units of the predictions; positive. Default:
///     1.
///   - reduction: `.mean` divides by the number of elements. Default: `.mean`.
/// - Precondition: equal shapes and types, `delta` positive.
///
/// Huber, "Robust estimation of a location parameter", 1964.
public func huberLoss(
  _ predictions: Tensor, _ targets: Tensor, delta: Double = 1, reduction: LossReduction = .mean,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  huber("huberLoss", predictions, targets, delta, divisor: 1, reduction, file: file, line: line)
}

/// `huberLoss` divided by `delta`: slope 1 far out. Parameters as there.
///
/// Girshick, "Fast R-CNN", 2015, with delta = 1.
public func smoothL1Loss(
  _ predictions: Tensor, _ targets: Tensor, delta: Double = 1, reduction: LossReduction = .mean,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  huber(
    "smoothL1Loss", predictions, targets, delta, divisor: delta, reduction, file: file, line: line)
}

private func huber(
  _ function: String, _ predictions: Tensor, _ targets: Tensor, _ delta: Double, divisor: Double,
  _ reduction: LossReduction, file: StaticString, line: UInt
) -> Tensor {
  guard delta > 0 else {
    trap("\(function): delta is positive, not \(delta)", file: file, line: line)
  }
  if let refused = refusal(
    of: function, predictions, targets, called: ("predictions", "targets"), file: file, line: line)
  {
    return refused
  }
  let d = predictions - targets
  // c (d - c/2) for d limited to ± delta is both branches at once, and smooth at 0.
  let c = clip(d, min: -delta, max: delta, file: file, line: line)
  let losses = c * (d - c * 0.5)
  return (divisor == 1 ? losses : losses * (1 / divisor))
    .reduced(reduction, file: file, line: line)
}

/// The cross-entropy of probabilities sigmoid(logits), from the logits, so that large ones do not
/// overflow.
///
/// positiveWeight · target · softplus(-logit) + (1 - target) · softplus(logit), reduced.
///
/// - Parameters:
///   - logits: any shape.
///   - targets: probabilities in [0, 1] of the same shape; constants, no gradient flows to them.
///   - positiveWeights: factors of the positive terms, which broadcast along the last axis;
///     constants. Default: 1.
///   - reduction: `.mean` divides by the number of elements. Default: `.mean`.
/// - Precondition: equal shapes and types.
public func binaryCrossEntropyWithLogits(
  _ logits: Tensor, _ targets: Tensor, positiveWeights: Tensor? = nil,
  reduction: LossReduction = .mean, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "binaryCrossEntropyWithLogits", logits, targets, called: ("logits", "targets"), file: file,
    line: line)
  {
    return refused
  }
  let targets = targets.detached()
  var positive = targets
  if let weights = positiveWeights?.detached() {
    if let refused = refusal(
      of: "binaryCrossEntropyWithLogits", [("logits", logits), ("positiveWeights", weights)],
      file: file, line: line,
      rule: { () throws(Misuse) in
        guard TensorShape.broadcast(logits.shape, weights.shape) == logits.shape else {
          throw Misuse("positiveWeights \(weights.shape) do not broadcast to \(logits.shape)")
        }
      })
    {
      return refused
    }
    positive = targets * weights
  }
  let losses =
    positive * softplus(-logits, file: file, line: line)
    + (1 - targets) * softplus(logits, file: file, line: line)
  return losses.reduced(reduction, file: file, line: line)
}
