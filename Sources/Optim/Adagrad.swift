import TapestryGraph

/// Adagrad (Duchi, Hazan and Singer 2011): steps shrink with the sum of all squared gradients.
///
///     g ← g + weightDecay θ
///     s ← s + g², from initialAccumulator
///     θ ← θ - learningRate / (1 + (t - 1) learningRateDecay) · g / (√s + epsilon)
public final class Adagrad: ParameterwiseOptimizer {
  let learningRateDecay, weightDecay, epsilon: Double

  public init(
    _ container: some ParameterContainer, learningRate: Double = 1e-2,
    learningRateDecay: Double = 0, initialAccumulator: Double = 0, epsilon: Double = 1e-10,
    weightDecay: Double = 0, decays: DecayedParameters = .all, file: StaticString = #fileID,
    line: UInt = #line
  ) {
    self.learningRateDecay = learningRateDecay
    self.weightDecay = weightDecay
    self.epsilon = epsilon
    super.init(
      container, learningRate: learningRate,
      slots: [Slot(name: "squares", initialValue: initialAccumulator)], decays: decays, file: file,
      line: line)
    requireNonNegative(learningRateDecay, "learningRateDecay", of: self, file, line)
    requireNonNegative(initialAccumulator, "initialAccumulator", of: self, file, line)
    requirePositive(epsilon, "epsilon", of: self, file, line)
    requireNonNegative(weightDecay, "weightDecay", of: self, file, line)
  }

  override func move(_ step: ParameterStep) {
    step.run(
      Rule(
        rate: step.learningRate / (1 + Double(step.number - 1) * learningRateDecay),
        decay: weightDecay * step.weightDecayFactor, epsilon: epsilon))
  }

  private struct Rule: ElementRule {
    let rate, decay, epsilon: Double

    func advance<Real: BinaryFloatingPoint>(_ arrays: StepArrays<Real>, _ range: Range<Int>) {
      let (rate, decay, epsilon) = (Real(rate), Real(decay), Real(epsilon))
      let squares = arrays.state[0]
      for index in range {
        let g = arrays.gradient(at: index, decay: decay)
        squares[index] += g * g
        arrays.parameter[index] -= rate * g / (squares[index].squareRoot() + epsilon)
      }
    }
  }
}
