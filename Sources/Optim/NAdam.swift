import CTapestryKernels
import TapestryGraph

/// NAdam (Dozat 2016): Adam with Nesterov's look-ahead.
///
///     g ← g + weightDecay θ;  m, v as in Adam
///     μₜ = β₁ (1 - ½ · 0.96^(t momentumDecay)),  Πₜ = μ₁ ... μₜ
///     m̂ = μₜ₊₁ m / (1 - Πₜ₊₁) + (1 - μₜ) g / (1 - Πₜ)
///     θ ← θ - learningRate m̂ / (√(v / (1 - β₂ᵗ)) + epsilon)
public final class NAdam: ParameterwiseOptimizer {
  let beta1, beta2, epsilon, momentumDecay, weightDecay: Double
  /// Πₜ at place t, as far as it was needed; it ends with the first 0, after which all are.
  private var products = [1.0]

  public init(
    _ container: some ParameterContainer, learningRate: Double = 2e-3, beta1: Double = 0.9,
    beta2: Double = 0.999, epsilon: Double = 1e-8, momentumDecay: Double = 4e-3,
    weightDecay: Double = 0, decays: DecayedParameters = .all, file: StaticString = #fileID,
    line: UInt = #line
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.momentumDecay = momentumDecay
    self.weightDecay = weightDecay
    super.init(
      container, learningRate: learningRate,
      slots: [Slot(name: "firstMoment"), Slot(name: "secondMoment")], decays: decays, file: file,
      line: line)
    requireFraction(beta1, "beta1", of: self, file, line)
    requireFraction(beta2, "beta2", of: self, file, line)
    requirePositive(epsilon, "epsilon", of: self, file, line)
    requireNonNegative(momentumDecay, "momentumDecay", of: self, file, line)
    requireNonNegative(weightDecay, "weightDecay", of: self, file, line)
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

  override func move(_ step: ParameterStep) {
    let t = step.number
    step.run(
      Rule(
        momentRate: step.learningRate * momentum(t + 1) / (1 - product(t + 1)),
        gradientRate: step.learningRate * (1 - momentum(t)) / (1 - product(t)),
        decay: weightDecay * step.weightDecayFactor, beta1: beta1, beta2: beta2,
        correction: 1 - tapestry_pow(beta2, Double(t)), epsilon: epsilon))
  }

  private struct Rule: ElementRule {
    let momentRate, gradientRate, decay, beta1, beta2, correction, epsilon: Double

    func advance<Real: BinaryFloatingPoint>(_ arrays: StepArrays<Real>, _ range: Range<Int>) {
      let (momentRate, gradientRate) = (Real(momentRate), Real(gradientRate))
      let (decay, correction, epsilon) = (Real(decay), Real(correction), Real(epsilon))
      let (beta1, fresh1) = (Real(beta1), Real(1 - beta1))
      let (beta2, fresh2) = (Real(beta2), Real(1 - beta2))
      let (first, second) = (arrays.state[0], arrays.state[1])
      for index in range {
        let g = arrays.gradient(at: index, decay: decay)
        first[index] = beta1 * first[index] + fresh1 * g
        second[index] = beta2 * second[index] + fresh2 * g * g
        let size = (second[index] / correction).squareRoot() + epsilon
        arrays.parameter[index] -= (momentRate * first[index] + gradientRate * g) / size
      }
    }
  }
}
