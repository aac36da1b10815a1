import CTapestryKernels
import TapestryGraph

/// RAdam (Liu et al. 2020): Adam that leaves its second moment out until that has seen enough steps.
///
///     g ← g + weightDecay θ;  m, v as in Adam;  m̂ = m / (1 - β₁ᵗ)
///     ρ = 2 / (1 - β₂) - 1,  ρₜ = ρ - 2 t β₂ᵗ / (1 - β₂ᵗ)
///     ρₜ > 5:  r = √((ρₜ - 4)(ρₜ - 2) ρ / ((ρ - 4)(ρ - 2) ρₜ)),
///              θ ← θ - learningRate r m̂ √(1 - β₂ᵗ) / (√v + epsilon)
///     else     θ ← θ - learningRate m̂
public final class RAdam: ParameterwiseOptimizer {
  let beta1, beta2, epsilon, weightDecay: Double

  public init(
    _ container: some ParameterContainer, learningRate: Double = 1e-3, beta1: Double = 0.9,
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
      slots: [Slot(name: "firstMoment"), Slot(name: "secondMoment")], decays: decays, file: file,
      line: line)
    requireFraction(beta1, "beta1", of: self, file, line)
    requireFraction(beta2, "beta2", of: self, file, line)
    requirePositive(epsilon, "epsilon", of: self, file, line)
    requireNonNegative(weightDecay, "weightDecay", of: self, file, line)
  }

  override func move(_ step: ParameterStep) {
    let t = Double(step.number)
    let rate = step.learningRate / (1 - tapestry_pow(beta1, t))
    let power = tapestry_pow(beta2, t)
    let limit = 2 / (1 - beta2) - 1
    let length = limit - 2 * t * power / (1 - power)
    var rectified: Double?
    if length > 5 {
      let ratio =
        (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
      rectified = rate * tapestry_sqrt(ratio) * tapestry_sqrt(1 - power)
    }
    step.run(
      Rule(
        rate: rate, rectifiedRate: rectified, decay: weightDecay * step.weightDecayFactor,
        beta1: beta1, beta2: beta2, epsilon: epsilon))
  }

  private struct Rule: ElementRule {
    let rate: Double
    /// With the second moment; `nil` while that is left out.
    let rectifiedRate: Double?
    let decay, beta1, beta2, epsilon: Double

    func advance<Real: BinaryFloatingPoint>(_ arrays: StepArrays<Real>, _ range: Range<Int>) {
      let (rate, decay, epsilon) = (Real(rectifiedRate ?? rate), Real(decay), Real(epsilon))
      let (beta1, fresh1) = (Real(beta1), Real(1 - beta1))
      let (beta2, fresh2) = (Real(beta2), Real(1 - beta2))
      let isRectified = rectifiedRate != nil
      let (first, second) = (arrays.state[0], arrays.state[1])
      for index in range {
        let g = arrays.gradient(at: index, decay: decay)
        first[index] = beta1 * first[index] + fresh1 * g
        second[index] = beta2 * second[index] + fresh2 * g * g
        let size = isRectified ? second[index].squareRoot() + epsilon : 1
        arrays.parameter[index] -= rate * first[index] / size
      }
    }
  }
}
