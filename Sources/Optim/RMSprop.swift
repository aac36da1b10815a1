import CTapestryKernels
import TapestryGraph

/// RMSprop (Hinton, lecture 6e, 2012): the gradient over the root of a moving average of its square.
///
///     g ← g + weightDecay θ
///     s ← alpha s + (1 - alpha) g²
///     m ← alpha m + (1 - alpha) g, and the spread is s - m²      where centered; else the spread is s
///     u = g / (√spread + epsilon)
///     b ← momentum b + u;  θ ← θ - learningRate b                without momentum θ ← θ - learningRate u
///
/// epsilon stands outside the root, as in PyTorch; TensorFlow has it inside.
public final class RMSprop: ParameterwiseOptimizer {
  /// - Parameters:
  ///   - alpha: the weight of the past in the moving averages, 0 ..< 1.
  ///   - centered: divide by the deviation instead of the root mean square (Graves 2013).
  public init(
    _ container: some ParameterContainer, learningRate: Double = 1e-2, alpha: Double = 0.99,
    epsilon: Double = 1e-8, momentum: Double = 0, centered: Bool = false, weightDecay: Double = 0,
    decays: DecayedParameters = .all,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    super.init(
      container, learningRate: learningRate,
      rule: RMSpropRule(
        alpha: alpha, epsilon: epsilon, momentum: momentum, centered: centered,
        weightDecay: weightDecay), decays: decays, file: file, line: line)
  }
}

private struct RMSpropRule: ParameterRule {
  let alpha, epsilon, momentum: Double
  let centered: Bool
  let weightDecay: Double

  func check(_ arguments: ArgumentChecks) {
    arguments.fraction(alpha, "alpha")
    arguments.positive(epsilon, "epsilon")
    arguments.fraction(momentum, "momentum")
  }

  func slots(of spec: TensorSpec) -> [StateSlot] {
    var slots = [StateSlot("squares")]
    if centered { slots.append(StateSlot("mean")) }
    if momentum != 0 { slots.append(StateSlot("momentum")) }
    return slots
  }

  func move(_ step: ParameterStep) {
    let mean = centered ? step.state[1] : nil
    let velocity = momentum != 0 ? step.state.last : nil
    step.run(TAPESTRY_RMSPROP, step.state[0], mean, velocity) {
      $0.beta2 = alpha
      $0.epsilon = epsilon
      $0.momentum = momentum
    }
  }
}
