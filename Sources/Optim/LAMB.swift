import CTapestryKernels
import TapestryGraph

/// LAMB (You et al. 2020, algorithm 2): Adam with a rate per parameter, for large batches.
///
///     m ← β₁ m + (1 - β₁) g;  v ← β₂ v + (1 - β₂) g²
///     u = (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + epsilon) + weightDecay θ
///     θ ← θ - learningRate φ(|θ|) / |u| · u, norms over the whole parameter; the quotient is 1 where either is 0
///
/// φ limits the norm to `bounds`. Weight decay is part of u, and so of the quotient. Costs a pass for each norm and one
/// for the move besides Adam's, and memory for one more array as large as the largest parameter.
public final class LAMB: ParameterwiseOptimizer {
  /// - Parameters:
  ///   - container: whose parameters to move.
  ///   - learningRate: how far a parameter moves in a step, in units of its own norm.
  ///   - beta1: the weight of the past in m, 0 ..< 1.
  ///   - beta2: the weight of the past in v, 0 ..< 1.
  ///   - epsilon: keeps the quotient finite, more than 0; outside the root.
  ///   - biasCorrection: whether m and v are divided by 1 - βᵗ.
  ///   - bounds: of the parameter's norm in the quotient, both at least 0. Default none.
  public init(
    _ container: some ParameterContainer, learningRate: Double = 1e-3, beta1: Double = 0.9,
    beta2: Double = 0.999, epsilon: Double = 1e-6, weightDecay: Double = 1e-2,
    decays: DecayedParameters = .all, biasCorrection: Bool = true,
    bounds: ClosedRange<Double>? = nil, file: StaticString = #fileID, line: UInt = #line
  ) {
    super.init(
      container, learningRate: learningRate,
      rule: LAMBRule(
        beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay,
        biasCorrection: biasCorrection, bounds: bounds), decays: decays, file: file, line: line)
  }
}

private struct LAMBRule: ParameterRule {
  let beta1, beta2, epsilon, weightDecay: Double
  let biasCorrection: Bool
  let bounds: ClosedRange<Double>?

  func check(_ arguments: ArgumentChecks) {
    arguments.fraction(beta1, "beta1")
    arguments.fraction(beta2, "beta2")
    arguments.positive(epsilon, "epsilon")
    arguments.require(
      bounds.map { $0.lowerBound >= 0 } != false, "bounds must be at least 0, not \(bounds!)")
  }

  func slots(of spec: TensorSpec) -> [StateSlot] {
    [StateSlot("firstMoment"), StateSlot("secondMoment")]
  }

  func move(_ step: ParameterStep) {
    let direction = step.temporary()
    let t = Double(step.number)
    step.run(TAPESTRY_LAMB, step.state[0], step.state[1], direction) {
      $0.beta1 = beta1
      $0.beta2 = beta2
      $0.epsilon = epsilon
      $0.correction1 = biasCorrection ? 1 - tapestry_pow(beta1, t) : 1
      $0.correction2 = biasCorrection ? 1 - tapestry_pow(beta2, t) : 1
    }
    var size = step.norm(step.parameter)
    if let bounds { size = min(max(size, bounds.lowerBound), bounds.upperBound) }
    let length = step.norm(direction)
    let ratio = size > 0 && length > 0 ? size / length : 1
    step.move(along: direction, rate: step.learningRate * ratio)
  }
}
