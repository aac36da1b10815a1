import CTapestryKernels
import TapestryGraph

/// Adadelta (Zeiler 2012): RMSprop whose rate is the root mean square of its own past steps.
///
///     g ← g + weightDecay θ
///     s ← rho s + (1 - rho) g²
///     d = √(a + epsilon) / √(s + epsilon) · g
///     a ← rho a + (1 - rho) d²
///     θ ← θ - learningRate d
public final class Adadelta: ParameterwiseOptimizer {
  public init(
    _ container: some ParameterContainer, learningRate: Double = 1, rho: Double = 0.9,
    epsilon: Double = 1e-6, weightDecay: Double = 0, decays: DecayedParameters = .all,
    file: StaticString = #fileID,
    line: UInt = #line
  ) {
    super.init(
      container, learningRate: learningRate,
      rule: AdadeltaRule(rho: rho, epsilon: epsilon, weightDecay: weightDecay), decays: decays,
      file: file, line: line)
  }
}

private struct AdadeltaRule: ParameterRule {
  let rho, epsilon, weightDecay: Double

  func check(_ arguments: ArgumentChecks) {
    arguments.fraction(rho, "rho")
    arguments.positive(epsilon, "epsilon")
  }

  func slots(of spec: TensorSpec) -> [StateSlot] { [StateSlot("squares"), StateSlot("steps")] }

  func move(_ step: ParameterStep) {
    step.run(TAPESTRY_ADADELTA, step.state[0], step.state[1]) {
      $0.beta2 = rho
      $0.epsilon = epsilon
    }
  }
}
