import CTapestryKernels
import TapestryGraph

// Powers of two, logarithms to other bases, reciprocals.

/// y = 2ˣ; y' = y ln 2.
struct Exp2: ElementwiseOperation {
  var keeps: Kept { .outputs(0) }
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_EXP2)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(
      zeroWhereUnused(node.cotangent * node.output() * 0.693_147_180_559_945_309_4, node.cotangent))
  }
}

/// y = log₂ x; y' = 1 / (x ln 2).
struct Log2: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_LOG2)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(
      zeroWhereUnused(
        node.cotangent / (node.input(0) * 0.693_147_180_559_945_309_4), node.cotangent))
  }
}

/// y = log₁₀ x; y' = 1 / (x ln 10).
struct Log10: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_LOG10)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(
      zeroWhereUnused(node.cotangent / (node.input(0) * 2.302_585_092_994_045_684), node.cotangent))
  }
}

/// y = 1 / √x; y' = -y / 2x.
struct Rsqrt: ElementwiseOperation {
  var keeps: Kept { .inputs.and(.outputs(0)) }
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_RSQRT)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(zeroWhereUnused(node.cotangent * node.output() / node.input(0) * -0.5, node.cotangent))
  }
}

/// y = 1 / x; y' = -y².
struct Reciprocal: ElementwiseOperation {
  var keeps: Kept { .outputs(0) }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].mapped(TAPESTRY_RECIPROCAL))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(zeroWhereUnused(-(node.cotangent * square(node.output())), node.cotangent))
  }
}

/// 2 to the x for every element.
///
/// - Precondition: float32 or float64.
public func exp2(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Exp2(), to: Tensors(x), file: file, line: line)[0]
}

/// The logarithm to base 2 of every element, exact at powers of two: -infinity at 0, NaN below.
///
/// - Precondition: float32 or float64.
public func log2(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Log2(), to: Tensors(x), file: file, line: line)[0]
}

/// The logarithm to base 10 of every element, exact at powers of ten: -infinity at 0, NaN below.
///
/// - Precondition: float32 or float64.
public func log10(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Log10(), to: Tensors(x), file: file, line: line)[0]
}

/// 1 / √x for every element: infinite at 0, NaN below.
///
/// - Precondition: float32 or float64.
public func rsqrt(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Rsqrt(), to: Tensors(x), file: file, line: line)[0]
}

/// 1 / x for every element.
///
/// - Precondition: float32 or float64.
public func reciprocal(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Reciprocal(), to: Tensors(x), file: file, line: line)[0]
}
