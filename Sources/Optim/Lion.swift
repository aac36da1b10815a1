import CTapestryKernels
import TapestryGraph

/// Lion (Chen et al. 2023, algorithm 2): steps of equal size in every element, along the sign of an average.
///
///     c = β₁ m + (1 - β₁) g
///     θ ← θ - learningRate (sign c + weightDecay θ)
///     m ← β₂ m + (1 - β₂) g
///
/// sign 0 = 0; there is no bias correction. Of what ``AdamW`` takes, a third to a tenth of the learning rate and three to
/// ten times the weight decay do; it remembers half as much.
public final class Lion: ParameterwiseOptimizer {
  /// - Parameters:
  ///   - container: whose parameters to move.
  ///   - learningRate: the size of the step of every element.
  ///   - beta1: the weight of the past in the direction, 0 ..< 1.
  ///   - beta2: the weight of the past in what is remembered, 0 ..< 1.
  ///   - weightDecay: multiplied by the learning rate, and not part of the gradient.
  public init(
    _ container: some ParameterContainer, learningRate: Double = 1e-4, beta1: Double = 0.9,
    beta2: Double = 0.99, weightDecay: Double = 0, decays: DecayedParameters = .all,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    super.init(
      container, learningRate: learningRate,
      rule: LionRule(beta1: beta1, beta2: beta2, weightDecay: weightDecay), decays: decays,
      file: file, line: line)
  }
}

private struct LionRule: ParameterRule {
  let beta1, beta2, weightDecay: Double

  func check(_ arguments: ArgumentChecks) {
    arguments.fraction(beta1, "beta1")
    arguments.fraction(beta2, "beta2")
  }

  func slots(of spec: TensorSpec) -> [StateSlot] { [StateSlot("momentum")] }

  func move(_ step: ParameterStep) {
    step.run(TAPESTRY_LION, step.state[0]) {
      $0.beta1 = beta1
      $0.beta2 = beta2
    }
  }
}
