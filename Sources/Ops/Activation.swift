import CTapestryKernels
import TapestryGraph

// The functions that layers end in. Those whose derivative can be written with the result keep only that,
// so that the input's memory is free.

/// y = 1 / (1 + e^-x); y' = y (1 - y).
struct Sigmoid: ElementwiseOperation {
  var keeps: Kept { .outputs(0) }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].mapped(TAPESTRY_SIGMOID))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(SigmoidGradient.of(node.cotangent, node.output()))
  }
  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { SigmoidGradient.of($0, node.output()) })
  }
}

/// g y (1 - y).
struct SigmoidGradient: BroadcastingOperation {
  static func of(_ g: Tensor, _ y: Tensor) -> Tensor {
    apply(SigmoidGradient(), to: Tensors(g, y))[0]
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].combined(TAPESTRY_SIGMOID_GRADIENT, with: inputs[1]))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let (h, g, y) = (node.cotangent, node.input(0), node.input(1))
    return Tensors(
      node.needs(0) ? Self.of(h, y) : nil,
      node.needs(1) ? h * g * (1 - 2 * y) : nil)
  }
}

/// y = tanh x; y' = 1 - y².
struct Tanh: ElementwiseOperation {
  var keeps: Kept { .outputs(0) }
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_TANH)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(TanhGradient.of(node.cotangent, node.output()))
  }
  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { TanhGradient.of($0, node.output()) })
  }
}

/// g (1 - y²).
struct TanhGradient: BroadcastingOperation {
  static func of(_ g: Tensor, _ y: Tensor) -> Tensor { apply(TanhGradient(), to: Tensors(g, y))[0] }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].combined(TAPESTRY_TANH_GRADIENT, with: inputs[1]))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let (h, g, y) = (node.cotangent, node.input(0), node.input(1))
    return Tensors(
      node.needs(0) ? Self.of(h, y) : nil,
      node.needs(1) ? h * g * (-2 * y) : nil)
  }
}

/// y = x for x > 0, else slope x.
struct LeakyRelu: ElementwiseOperation {
  let slope: Double
  var label: String { "slope \(slope)" }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].mapped(TAPESTRY_LEAKY_RELU, slope))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    return Tensors(select(where: node.input(0) .> 0, g, else: g * slope))
  }
  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].elementwiseKink(at: 0) }
}

/// y = x for x > 0, else alpha (e^x - 1); there y' = y + alpha. With alpha >= 0 the sign of y is that of x.
struct Elu: ElementwiseOperation {
  let alpha: Double
  var keeps: Kept { .outputs(0) }
  var label: String { "alpha \(alpha)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    guard alpha >= 0 else { throw Misuse("alpha is \(alpha), but must not be negative") }
    return Specs(inputs.spec(0))
  }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].mapped(TAPESTRY_ELU, alpha))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let (g, y) = (node.cotangent, node.output())
    return Tensors(select(where: y .> 0, g, else: g * (y + alpha)))
  }
  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].elementwiseKink(at: 0) }
}

/// y = x Φ(x); y' = Φ(x) + x φ(x), with the normal distribution's Φ = (1 + erf(x / √2)) / 2 and its density φ.
struct Gelu: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_GELU)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    let x = node.input(0)
    let distribution = erf(x * 0.707_106_781_186_547_524_4) * 0.5 + 0.5
    let density = exp(square(x) * -0.5) * 0.398_942_280_401_432_677_94
    // Where the density is 0 an infinite x must not meet it; far within 40 it is.
    return Tensors(node.cotangent * (distribution + clip(x, min: -40, max: 40) * density))
  }
}

/// y = ln(1 + e^x); y' = sigmoid x.
struct Softplus: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].mapped(TAPESTRY_SOFTPLUS))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent * sigmoid(node.input(0)))
  }
}

/// The logistic function 1 / (1 + e^-x) of every element.
///
/// - Precondition: float32 or float64.
public func sigmoid(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Sigmoid(), to: Tensors(x), file: file, line: line)[0]
}

/// The hyperbolic tangent of every element.
///
/// - Precondition: float32 or float64.
public func tanh(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Tanh(), to: Tensors(x), file: file, line: line)[0]
}

/// x for x > 0, else slope x, for every element. The gradient at 0 is the slope.
///
/// Maas, Hannun, Ng: "Rectifier nonlinearities improve neural network acoustic models" (2013).
///
/// - Parameter slope: 0.01 by default.
/// - Precondition: float32 or float64.
public func leakyRelu(
  _ x: Tensor, slope: Double = 0.01, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(LeakyRelu(slope: slope), to: Tensors(x), file: file, line: line)[0]
}

/// x for x > 0, else alpha (e^x - 1), for every element.
///
/// Clevert, Unterthiner, Hochreiter: "Fast and accurate deep network learning by exponential linear units"
/// (2015).
///
/// - Parameter alpha: 1 by default.
/// - Precondition: alpha is not negative.
public func elu(
  _ x: Tensor, alpha: Double = 1, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Elu(alpha: alpha), to: Tensors(x), file: file, line: line)[0]
}

/// x / 2 (1 + erf(x / √2)) for every element: the exact form, not the approximation by tanh.
///
/// Hendrycks, Gimpel: "Gaussian error linear units" (2016).
///
/// - Precondition: float32 or float64.
public func gelu(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Gelu(), to: Tensors(x), file: file, line: line)[0]
}

/// ln(1 + e^x) for every element, at every x: there is no switch to the identity for large x.
///
/// Dugas et al.: "Incorporating second-order functional knowledge for better option pricing" (2000).
///
/// - Precondition: float32 or float64.
public func softplus(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Softplus(), to: Tensors(x), file: file, line: line)[0]
}
