import CTapestryKernels
import TapestryGraph

/// Adafactor (Shazeer and Stern 2018): the second moments of a matrix as one number for each row and column, no first
/// moments, and steps in units of a parameter's own size. Remembers almost nothing.
///
///     β = 1 - t^beta2Decay,  α = max(epsilon2, rms θ) min(learningRate, 1/√t)
///     θ ← θ (1 - learningRate weightDecay)
///     R ← β R + (1 - β) mean of g² over the columns, C likewise over the rows;  V = R C / max(mean of R, epsilon1)
///     U = g / max(√V, epsilon1)
///     θ ← θ - α / max(1, rms U / clipThreshold) · U
///
/// Rows and columns are the last two axes, those before them a batch of matrices; a parameter of fewer has
/// V ← β V + (1 - β) g². α takes θ before the decay; rms is the root of the mean of the squares. As PyTorch's; the paper
/// adds epsilon1 to g² and has 0.01 in the place of the learning rate.
public final class Adafactor: ParameterwiseOptimizer {
  /// - Parameters:
  ///   - container: whose parameters to move.
  ///   - learningRate: the largest step in units of the root mean square of a parameter's elements.
  ///   - beta2Decay: the exponent by which averages forget ever more slowly, at most 0.
  ///   - epsilon1: keeps the quotients finite. Default: the distance from 1 to the next number of the parameter's type.
  ///   - epsilon2: the smallest size that a parameter counts as.
  ///   - clipThreshold: the largest root mean square of U.
  public init(
    _ container: some ParameterContainer, learningRate: Double = 1e-2, beta2Decay: Double = -0.8,
    epsilon1: Double? = nil, epsilon2: Double = 1e-3, clipThreshold: Double = 1,
    weightDecay: Double = 0, decays: DecayedParameters = .all, file: StaticString = #fileID,
    line: UInt = #line
  ) {
    super.init(
      container, learningRate: learningRate,
      rule: AdafactorRule(
        beta2Decay: beta2Decay, epsilon1: epsilon1, epsilon2: epsilon2,
        clipThreshold: clipThreshold, weightDecay: weightDecay), decays: decays, file: file,
      line: line)
  }
}

private struct AdafactorRule: ParameterRule {
  let beta2Decay: Double
  let epsilon1: Double?
  let epsilon2, clipThreshold, weightDecay: Double

  func check(_ arguments: ArgumentChecks) {
    arguments.require(
      beta2Decay <= 0 && beta2Decay.isFinite,
      "beta2Decay must be finite and at most 0, not \(beta2Decay)")
    arguments.positive(epsilon1 ?? 1, "epsilon1")
    arguments.nonNegative(epsilon2, "epsilon2")
    arguments.require(
      clipThreshold > 0, "clipThreshold must be greater than 0, not \(clipThreshold)")
  }

  func slots(of spec: TensorSpec) -> [StateSlot] {
    let shape = spec.shape
    guard shape.rank > 1 else { return [StateSlot("squares")] }
    return [
      StateSlot("rowSquares", shape: TensorShape(shape.dropLast())),
      StateSlot(
        "columnSquares", shape: TensorShape(Array(shape.dropLast(2)) + [shape[shape.rank - 1]])),
    ]
  }

  func move(_ step: ParameterStep) {
    let (count, t) = (Double(step.count), Double(step.number))
    let size = step.norm(step.parameter) / tapestry_sqrt(count)
    let rate = max(epsilon2, size) * min(step.learningRate, 1 / tapestry_sqrt(t))
    let direction = step.temporary()
    direct(step, past: 1 - tapestry_pow(t, beta2Decay), direction)
    let length = step.norm(direction) / tapestry_sqrt(count)
    step.move(
      along: direction, rate: rate / max(1, length / clipThreshold),
      shrink: 1 - step.learningRate * step.weightDecay)
  }

  private func direct(
    _ step: ParameterStep, past: Double, _ direction: UnsafeMutableRawPointer
  ) {
    let smallest =
      epsilon1 ?? (step.dtype == .float64 ? Double.ulpOfOne : Double(Float.ulpOfOne))
    let shape = step.spec.shape
    guard shape.rank > 1 else {
      return step.run(TAPESTRY_ADAFACTOR, step.state[0], direction) {
        $0.beta2 = past
        $0.epsilon = smallest
      }
    }
    let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
    let batch = Int64(step.count / (rows * columns))
    tapestry_factored_squares(
      step.dtype.code, batch, Int64(rows), Int64(columns), step.gradientScale, past, step.gradient,
      step.state[0], step.state[1])
    tapestry_factored_direction(
      step.dtype.code, batch, Int64(rows), Int64(columns), step.gradientScale, smallest,
      step.gradient, step.state[0], step.state[1], direction)
  }
}
