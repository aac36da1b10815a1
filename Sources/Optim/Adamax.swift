import CTapestryKernels
import TapestryGraph

/// Adamax (Kingma and Ba 2015, section 7.1): Adam with the infinity norm.
///
///     g ← g + weightDecay θ
///     m ← β₁ m + (1 - β₁) g
///     u ← max(β₂ u, |g| + epsilon)
///     θ ← θ - learningRate / (1 - β₁ᵗ) · m / u
public final class Adamax: ParameterwiseOptimizer {
  public init(
    _ container: some ParameterContainer, learningRate: Double = 2e-3, beta1: Double = 0.9,
    beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0,
    decays: DecayedParameters = .all,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    super.init(
      container, learningRate: learningRate,
      rule: AdamaxRule(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay),
      decays: decays, file: file, line: line)
  }
}

private struct AdamaxRule: ParameterRule {
  let beta1, beta2, epsilon, weightDecay: Double

  func check(_ arguments: ArgumentChecks) {
    arguments.fraction(beta1, "beta1")
    arguments.fraction(beta2, "beta2")
    arguments.positive(epsilon, "epsilon")
  }

  func slots(of spec: TensorSpec) -> [StateSlot] {
    [StateSlot("firstMoment"), StateSlot("largest")]
  }

  func move(_ step: ParameterStep) {
    step.run(TAPESTRY_ADAMAX, step.state[0], step.state[1]) {
      $0.learning_rate /= 1 - tapestry_pow(beta1, Double(step.number))
      $0.beta1 = beta1
      $0.beta2 = beta2
      $0.epsilon = epsilon
    }
  }
}
