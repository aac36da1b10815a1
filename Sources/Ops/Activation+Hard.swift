import CTapestryKernels
import TapestryGraph

// Activations made of straight pieces, and exponential ones with a corner at 0. At a corner the gradient is that of PyTorch.

/// y = x min(max(x + 3, 0), 6) / 6; y' = x / 3 + 1/2 inside, 0 and 1 outside and at the corners.
struct HardSwish: ActivationOperation {
  var kernel: Int { TAPESTRY_HARD_SWISH }
  func curvature(_ x: Tensor) -> Tensor? {
    let zero = Tensor(0, dtype: x.dtype)
    return select(where: abs(x) .< 3, Tensor(1.0 / 3, dtype: x.dtype), else: zero)
  }
  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].elementwiseKink(at: -3, 3) }
}

/// y = min(max(x + 3, 0), 6) / 6; y' = 1/6 inside, 0 at the corners.
struct HardSigmoid: ActivationOperation {
  var kernel: Int { TAPESTRY_HARD_SIGMOID }
  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].elementwiseKink(at: -3, 3) }
}

/// y = min(max(x, low), high); y' = 1 inside, 0 at the bounds, where `Clip` has 1.
struct HardTanh: ActivationOperation {
  let low: Double
  let high: Double
  var kernel: Int { TAPESTRY_HARD_TANH }
  var parameters: (Double, Double) { (low, high) }
  var label: String { "\(low) ... \(high)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    guard low <= high else { throw Misuse("the bounds \(low) and \(high) are not in order") }
    return Specs(inputs.spec(0))
  }
  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].elementwiseKink(at: low, high) }
}

/// y = x - t for x > t, x + t for x < -t, else 0; y' = 1 outside, 0 inside and at the corners.
struct SoftShrink: ActivationOperation {
  let threshold: Double
  var kernel: Int { TAPESTRY_SOFT_SHRINK }
  var parameters: (Double, Double) { (threshold, 0) }
  var label: String { "threshold \(threshold)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    try requireThreshold(threshold)
    return Specs(inputs.spec(0))
  }
  func kink(at inputs: borrowing Tensors) -> Kink? {
    inputs[0].elementwiseKink(at: -threshold, threshold)
  }
}

/// y = x where |x| > t, else 0; y' = 1 outside, 0 inside and at the jumps.
struct HardShrink: ActivationOperation {
  let threshold: Double
  var kernel: Int { TAPESTRY_HARD_SHRINK }
  var parameters: (Double, Double) { (threshold, 0) }
  var label: String { "threshold \(threshold)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    try requireThreshold(threshold)
    return Specs(inputs.spec(0))
  }
  func kink(at inputs: borrowing Tensors) -> Kink? {
    inputs[0].elementwiseKink(at: -threshold, threshold)
  }
}

private func requireThreshold(_ threshold: Double) throws(Misuse) {
  guard threshold >= 0 else {
    throw Misuse("the threshold is \(threshold), but must not be negative")
  }
}

/// y = s x for x > 0, else s a (e^x - 1); y' = s, else s a e^x.
struct Selu: ActivationOperation {
  private static let scale = 1.050_700_987_355_480_493_4
  private static let alpha = 1.673_263_242_354_377_284_8
  var kernel: Int { TAPESTRY_SELU }
  var parameters: (Double, Double) { (Self.scale, Self.alpha) }
  func curvature(_ x: Tensor) -> Tensor? {
    // Where x is positive the exponential is not read, and must not overflow.
    let left = exp(clip(x, max: 0)) * (Self.scale * Self.alpha)
    return select(where: x .> 0, Tensor(0, dtype: x.dtype), else: left)
  }
  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].elementwiseKink(at: 0) }
}

/// y = max(x, 0) + min(0, alpha (e^(x / alpha) - 1)); y' = 1 for x > 0, else e^(x / alpha).
struct Celu: ActivationOperation {
  let alpha: Double
  var kernel: Int { TAPESTRY_CELU }
  var parameters: (Double, Double) { (alpha, 0) }
  var label: String { "alpha \(alpha)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    guard alpha != 0 else { throw Misuse("alpha is 0") }
    return Specs(inputs.spec(0))
  }
  func curvature(_ x: Tensor) -> Tensor? {
    let left = exp(clip(x, max: 0) / alpha) / alpha
    return select(where: x .> 0, Tensor(0, dtype: x.dtype), else: left)
  }
  // The slope has no jump at 0, but the curvature has.
  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].elementwiseKink(at: 0) }
}

/// x min(max(x + 3, 0), 6) / 6 for every element. The gradient is 0 at -3 and 1 at 3.
///
/// Howard et al.: "Searching for MobileNetV3" (2019), section 5.2.
///
/// - Precondition: float32 or float64.
public func hardSwish(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(HardSwish(), to: Tensors(x), file: file, line: line)[0]
}

/// min(max(x + 3, 0), 6) / 6 for every element, PyTorch's. The gradient is 0 at -3 and 3.
///
/// Keras's older one is 0.2 x + 0.5, cut to 0 ... 1.
///
/// - Precondition: float32 or float64.
public func hardSigmoid(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(HardSigmoid(), to: Tensors(x), file: file, line: line)[0]
}

/// min(max(x, 0), 6) for every element. The gradient is 0 at 0 and 6.
///
/// Howard et al.: "MobileNets" (2017).
///
/// - Precondition: float32 or float64.
public func relu6(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(HardTanh(low: 0, high: 6), to: Tensors(x), file: file, line: line)[0]
}

/// min(max(x, min), max) for every element. The gradient is 0 at the bounds, where that of `clip` is 1.
///
/// - Parameters:
///   - min: the lower bound, -1 by default.
///   - max: the upper bound, 1 by default.
/// - Precondition: float32 or float64; `min <= max`.
public func hardTanh(
  _ x: Tensor, min: Double = -1, max: Double = 1, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(HardTanh(low: min, high: max), to: Tensors(x), file: file, line: line)[0]
}

/// x - t for x > t, x + t for x < -t, else 0, for every element: the proximal step of t |x|.
///
/// - Parameter threshold: t, 0.5 by default.
/// - Precondition: float32 or float64; the threshold is not negative.
public func softShrink(
  _ x: Tensor, threshold: Double = 0.5, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(SoftShrink(threshold: threshold), to: Tensors(x), file: file, line: line)[0]
}

/// x where |x| > threshold, else 0, for every element.
///
/// - Parameter threshold: 0.5 by default.
/// - Precondition: float32 or float64; the threshold is not negative.
public func hardShrink(
  _ x: Tensor, threshold: Double = 0.5, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(HardShrink(threshold: threshold), to: Tensors(x), file: file, line: line)[0]
}

/// s x for x > 0, else s a (e^x - 1), for every element; s = 1.0507..., a = 1.6733... keep mean 0 and variance 1.
///
/// Klambauer, Unterthiner, Mayr, Hochreiter: "Self-normalizing neural networks" (2017).
///
/// - Precondition: float32 or float64.
public func selu(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Selu(), to: Tensors(x), file: file, line: line)[0]
}

/// x for x > 0, else alpha (e^(x / alpha) - 1), for every element: an `elu` without a corner at 0.
///
/// Barron: "Continuously differentiable exponential linear units" (2017).
///
/// - Parameter alpha: 1 by default.
/// - Precondition: float32 or float64; alpha is not 0.
public func celu(
  _ x: Tensor, alpha: Double = 1, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Celu(alpha: alpha), to: Tensors(x), file: file, line: line)[0]
}
