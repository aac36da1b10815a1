import CTapestryKernels
import TapestryGraph

// The tangent and the inverse trigonometric functions; sine and cosine are in Elementwise.swift.

/// y = tan x; y' = 1 + y².
struct Tan: ElementwiseOperation {
  var keeps: Kept { .outputs(0) }
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_TAN)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(zeroWhereUnused(node.cotangent * (square(node.output()) + 1), node.cotangent))
  }
}

/// y = arcsin x; y' = 1 / √(1 - x²).
struct Asin: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_ASIN)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    let x = node.input(0)
    return Tensors(zeroWhereUnused(node.cotangent * rsqrt((1 - x) * (1 + x)), node.cotangent))
  }
}

/// y = arccos x; y' = -1 / √(1 - x²).
struct Acos: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_ACOS)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    let x = node.input(0)
    return Tensors(zeroWhereUnused(-(node.cotangent * rsqrt((1 - x) * (1 + x))), node.cotangent))
  }
}

/// y = arctan x; y' = 1 / (1 + x²).
struct Atan: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_ATAN)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent / (square(node.input(0)) + 1))
  }
}

/// The tangent of every element, in radians.
///
/// - Precondition: float32 or float64.
public func tan(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Tan(), to: Tensors(x), file: file, line: line)[0]
}

/// The angle in -π/2 ... π/2 whose sine an element is, for every element; NaN outside -1 ... 1.
///
/// - Precondition: float32 or float64.
public func asin(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Asin(), to: Tensors(x), file: file, line: line)[0]
}

/// The angle in 0 ... π whose cosine an element is, for every element; NaN outside -1 ... 1.
///
/// - Precondition: float32 or float64.
public func acos(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Acos(), to: Tensors(x), file: file, line: line)[0]
}

/// The angle in -π/2 ... π/2 whose tangent an element is, for every element.
///
/// - Precondition: float32 or float64.
public func atan(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Atan(), to: Tensors(x), file: file, line: line)[0]
}
