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
  let alpha, epsilon, momentum, weightDecay: Double
  let centered: Bool

  /// - Parameters:
  ///   - alpha: the weight of the past in the moving averages, 0 ..< 1.
  ///   - centered: divide by the deviation instead of the root mean square (Graves 2013).
  public init(
    _ container: some ParameterContainer, learningRate: Double = 1e-2, alpha: Double = 0.99,
    epsilon: Double = 1e-8, momentum: Double = 0, centered: Bool = false, weightDecay: Double = 0,
    decays: DecayedParameters = .all,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    self.alpha = alpha
    self.epsilon = epsilon
    self.momentum = momentum
    self.centered = centered
    self.weightDecay = weightDecay
    var slots = [Slot(name: "squares")]
    if centered { slots.append(Slot(name: "mean")) }
    if momentum != 0 { slots.append(Slot(name: "momentum")) }
    super.init(
      container, learningRate: learningRate, slots: slots, decays: decays, file: file, line: line)
    requireFraction(alpha, "alpha", of: self, file, line)
    requirePositive(epsilon, "epsilon", of: self, file, line)
    requireFraction(momentum, "momentum", of: self, file, line)
    requireNonNegative(weightDecay, "weightDecay", of: self, file, line)
  }

  override func move(_ step: ParameterStep) {
    step.run(
      Rule(
        rate: step.learningRate, decay: weightDecay * step.weightDecayFactor, alpha: alpha,
        epsilon: epsilon, momentum: momentum, centered: centered))
  }

  private struct Rule: ElementRule {
    let rate, decay, alpha, epsilon, momentum: Double
    let centered: Bool

    func advance<Real: BinaryFloatingPoint>(_ arrays: StepArrays<Real>, _ range: Range<Int>) {
      let (rate, decay, epsilon) = (Real(rate), Real(decay), Real(epsilon))
      let (alpha, fresh, momentum) = (Real(alpha), Real(1 - alpha), Real(momentum))
      let squares = arrays.state[0]
      let mean = centered ? arrays.state[1] : nil
      let velocity = momentum != 0 ? arrays.state[arrays.state.count - 1] : nil
      for index in range {
        let g = arrays.gradient(at: index, decay: decay)
        squares[index] = alpha * squares[index] + fresh * g * g
        var spread = squares[index]
        if let mean {
          mean[index] = alpha * mean[index] + fresh * g
          // Rounding must not make the root of a negative number of it.
          spread = max(spread - mean[index] * mean[index], 0)
        }
        var u = g / (spread.squareRoot() + epsilon)
        if let velocity {
          u += momentum * velocity[index]
          velocity[index] = u
        }
        arrays.parameter[index] -= rate * u
      }
    }
  }
}
