import CTapestryKernels
import TapestryGraph

// Mathematical functions of every element by itself, smooth but for `sqrt`, `log` and `pow` at 0. Those with
// corners are in Extremum.swift and Activation.swift.

/// What they have in common: one floating-point operand, a result of its shape.
protocol ElementwiseOperation: PointwiseOperation {}

extension ElementwiseOperation {
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    return Specs(inputs.spec(0))
  }
}

/// y = e^x; y' = y.
struct Exp: ElementwiseOperation {
  var keeps: Kept { .outputs(0) }
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_EXP)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    return Tensors(zeroWhereUnused(g * node.output(), g))
  }
  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { zeroWhereUnused($0 * node.output(), $0) })
  }
}

/// y = e^x - 1; y' = e^x.
struct Expm1: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_EXPM1)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    return Tensors(zeroWhereUnused(g * exp(node.input(0)), g))
  }
}

/// y = ln x; y' = 1 / x.
struct Log: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_LOG)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    return Tensors(zeroWhereUnused(g / node.input(0), g))
  }
  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { zeroWhereUnused($0 / node.input(0), $0) })
  }
}

/// y = ln(1 + x); y' = 1 / (1 + x).
struct Log1p: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_LOG1P)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    return Tensors(zeroWhereUnused(g / (node.input(0) + 1), g))
  }
}

/// y = √x; y' = 1 / 2y.
struct Sqrt: ElementwiseOperation {
  var keeps: Kept { .outputs(0) }
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_SQRT)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    return Tensors(zeroWhereUnused(g / node.output() * 0.5, g))
  }
}

/// y = x²; y' = 2x. Integers too.
struct Square: PointwiseOperation {
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs.spec(0).dtype != .bool else { throw Misuse("bool masks have no arithmetic") }
    return Specs(inputs.spec(0))
  }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].mapped(TAPESTRY_SQUARE))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent * node.input(0) * 2)
  }
}

/// y = sin x; y' = cos x.
struct Sin: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_SIN)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent * cos(node.input(0)))
  }
}

/// y = cos x; y' = -sin x.
struct Cos: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_COS)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(-(node.cotangent * sin(node.input(0))))
  }
}

/// y = erf x; y' = 2 / √π e^(-x²).
struct Erf: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_ERF)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent * (exp(-square(node.input(0))) * 1.128_379_167_095_512_573_9))
  }
}

/// y = x to a constant exponent; y' = exponent x^(exponent - 1).
struct Power: ElementwiseOperation {
  let exponent: Double
  var label: String { "exponent \(exponent)" }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].mapped(TAPESTRY_POWER, exponent))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    switch exponent {
    case 0: return Tensors(nil)
    case 1: return Tensors(g)
    case 2: return Tensors(g * node.input(0) * 2)
    default:
      return Tensors(zeroWhereUnused(g * (pow(node.input(0), exponent - 1) * exponent), g))
    }
  }
}

/// y = a to the b; the gradient by b is y ln a, and 0 where a or y is 0.
struct Pow: BroadcastingOperation {
  var keeps: Kept { .inputs.and(.outputs(0)) }
  static var inputNames: [String] { ["base", "exponent"] }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    return Specs(
      try broadcastShape(inputs.spec(0).shape, inputs.spec(1).shape), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].combined(TAPESTRY_POW, with: inputs[1]))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (g, a, b) = (node.cotangent, node.input(0), node.input(1))
    let zero = Tensor(0, dtype: g.dtype)
    var gradients: (Tensor?, Tensor?)
    if node.needs(0) {
      // At b = 0 the power is constant, also where a is 0 and a^(b - 1) infinite.
      let slope = select(where: b .== 0, zero, else: b * pow(a, b - 1))
      gradients.0 = zeroWhereUnused(g * slope, g).summed(to: a.shape)
    }
    if node.needs(1) {
      let y = node.output()
      var slope = select(where: a .== 0, zero, else: y * log(a))
      // Infinite a to a negative power: the limit of y ln a is 0.
      if !slope.isPlaceholder, slope.firstNonFinite != nil {
        slope = select(where: y .== 0, zero, else: slope)
      }
      gradients.1 = zeroWhereUnused(g * slope, g).summed(to: b.shape)
    }
    return Tensors(gradients.0, gradients.1)
  }
}

/// e^x for every element.
///
/// - Precondition: float32 or float64.
public func exp(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Exp(), to: Tensors(x), file: file, line: line)[0]
}

/// e^x - 1 for every element, accurate near 0.
///
/// - Precondition: float32 or float64.
public func expm1(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Expm1(), to: Tensors(x), file: file, line: line)[0]
}

/// The natural logarithm of every element: -infinity at 0, NaN below.
///
/// - Precondition: float32 or float64.
public func log(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Log(), to: Tensors(x), file: file, line: line)[0]
}

/// ln(1 + x) for every element, accurate near 0.
///
/// - Precondition: float32 or float64.
public func log1p(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Log1p(), to: Tensors(x), file: file, line: line)[0]
}

/// The square root of every element: NaN below 0. The gradient at 0 is infinite.
///
/// - Precondition: float32 or float64.
public func sqrt(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Sqrt(), to: Tensors(x), file: file, line: line)[0]
}

/// x² for every element; integers too.
///
/// - Precondition: not bool.
public func square(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Square(), to: Tensors(x), file: file, line: line)[0]
}

/// The sine of every element, in radians.
///
/// - Precondition: float32 or float64.
public func sin(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Sin(), to: Tensors(x), file: file, line: line)[0]
}

/// The cosine of every element, in radians.
///
/// - Precondition: float32 or float64.
public func cos(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Cos(), to: Tensors(x), file: file, line: line)[0]
}

/// The error function 2 / √π ∫₀ˣ e^(-t²) dt of every element.
///
/// - Precondition: float32 or float64.
public func erf(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Erf(), to: Tensors(x), file: file, line: line)[0]
}

/// x to a constant exponent for every element. Negative elements need a whole exponent; others give NaN.
///
/// The derivative is exponent x^(exponent - 1); 0 everywhere for the exponent 0.
///
/// - Precondition: float32 or float64.
public func pow(
  _ x: Tensor, _ exponent: Double, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Power(exponent: exponent), to: Tensors(x), file: file, line: line)[0]
}

/// a to the b, element by element; shapes broadcast.
///
/// Has a gradient for b too, y ln a, where a > 0; where a is 0 it is 0.
///
/// - Precondition: both float32 or both float64; the shapes broadcast.
public func pow(
  _ a: Tensor, _ b: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Pow(), to: Tensors(a, b), file: file, line: line)[0]
}
