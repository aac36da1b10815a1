import CTapestryKernels
import TapestryGraph

/// Adamax (Kingma and Ba 2015, section 7.1): Adam with the infinity norm.
///
///     g ← g + weightDecay θ
///     m ← β₁ m + (1 - β₁) g
///     u ← max(β₂ u, |g| + epsilon)
///     θ ← θ - learningRate / (1 - β₁ᵗ) · m / u
public final class Adamax: ParameterwiseOptimizer {
  let beta1, beta2, epsilon, weightDecay: Double

  public init(
    _ container: some ParameterContainer, learningRate: Double = 2e-3, beta1: Double = 0.9,
    beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0,
    decays: DecayedParameters = .all,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    super.init(
      container, learningRate: learningRate,
      slots: [Slot(name: "firstMoment"), Slot(name: "largest")], decays: decays, file: file,
      line: line)
    requireFraction(beta1, "beta1", of: self, file, line)
    requireFraction(beta2, "beta2", of: self, file, line)
    requirePositive(epsilon, "epsilon", of: self, file, line)
    requireNonNegative(weightDecay, "weightDecay", of: self, file, line)
  }

  override func move(_ step: ParameterStep) {
    step.run(
      Rule(
        rate: step.learningRate / (1 - tapestry_pow(beta1, Double(step.number))),
        decay: weightDecay * step.weightDecayFactor, beta1: beta1, beta2: beta2, epsilon: epsilon))
  }

  private struct Rule: ElementRule {
    let rate, decay, beta1, beta2, epsilon: Double

    func advance<Real: BinaryFloatingPoint>(_ arrays: StepArrays<Real>, _ range: Range<Int>) {
      let (rate, decay, epsilon) = (Real(rate), Real(decay), Real(epsilon))
      let (beta1, fresh, beta2) = (Real(beta1), Real(1 - beta1), Real(beta2))
      let (moment, largest) = (arrays.state[0], arrays.state[1])
      for index in range {
        let g = arrays.gradient(at: index, decay: decay)
        moment[index] = beta1 * moment[index] + fresh * g
        largest[index] = max(beta2 * largest[index], abs(g) + epsilon)
        arrays.parameter[index] -= rate * moment[index] / largest[index]
      }
    }
  }
}
