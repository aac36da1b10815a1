import CTapestryKernels
import TapestryGraph

/// Muon (Jordan 2024): momentum whose steps are made about orthogonal, for matrices.
///
///     B ← momentum B + (1 - momentum) g;  u = B, with nesterov (1 - momentum) g + momentum B
///     X = u / max(|u|, epsilon), then newtonSchulzSteps times  A = X Xᵀ,  X ← a X + (b A + c A²) X
///     θ ← θ (1 - learningRate weightDecay) - learningRate s X, s by the ``Adjustment``
///
/// As PyTorch's, which rounds X to bfloat16; here the iteration is in the parameter's type. Five steps leave singular
/// values between about 0.7 and 1.2, as is intended.
///
/// Filters count as matrices with a row per output channel. Parameters of fewer than two axes, such as biases, are moved by
/// ``AdamW`` at `vectorRate` times the learning rate, with its defaults and the weight decay of this optimizer; PyTorch's
/// refuses both. Costs some products of matrices a step, and memory for four more arrays as large as the largest parameter.
public final class Muon: ParameterwiseOptimizer {
  /// What the orthogonal step of a matrix of so many rows and columns is multiplied by.
  public enum Adjustment: Sendable {
    /// √max(1, rows / columns)
    case original
    /// 0.2 √max(rows, columns): steps as large as those of ``AdamW``, whose learning rates suit then.
    case matchRMSAdamW
    /// √(rows / columns)
    case spectral
  }

  /// - Parameters:
  ///   - container: whose parameters to move.
  ///   - momentum: the weight of the past in B, 0 ..< 1.
  ///   - coefficients: a, b and c.
  ///   - epsilon: the least norm that u is divided by, more than 0.
  ///   - newtonSchulzSteps: at least 1.
  ///   - vectorRate: multiplies the learning rate of parameters that are no matrices.
  public init(
    _ container: some ParameterContainer, learningRate: Double = 1e-3, momentum: Double = 0.95,
    nesterov: Bool = true,
    coefficients: (a: Double, b: Double, c: Double) = (3.4445, -4.775, 2.0315),
    epsilon: Double = 1e-7, newtonSchulzSteps: Int = 5, adjustment: Adjustment = .original,
    vectorRate: Double = 1, weightDecay: Double = 0.1, decays: DecayedParameters = .all,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    super.init(
      container, learningRate: learningRate,
      rule: MuonRule(
        momentum: momentum, nesterov: nesterov, coefficients: coefficients, epsilon: epsilon,
        newtonSchulzSteps: newtonSchulzSteps, adjustment: adjustment, vectorRate: vectorRate,
        weightDecay: weightDecay), decays: decays, file: file, line: line)
  }
}

private struct MuonRule: ParameterRule {
  let momentum: Double
  let nesterov: Bool
  let coefficients: (a: Double, b: Double, c: Double)
  let epsilon: Double
  let newtonSchulzSteps: Int
  let adjustment: Muon.Adjustment
  let vectorRate, weightDecay: Double

  func check(_ arguments: ArgumentChecks) {
    arguments.fraction(momentum, "momentum")
    arguments.positive(epsilon, "epsilon")
    arguments.nonNegative(vectorRate, "vectorRate")
    arguments.require(
      newtonSchulzSteps > 0, "newtonSchulzSteps must be positive, not \(newtonSchulzSteps)")
  }

  /// For what is no matrix.
  private var vectors: AdamRule {
    AdamRule(
      beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: weightDecay, amsgrad: false,
      isDecoupled: true)
  }

  func slots(of spec: TensorSpec) -> [StateSlot] {
    spec.shape.rank < 2 ? vectors.slots(of: spec) : [StateSlot("momentum")]
  }

  func move(_ step: ParameterStep) {
    guard step.spec.shape.rank > 1 else {
      return vectors.move(step.with(learningRate: step.learningRate * vectorRate))
    }
    let rows = step.spec.shape[0]
    let columns = step.count / rows
    var (x, next) = (step.temporary(0), step.temporary(1))
    step.run(TAPESTRY_MUON, step.state[0], x) {
      $0.momentum = momentum
      $0.nesterov = nesterov
    }
    scale(x, step.count, by: 1 / max(step.norm(x), epsilon), step)
    for _ in 0..<newtonSchulzSteps {
      iterate(x, into: next, rows, columns, step)
      swap(&x, &next)
    }
    step.move(
      along: x, rate: step.learningRate * factor(Double(rows), Double(columns)),
      shrink: 1 - step.learningRate * step.weightDecay)
  }

  private func factor(_ rows: Double, _ columns: Double) -> Double {
    switch adjustment {
    case .original: tapestry_sqrt(max(1, rows / columns))
    case .matchRMSAdamW: 0.2 * tapestry_sqrt(max(rows, columns))
    case .spectral: tapestry_sqrt(rows / columns)
    }
  }

  /// next = a X + (b A + c A²) X, A = X Xᵀ. Where X has more rows than columns A = Xᵀ X stands on the right instead, which
  /// is the same for the transposed X, and the smaller product.
  private func iterate(
    _ x: UnsafeMutableRawPointer, into next: UnsafeMutableRawPointer, _ rows: Int, _ columns: Int,
    _ step: ParameterStep
  ) {
    let side = min(rows, columns)
    let isTall = rows > columns
    let square = step.temporary(2, count: side * side)
    let polynomial = step.temporary(3, count: side * side)
    let factor = step.temporary(4, count: side * side)
    multiply(
      isTall, x, !isTall, x, into: square, side, side, isTall ? rows : columns, step,
      (columns, columns))
    // b A + c A² + a = A (c A + b) + a
    tapestry_unary(
      Int32(TAPESTRY_AFFINE), step.dtype.code, Int64(side * side), square, factor, coefficients.c, 0
    )
    addToDiagonal(coefficients.b, factor, side, step)
    multiply(false, square, false, factor, into: polynomial, side, side, side, step, (side, side))
    addToDiagonal(coefficients.a, polynomial, side, step)
    if isTall {
      multiply(
        false, x, false, polynomial, into: next, rows, columns, side, step, (columns, side))
    } else {
      multiply(
        false, polynomial, false, x, into: next, rows, columns, side, step, (side, columns))
    }
  }

  /// `strides` are those of the rows of both operands in memory.
  private func multiply(
    _ transposesLeft: Bool, _ left: UnsafeRawPointer, _ transposesRight: Bool,
    _ right: UnsafeRawPointer, into product: UnsafeMutableRawPointer, _ m: Int, _ n: Int, _ k: Int,
    _ step: ParameterStep, _ strides: (Int, Int)
  ) {
    tapestry_gemm(
      step.dtype.code, transposesLeft, transposesRight, Int64(m), Int64(n), Int64(k), left,
      Int64(strides.0), right, Int64(strides.1), product, Int64(n), false, nil)
  }

  private func scale(
    _ x: UnsafeMutableRawPointer, _ count: Int, by factor: Double, _ step: ParameterStep
  ) {
    tapestry_unary(Int32(TAPESTRY_AFFINE), step.dtype.code, Int64(count), x, x, factor, 0)
  }

  private func addToDiagonal(
    _ amount: Double, _ matrix: UnsafeMutableRawPointer, _ side: Int, _ step: ParameterStep
  ) {
    for place in 0..<side {
      let index = place * (side + 1)
      if step.dtype == .float64 {
        matrix.assumingMemoryBound(to: Double.self)[index] += amount
      } else {
        matrix.assumingMemoryBound(to: Float.self)[index] += Float(amount)
      }
    }
  }
}

extension ParameterStep {
  /// The same step at another rate.
  fileprivate func with(learningRate rate: Double) -> ParameterStep {
    ParameterStep(
      spec: spec, number: number, learningRate: rate, weightDecay: weightDecay,
      gradientScale: gradientScale, gradient: gradient, state: state, parameter: parameter,
      scratch: scratch)
  }
}
