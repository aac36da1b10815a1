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
  public init(
    _ container: some ParameterContainer, learningRate: Double = 1e-3, beta1: Double = 0.9,
    beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0,
    decays: DecayedParameters = .all,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    super.init(
      container, learningRate: learningRate,
      rule: RAdamRule(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay),
      decays: decays, file: file, line: line)
  }
}

private struct RAdamRule: ParameterRule {
  let beta1, beta2, epsilon, weightDecay: Double

  func check(_ arguments: ArgumentChecks) {
    arguments.fraction(beta1, "beta1")
    arguments.fraction(beta2, "beta2")
    arguments.positive(epsilon, "epsilon")
  }

  func slots(of spec: TensorSpec) -> [StateSlot] {
    [StateSlot("firstMoment"), StateSlot("secondMoment")]
  }

  func move(_ step: ParameterStep) {
    let t = Double(step.number)
    let power = tapestry_pow(beta2, t)
    let limit = 2 / (1 - beta2) - 1
    let length = limit - 2 * t * power / (1 - power)
    step.run(TAPESTRY_RADAM, step.state[0], step.state[1]) {
      $0.learning_rate /= 1 - tapestry_pow(beta1, t)
      if length > 5 {
        let ratio =
          (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
        $0.learning_rate *= tapestry_sqrt(ratio) * tapestry_sqrt(1 - power)
        $0.rectified = true
      }
      $0.beta1 = beta1
      $0.beta2 = beta2
      $0.epsilon = epsilon
    }
  }
}
