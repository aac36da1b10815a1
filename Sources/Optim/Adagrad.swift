import CTapestryKernels
import TapestryGraph

/// Adagrad (Duchi, Hazan and Singer 2011): steps shrink with the sum of all squared gradients.
///
///     g ← g + weightDecay θ
///     s ← s + g², from initialAccumulator
///     θ ← θ - learningRate / (1 + (t - 1) learningRateDecay) · g / (√s + epsilon)
public final class Adagrad: ParameterwiseOptimizer {
  public init(
    _ container: some ParameterContainer, learningRate: Double = 1e-2,
    learningRateDecay: Double = 0, initialAccumulator: Double = 0, epsilon: Double = 1e-10,
    weightDecay: Double = 0, decays: DecayedParameters = .all, file: StaticString = #fileID,
    line: UInt = #line
  ) {
    super.init(
      container, learningRate: learningRate,
      rule: AdagradRule(
        learningRateDecay: learningRateDecay, initialAccumulator: initialAccumulator,
        epsilon: epsilon, weightDecay: weightDecay), decays: decays, file: file, line: line)
  }
}

private struct AdagradRule: ParameterRule {
  let learningRateDecay, initialAccumulator, epsilon, weightDecay: Double

  func check(_ arguments: ArgumentChecks) {
    arguments.nonNegative(learningRateDecay, "learningRateDecay")
    arguments.nonNegative(initialAccumulator, "initialAccumulator")
    arguments.positive(epsilon, "epsilon")
  }

  func slots(of spec: TensorSpec) -> [StateSlot] {
    [StateSlot("squares", initialValue: initialAccumulator)]
  }

  func move(_ step: ParameterStep) {
    step.run(TAPESTRY_ADAGRAD, step.state[0]) {
      $0.learning_rate /= 1 + Double(step.number - 1) * learningRateDecay
      $0.epsilon = epsilon
    }
  }
}
