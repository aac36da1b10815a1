import CTapestryKernels
import TapestryGraph

/// Stochastic gradient descent, with momentum, Nesterov's look-ahead and weight decay.
///
///     g ← g + weightDecay θ
///     b ← g at the first step, then momentum b + (1 - dampening) g
///     θ ← θ - learningRate b             with nesterov: θ - learningRate (g + momentum b)
///
/// Without momentum θ ← θ - learningRate g, and nothing is remembered. The learning rate stands outside b, as in
/// PyTorch: after a change of the rate this differs from the form with the rate inside. Momentum: Polyak 1964;
/// look-ahead: Sutskever et al. 2013, rewritten for the present point.
public final class SGD: ParameterwiseOptimizer {
  /// The weight of the past in b.
  public let momentum: Double
  /// How much of a new gradient is kept out of b.
  public let dampening: Double
  /// Whether the step looks ahead.
  public let nesterov: Bool
  /// The strength of the pull towards zero, as part of the gradient.
  public let weightDecay: Double

  /// - Parameters:
  ///   - container: whose parameters to move.
  ///   - learningRate: 0 or more.
  ///   - momentum: 0 ..< 1, usually 0.9.
  /// - Precondition: numbers in range; `nesterov` needs momentum, and no dampening.
  public init(
    _ container: some ParameterContainer, learningRate: Double, momentum: Double = 0,
    dampening: Double = 0, nesterov: Bool = false, weightDecay: Double = 0,
    decays: DecayedParameters = .all,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    self.momentum = momentum
    self.dampening = dampening
    self.nesterov = nesterov
    self.weightDecay = weightDecay
    super.init(
      container, learningRate: learningRate,
      rule: SGDRule(
        momentum: momentum, dampening: dampening, nesterov: nesterov, weightDecay: weightDecay),
      decays: decays, file: file, line: line)
  }
}

private struct SGDRule: ParameterRule {
  let momentum, dampening: Double
  let nesterov: Bool
  let weightDecay: Double

  func check(_ arguments: ArgumentChecks) {
    arguments.fraction(momentum, "momentum")
    arguments.fraction(dampening, "dampening")
    arguments.require(
      !nesterov || (momentum != 0 && dampening == 0),
      "nesterov looks ahead along the momentum: it needs momentum greater than 0 and dampening 0,"
        + " not momentum \(momentum) and dampening \(dampening)")
  }

  func slots(of spec: TensorSpec) -> [StateSlot] { momentum == 0 ? [] : [StateSlot("momentum")] }

  func move(_ step: ParameterStep) {
    var constants = tapestry_sgd()
    constants.learning_rate = step.learningRate
    constants.momentum = momentum
    constants.dampening = dampening
    constants.weight_decay = step.weightDecay
    constants.gradient_scale = step.gradientScale
    constants.nesterov = nesterov
    constants.first = step.number == 1
    tapestry_sgd_step(
      step.dtype.code, Int64(step.count), &constants, step.gradient, step.state.first,
      step.parameter)
  }
}
