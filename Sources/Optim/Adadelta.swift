import TapestryGraph

/// Adadelta (Zeiler 2012): RMSprop whose rate is the root mean square of its own past steps.
///
///     g ← g + weightDecay θ
///     s ← rho s + (1 - rho) g²
///     d = √(a + epsilon) / √(s + epsilon) · g
///     a ← rho a + (1 - rho) d²
///     θ ← θ - learningRate d
public final class Adadelta: ParameterwiseOptimizer {
  let rho, epsilon, weightDecay: Double

  public init(
    _ container: some ParameterContainer, learningRate: Double = 1, rho: Double = 0.9,
    epsilon: Double = 1e-6, weightDecay: Double = 0, decays: DecayedParameters = .all,
    file: StaticString = #fileID,
    line: UInt = #line
  ) {
    self.rho = rho
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    super.init(
      container, learningRate: learningRate, slots: [Slot(name: "squares"), Slot(name: "steps")],
      decays: decays, file: file, line: line)
    requireFraction(rho, "rho", of: self, file, line)
    requirePositive(epsilon, "epsilon", of: self, file, line)
    requireNonNegative(weightDecay, "weightDecay", of: self, file, line)
  }

  override func move(_ step: ParameterStep) {
    step.run(
      Rule(
        rate: step.learningRate, decay: weightDecay * step.weightDecayFactor, rho: rho,
        epsilon: epsilon))
  }

  private struct Rule: ElementRule {
    let rate, decay, rho, epsilon: Double

    func advance<Real: BinaryFloatingPoint>(_ arrays: StepArrays<Real>, _ range: Range<Int>) {
      let (rate, decay, epsilon) = (Real(rate), Real(decay), Real(epsilon))
      let (rho, fresh) = (Real(rho), Real(1 - rho))
      let (squares, steps) = (arrays.state[0], arrays.state[1])
      for index in range {
        let g = arrays.gradient(at: index, decay: decay)
        squares[index] = rho * squares[index] + fresh * g * g
        let d =
          (steps[index] + epsilon).squareRoot() / (squares[index] + epsilon).squareRoot() * g
        steps[index] = rho * steps[index] + fresh * d * d
        arrays.parameter[index] -= rate * d
      }
    }
  }
}
