import CTapestryKernels
import TapestryGraph

/// NAdam (Dozat 2016): Adam with Nesterov's look-ahead.
///
///     g ← g + weightDecay θ;  m, v as in Adam
///     μₜ = β₁ (1 - ½ · 0.96^(t momentumDecay)),  Πₜ = μ₁ ... μₜ
///     m̂ = μₜ₊₁ m / (1 - Πₜ₊₁) + (1 - μₜ) g / (1 - Πₜ)
///     θ ← θ - learningRate m̂ / (√(v / (1 - β₂ᵗ)) + epsilon)
public final class NAdam: ParameterwiseOptimizer {
  public init(
    _ container: some ParameterContainer, learningRate: Double = 2e-3, beta1: Double = 0.9,
    beta2: Double = 0.999, epsilon: Double = 1e-8, momentumDecay: Double = 4e-3,
    weightDecay: Double = 0, decays: DecayedParameters = .all, file: StaticString = #fileID,
    line: UInt = #line
  ) {
    super.init(
      container, learningRate: learningRate,
      rule: NAdamRule(
        beta1: beta1, beta2: beta2, epsilon: epsilon, momentumDecay: momentumDecay,
        weightDecay: weightDecay), decays: decays, file: file, line: line)
  }
}

/// A class, for the products that it has computed.
private final class NAdamRule: ParameterRule {
  let beta1, beta2, epsilon, momentumDecay, weightDecay: Double
  /// Πₜ at place t, as far as it was needed; it ends with the first 0, after which all are.
  private var products = [1.0]

  init(beta1: Double, beta2: Double, epsilon: Double, momentumDecay: Double, weightDecay: Double) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.momentumDecay = momentumDecay
    self.weightDecay = weightDecay
  }

  func check(_ arguments: ArgumentChecks) {
    arguments.fraction(beta1, "beta1")
    arguments.fraction(beta2, "beta2")
    arguments.positive(epsilon, "epsilon")
    arguments.nonNegative(momentumDecay, "momentumDecay")
  }

  func slots(of spec: TensorSpec) -> [StateSlot] {
    [StateSlot("firstMoment"), StateSlot("secondMoment")]
  }

  private func momentum(_ t: Int) -> Double {
    beta1 * (1 - 0.5 * tapestry_pow(0.96, Double(t) * momentumDecay))
  }

  private func product(_ t: Int) -> Double {
    while products.count <= t, let last = products.last, last > 0 {
      products.append(last * momentum(products.count))
    }
    return t < products.count ? products[t] : 0
  }

  func move(_ step: ParameterStep) {
    let t = step.number
    step.run(TAPESTRY_NADAM, step.state[0], step.state[1]) {
      $0.gradient_rate = $0.learning_rate * (1 - momentum(t)) / (1 - product(t))
      $0.learning_rate *= momentum(t + 1) / (1 - product(t + 1))
      $0.beta1 = beta1
      $0.beta2 = beta2
      $0.epsilon = epsilon
      $0.correction2 = 1 - tapestry_pow(beta2, Double(t))
    }
  }
}
