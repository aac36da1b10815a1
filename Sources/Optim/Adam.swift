import CTapestryKernels
import TapestryGraph

/// Adam: moving averages of the gradient and of its square (Kingma and Ba 2015).
///
///     g ← g + weightDecay θ
///     m ← β₁ m + (1 - β₁) g
///     v ← β₂ v + (1 - β₂) g²
///     θ ← θ - learningRate (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + epsilon)
///
/// With `amsgrad` (Reddi et al. 2018) the largest v so far takes the place of v, before the correction. t counts
/// the parameter's own updates. Weight decay is part of the gradient here; see ``AdamW`` for the other kind.
public final class Adam: ParameterwiseOptimizer {
  /// - Parameters:
  ///   - container: whose parameters to move.
  ///   - learningRate: about the largest change of an element per step.
  ///   - beta1: the weight of the past in m, 0 ..< 1.
  ///   - beta2: the weight of the past in v, 0 ..< 1.
  ///   - epsilon: keeps the quotient finite, more than 0.
  public init(
    _ container: some ParameterContainer, learningRate: Double = 1e-3, beta1: Double = 0.9,
    beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0,
    decays: DecayedParameters = .all, amsgrad: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    super.init(
      container, learningRate: learningRate,
      rule: AdamRule(
        beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay, amsgrad: amsgrad,
        isDecoupled: false), decays: decays, file: file, line: line)
  }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019): θ ← θ (1 - learningRate weightDecay) first,
/// then ``Adam``'s step with the gradient as it is.
public final class AdamW: ParameterwiseOptimizer {
  /// Parameters as of ``Adam``; `weightDecay` is multiplied by the learning rate, as in PyTorch.
  public init(
    _ container: some ParameterContainer, learningRate: Double = 1e-3, beta1: Double = 0.9,
    beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 1e-2,
    decays: DecayedParameters = .all,
    amsgrad: Bool = false, file: StaticString = #fileID, line: UInt = #line
  ) {
    super.init(
      container, learningRate: learningRate,
      rule: AdamRule(
        beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay, amsgrad: amsgrad,
        isDecoupled: true), decays: decays, file: file, line: line)
  }
}

/// What the two have in common.
struct AdamRule: ParameterRule {
  let beta1, beta2, epsilon, weightDecay: Double
  let amsgrad, isDecoupled: Bool

  func slots(of spec: TensorSpec) -> [StateSlot] {
    let names = ["firstMoment", "secondMoment"] + (amsgrad ? ["largestSecondMoment"] : [])
    return names.map { StateSlot($0) }
  }

  func check(_ arguments: ArgumentChecks) {
    arguments.fraction(beta1, "beta1")
    arguments.fraction(beta2, "beta2")
    arguments.positive(epsilon, "epsilon")
  }

  func move(_ step: ParameterStep) {
    var constants = tapestry_adam()
    constants.learning_rate = step.learningRate
    constants.beta1 = beta1
    constants.beta2 = beta2
    constants.epsilon = epsilon
    constants.weight_decay = step.weightDecay
    constants.gradient_scale = step.gradientScale
    constants.correction1 = 1 - tapestry_pow(beta1, Double(step.number))
    constants.correction2 = 1 - tapestry_pow(beta2, Double(step.number))
    constants.decoupled = isDecoupled
    tapestry_adam_step(
      step.dtype.code, Int64(step.count), &constants, step.gradient, step.state[0], step.state[1],
      amsgrad ? step.state[2] : nil, step.parameter)
  }
}
