import CTapestryKernels
import TapestryGraph

// Losses that are negative log-likelihoods or divergences of distributions.

/// How the terms of a divergence become the result.
public enum DivergenceReduction: Sendable, CaseIterable {
  /// They are the result.
  case none
  /// Their sum.
  case sum
  /// Their sum divided by their number.
  case mean
  /// Their sum divided by the size of the first axis: the mean divergence of the rows, which is the one that the formula means.
  case batchMean
}

/// The Kullback-Leibler divergence of predicted from given distributions: targets (ln targets - logProbabilities), reduced; 0 where a target
/// is 0.
///
/// - Parameters:
///   - logProbabilities: any shape, as `logSoftmax` returns them.
///   - targets: probabilities of the same shape, or their logarithms. Gradients flow to both.
///   - logTargets: whether the targets are logarithms. Default: false.
///   - reduction: `.mean` divides by the number of elements, `.batchMean` by the size of the first axis. Default: `.mean`.
/// - Returns: a scalar, or with `.none` the shape of the operands.
/// - Precondition: equal shapes and types; an axis for `.batchMean`.
///
/// Kullback and Leibler, "On information and sufficiency", 1951.
public func klDivergence(
  _ logProbabilities: Tensor, _ targets: Tensor, logTargets: Bool = false,
  reduction: DivergenceReduction = .mean, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let names = ("logProbabilities", "targets")
  if let refused = refusal(
    of: "klDivergence", logProbabilities, targets, called: names, file: file, line: line)
    ?? refusal(
      of: "klDivergence", [(names.0, logProbabilities), (names.1, targets)], file: file, line: line,
      rule: { () throws(Misuse) in
        guard reduction != .batchMean || logProbabilities.rank > 0 else {
          throw Misuse("batchMean divides by the first axis, but scalars have none")
        }
      })
  {
    return refused
  }
  let losses: Tensor
  if logTargets {
    losses = exp(targets, file: file, line: line) * (targets - logProbabilities)
  } else {
    // t ln t is 0 at 0, whose logarithm must not be seen.
    let one = Tensor(1, dtype: targets.dtype)
    let positive = select(where: targets .== 0, one, else: targets, file: file, line: line)
    losses = targets * (log(positive, file: file, line: line) - logProbabilities)
  }
  switch reduction {
  case .none: return losses.reduced(.none, file: file, line: line)
  case .sum: return losses.reduced(.sum, file: file, line: line)
  case .mean: return losses.reduced(.mean, file: file, line: line)
  case .batchMean:
    let rows = Double(losses.shape[0])
    return losses.reduced(.mean, count: rows, file: file, line: line)
  }
}

/// y = ln cosh x; y' = tanh x.
struct LogCosh: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    return withoutGradients {
      let size = abs(x)
      // Near 0 ln(1 + 2 sinh²(x / 2)), which loses nothing; far out x - ln 2 + ln(1 + e^-2x), which does not overflow.
      let small = clip(size, max: 1)
      let near = log1p(square(expm1(small)) * exp(-small) * 0.5)
      let far = size + log1p(exp(size * -2)) - 0.693_147_180_559_945_309_4
      return Tensors(select(where: size .<= 1, near, else: far))
    }
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent * tanh(node.input(0)))
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { $0 * tanh(node.input(0)) })
  }
}

/// ln cosh(predictions - targets), reduced: a square near 0, an absolute value far out, smooth everywhere, for differences of any size.
///
/// - Parameters:
///   - predictions: any shape.
///   - targets: the same shape. Gradients flow to both.
///   - reduction: `.mean` divides by the number of elements. Default: `.mean`.
/// - Returns: a scalar, or with `.none` the shape of the operands.
/// - Precondition: equal shapes and types.
public func logCoshLoss(
  _ predictions: Tensor, _ targets: Tensor, reduction: LossReduction = .mean,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "logCoshLoss", predictions, targets, called: ("predictions", "targets"), file: file,
    line: line)
  {
    return refused
  }
  return apply(LogCosh(), to: Tensors(predictions - targets), file: file, line: line)[0]
    .reduced(reduction, file: file, line: line)
}

/// The negative log-likelihood of counts under Poisson distributions, without constants: e^p - t p, or p - t ln(p + epsilon) where p is the
/// rate itself, reduced.
///
/// - Parameters:
///   - predictions: logarithms of rates, or rates; any shape.
///   - targets: counts of the same shape; constants, no gradient flows to them.
///   - logInput: whether the predictions are logarithms. Default: true.
///   - full: add Stirling's approximation of ln t!, t ln t - t + ½ ln(2π t), where t > 1. Default: false.
///   - epsilon: keeps the logarithm of a rate finite. Default: 1e-8.
///   - reduction: `.mean` divides by the number of elements. Default: `.mean`.
/// - Returns: a scalar, or with `.none` the shape of the operands.
/// - Precondition: equal shapes and types.
public func poissonNegativeLogLikelihood(
  _ predictions: Tensor, _ targets: Tensor, logInput: Bool = true, full: Bool = false,
  epsilon: Double = 1e-8, reduction: LossReduction = .mean, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "poissonNegativeLogLikelihood", predictions, targets, called: ("predictions", "targets"),
    file: file, line: line)
  {
    return refused
  }
  let targets = targets.detached()
  var losses =
    logInput
    ? exp(predictions, file: file, line: line) - targets * predictions
    : predictions - targets * log(predictions + epsilon, file: file, line: line)
  if full {
    let (zero, one) = (Tensor(0, dtype: targets.dtype), Tensor(1, dtype: targets.dtype))
    let large = select(where: targets .> 1, targets, else: one, file: file, line: line)
    let constant = large * log(large) - large + log(large * (2 * Double.pi)) * 0.5
    losses = losses + select(where: targets .> 1, constant, else: zero, file: file, line: line)
  }
  return losses.reduced(reduction, file: file, line: line)
}

/// The negative log-likelihood of values under normal distributions: ½ (ln v + (predictions - targets)² / v), v = max(variance, epsilon), reduced.
///
/// - Parameters:
///   - predictions: means; any shape.
///   - targets: the same shape.
///   - variance: the same shape, or with size 1 on the last axis, or without it: one variance for a row. Gradients flow to all three, but to
///     the variance not where it is below epsilon.
///   - full: add the constant ½ ln 2π. Default: false.
///   - epsilon: the least variance. Default: 1e-6.
///   - reduction: `.mean` divides by the number of elements. Default: `.mean`.
/// - Returns: a scalar, or with `.none` the shape of the predictions.
/// - Precondition: shapes as above, equal types, `epsilon` positive.
///
/// Nix and Weigend, "Estimating the mean and variance of the target probability distribution", 1994.
public func gaussianNegativeLogLikelihood(
  _ predictions: Tensor, _ targets: Tensor, variance: Tensor, full: Bool = false,
  epsilon: Double = 1e-6, reduction: LossReduction = .mean, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  let function = "gaussianNegativeLogLikelihood"
  if let refused = refusal(
    of: function, predictions, targets, called: ("predictions", "targets"), file: file, line: line)
  {
    return refused
  }
  let shape = predictions.shape
  let row = TensorShape(Array(shape.dropLast()))
  let isPerRow = variance.shape == row && variance.shape != shape
  if let refused = refusal(
    of: function, [("predictions", predictions), ("variance", variance)], file: file, line: line,
    rule: { () throws(Misuse) in
      var narrow = shape
      if shape.rank > 0 { narrow[shape.rank - 1] = 1 }
      guard variance.shape == shape || variance.shape == narrow || isPerRow else {
        throw Misuse(
          "predictions \(shape) need a variance of the same shape, or \(narrow) or \(row), not \(variance.shape)"
        )
      }
      try requireSameType(Tensors(predictions, variance))
      guard epsilon > 0 else { throw Misuse("epsilon is positive, not \(epsilon)") }
    })
  {
    return refused
  }
  let spread = isPerRow ? variance.expandedDimensions(at: -1, file: file, line: line) : variance
  let v = clip(spread, min: epsilon, file: file, line: line)
  let squares = square(predictions - targets, file: file, line: line)
  var losses = (log(v, file: file, line: line) + squares / v) * 0.5
  if full { losses = losses + 0.918_938_533_204_672_741_8 }
  return losses.reduced(reduction, file: file, line: line)
}
