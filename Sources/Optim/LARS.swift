import CTapestryKernels
import TapestryGraph

/// LARS (You, Gitman and Ginsburg 2017): momentum with a rate per parameter, for large batches.
///
///     ratio = trust |θ| / (|g| + weightDecay |θ|), norms over the whole parameter; 1 where either is 0
///     b ← momentum b + ratio (g + weightDecay θ)
///     θ ← θ - learningRate b
///
/// The learning rate stands outside b, as in ``SGD``; in the paper it stands inside. Costs two more passes than SGD,
/// for the norms.
public final class LARS: ParameterwiseOptimizer {
  /// - Parameters:
  ///   - momentum: the weight of the past in b, 0 ..< 1.
  ///   - trust: how far a parameter may move in a step, in units of its own norm.
  public init(
    _ container: some ParameterContainer, learningRate: Double, momentum: Double = 0.9,
    trust: Double = 1e-3, weightDecay: Double = 0, decays: DecayedParameters = .all,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    super.init(
      container, learningRate: learningRate,
      rule: LARSRule(momentum: momentum, trust: trust, weightDecay: weightDecay), decays: decays,
      file: file, line: line)
  }
}

private struct LARSRule: ParameterRule {
  let momentum, trust, weightDecay: Double

  func check(_ arguments: ArgumentChecks) {
    arguments.fraction(momentum, "momentum")
    arguments.positive(trust, "trust")
  }

  func slots(of spec: TensorSpec) -> [StateSlot] { momentum == 0 ? [] : [StateSlot("momentum")] }

  func move(_ step: ParameterStep) {
    let size = step.norm(step.parameter)
    let slope = step.norm(step.gradient) * abs(step.gradientScale)
    let ratio =
      size > 0 && slope > 0 ? trust * size / (slope + step.weightDecay * size) : 1
    var constants = tapestry_sgd()
    constants.learning_rate = step.learningRate
    constants.momentum = momentum
    constants.weight_decay = ratio * step.weightDecay
    constants.gradient_scale = ratio * step.gradientScale
    constants.first = step.number == 1
    tapestry_sgd_step(
      step.dtype.code, Int64(step.count), &constants, step.gradient, step.state.first,
      step.parameter)
  }
}
