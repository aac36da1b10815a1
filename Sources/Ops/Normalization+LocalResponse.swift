import CTapestryKernels
import TapestryGraph

/// y = x d^-beta, d = k + alpha / size · W(x²), W the sum over neighbouring channels.
struct LocalResponseNormalization: PointwiseOperation {
  let size: Int
  let alpha: Double
  let beta: Double
  let k: Double

  var label: String { "size \(size)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let x = inputs.spec(0)
    guard x.shape.rank >= 2 else {
      throw Misuse(
        "the input needs at least 2 axes, [batch, channels, ...], not \(x.shape.rank)")
    }
    guard size >= 1 else { throw Misuse("the size is at least 1, not \(size)") }
    guard x.shape[1] > 0 else { throw Misuse("the input has no channels") }
    try requireSameType(inputs)
    return Specs(x)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    var problem = problem(x.shape)
    return Tensors(
      Tensor(x.spec) { y in
        x.withMemory { x in
          tapestry_local_response_normalize(inputs.spec(0).dtype.code, &problem, x, y)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(
      apply(
        LocalResponseNormalizationGradient(normalization: self),
        to: Tensors(node.cotangent, node.input(0)))[0])
  }

  /// The Jacobian is D^-beta minus the same times its transpose; `jvp` is written out with W where
  /// the gradient has W's transpose.
  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { derivative(along: $0, at: node.input(0)) })
  }

  /// h d^-beta - c x d^(-beta - 1) W(h x), c = 2 beta alpha / size.
  fileprivate func derivative(along h: Tensor, at x: Tensor) -> Tensor {
    let energy = energy(x)
    return pow(energy, -beta) * (h - x * windowSum(h * x) * (slope / energy))
  }

  fileprivate func problem(_ x: TensorShape) -> tapestry_local_response {
    tapestry_local_response(
      samples: Int64(x[0]), channels: Int64(x[1]), pixels: Int64(x.dropFirst(2).reduce(1, *)),
      size: Int64(size), alpha: alpha, beta: beta, k: k)
  }

  fileprivate var slope: Double { 2 * beta * alpha / Double(size) }

  /// d, made of ops.
  fileprivate func energy(_ x: Tensor) -> Tensor {
    windowSum(square(x)) * (alpha / Double(size)) + k
  }

  /// W, or its transpose: channels become the rows of an image that has one column per pixel, over
  /// which a window slides.
  fileprivate func windowSum(_ x: Tensor, transposed: Bool = false) -> Tensor {
    // What lies beyond all channels need not be there.
    let reach = (min(size / 2, x.shape[1]), min((size - 1) / 2, x.shape[1]))
    let (before, after) = transposed ? (reach.1, reach.0) : reach
    let pixels = x.count / max(x.shape[0] * x.shape[1], 1)
    if x.count == 0 { return x }
    return sumPool2d(
      x.reshaped(to: [x.shape[0], 1, x.shape[1], pixels]),
      window: Pair(height: before + 1 + after, width: 1),
      stride: 1, padding: Padding2d(top: before, left: 0, bottom: after, right: 0)
    ).reshaped(to: x.shape)
  }
}

/// g d^-beta - c x Wᵀ(g x d^(-beta - 1)), c = 2 beta alpha / size.
struct LocalResponseNormalizationGradient: TensorOperation {
  static var inputNames: [String] { ["cotangent", "input"] }
  let normalization: LocalResponseNormalization

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    try requireSameShape(inputs)
    return Specs(inputs.spec(0))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (g, x) = (inputs[0], inputs[1])
    var problem = normalization.problem(x.shape)
    return Tensors(
      Tensor(x.spec) { gx in
        withMemory(g, x) { g, x in
          tapestry_local_response_gradient(inputs.spec(1).dtype.code, &problem, g, x, gx)
        }
      })
  }

  /// With u = W(h x) and e = d^(-beta - 1), the sum of h times the result is
  /// Σ h g d^-beta - c u g x e.
  func backward(_ node: borrowing Differential) -> Tensors {
    let (h, g, x) = (node.cotangent, node.input(0), node.input(1))
    let beta = normalization.beta
    let slope = normalization.slope
    var toX: Tensor?
    if node.needs(1) {
      let energy = normalization.energy(x)
      let (u, e) = (normalization.windowSum(h * x), pow(energy, -beta - 1))
      let product = g * e
      // By d itself, which depends on x through the windows that hold it.
      let toEnergy = product * (x * u * (slope * (beta + 1)) / energy - h * beta)
      toX =
        x * normalization.windowSum(toEnergy, transposed: true)
        * (2 * normalization.alpha / Double(normalization.size))
        - (h * normalization.windowSum(product * x, transposed: true) + u * product) * slope
    }
    return Tensors(node.needs(0) ? normalization.derivative(along: h, at: x) : nil, toX)
  }
}

/// Each pixel divided by a power of its energy in neighbouring channels.
///
/// y[c] = x[c] / (k + alpha / size · Σ x[c']²)^beta, the sum over the channels c' from c - size/2
/// to c + (size - 1)/2 (whole-number divisions) that exist. **alpha is divided by the window's
/// size**, as in PyTorch, Caffe and ONNX; the paper and TensorFlow do not divide, so the paper's
/// alpha = 1e-4 with size 5 is 5e-4 here.
///
/// - Parameters:
///   - x: `[N, C, ...]`.
///   - size: channels in a window, at least 1.
///   - alpha: weight of the mean square. Default: 1e-4.
///   - beta: the power. Default: 0.75.
///   - k: what is added; 2 in the paper. Default: 1.
/// - Returns: shaped like `x`.
/// - Precondition: at least two axes, `size` at least 1.
///
/// Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural
/// networks", 2012, section 3.3.
public func localResponseNormalization(
  _ x: Tensor, size: Int, alpha: Double = 1e-4, beta: Double = 0.75, k: Double = 1,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(
    LocalResponseNormalization(size: size, alpha: alpha, beta: beta, k: k), to: Tensors(x),
    file: file, line: line)[0]
}
