import CTapestryKernels
import TapestryGraph

// Hyperbolic functions and their inverses; the hyperbolic tangent is an activation.

/// y = sinh x; y' = cosh x.
struct Sinh: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_SINH)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(zeroWhereUnused(node.cotangent * cosh(node.input(0)), node.cotangent))
  }
}

/// y = cosh x; y' = sinh x.
struct Cosh: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_COSH)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(zeroWhereUnused(node.cotangent * sinh(node.input(0)), node.cotangent))
  }
}

/// y = arsinh x; y' = 1 / √(x² + 1).
struct Asinh: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_ASINH)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    let x = node.input(0)
    return Tensors(node.cotangent / hypot(x, Tensor(1, dtype: x.dtype)))
  }
}

/// y = arcosh x; y' = 1 / √(x² - 1).
struct Acosh: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_ACOSH)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    let x = node.input(0)
    return Tensors(zeroWhereUnused(node.cotangent * (rsqrt(x - 1) * rsqrt(x + 1)), node.cotangent))
  }
}

/// y = artanh x; y' = 1 / (1 - x²).
struct Atanh: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_ATANH)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    let x = node.input(0)
    return Tensors(zeroWhereUnused(node.cotangent / ((1 - x) * (1 + x)), node.cotangent))
  }
}

/// The hyperbolic sine (eˣ - e⁻ˣ) / 2 of every element, accurate near 0.
///
/// - Precondition: float32 or float64.
public func sinh(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Sinh(), to: Tensors(x), file: file, line: line)[0]
}

/// The hyperbolic cosine (eˣ + e⁻ˣ) / 2 of every element.
///
/// - Precondition: float32 or float64.
public func cosh(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Cosh(), to: Tensors(x), file: file, line: line)[0]
}

/// The inverse hyperbolic sine ln(x + √(x² + 1)) of every element, accurate near 0.
///
/// - Precondition: float32 or float64.
public func asinh(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Asinh(), to: Tensors(x), file: file, line: line)[0]
}

/// The inverse hyperbolic cosine ln(x + √(x² - 1)) of every element; NaN below 1.
///
/// - Precondition: float32 or float64.
public func acosh(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Acosh(), to: Tensors(x), file: file, line: line)[0]
}

/// The inverse hyperbolic tangent ln((1 + x) / (1 - x)) / 2 of every element: infinite at ±1, NaN outside.
///
/// - Precondition: float32 or float64.
public func atanh(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Atanh(), to: Tensors(x), file: file, line: line)[0]
}
