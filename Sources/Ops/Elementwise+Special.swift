import CTapestryKernels
import TapestryGraph

// Error functions, the gamma function's family, the cardinal sine.

/// y = 1 - erf x; y' = -2 / √π e^(-x²).
struct Erfc: ElementwiseOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_ERFC)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent * (exp(-square(node.input(0))) * -1.128_379_167_095_512_573_9))
  }
}

/// y = the number whose error function x is; y' = √π / 2 e^(y²).
struct ErfInverse: ElementwiseOperation {
  var keeps: Kept { .outputs(0) }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].mapped(TAPESTRY_ERF_INVERSE))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(
      zeroWhereUnused(
        node.cotangent * (exp(square(node.output())) * 0.886_226_925_452_758_013_6), node.cotangent)
    )
  }
}

/// y = ln |Γ(x)|; y' = ψ(x).
struct LogGamma: ElementwiseOperation {
  static var name: String { "lgamma" }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].mapped(TAPESTRY_LGAMMA))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(zeroWhereUnused(node.cotangent * digamma(node.input(0)), node.cotangent))
  }
}

/// y = the n-th derivative of ψ(x) = Γ'(x) / Γ(x); y' = that of order n + 1.
struct Polygamma: ElementwiseOperation {
  /// What the kernel's recurrences are made for.
  static let largestOrder = 20
  let order: Int
  var label: String { "order \(order)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    guard order >= 0, order <= Self.largestOrder else {
      throw Misuse("the order is \(order), but must be in 0 ... \(Self.largestOrder)")
    }
    return Specs(inputs.spec(0))
  }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].mapped(TAPESTRY_POLYGAMMA, Double(order)))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(zeroWhereUnused(node.cotangent * polygamma(order + 1, node.input(0)), node.cotangent))
  }
}

/// y = the n-th derivative of sin(πx) / (πx); y' = that of order n + 1.
struct Sinc: ElementwiseOperation {
  static let largestOrder = 20
  var order = 0
  var label: String { order == 0 ? "" : "derivative of order \(order)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    guard order <= Self.largestOrder else {
      throw Misuse("its derivatives end at order \(Self.largestOrder)")
    }
    return Specs(inputs.spec(0))
  }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].mapped(TAPESTRY_SINC, Double(order)))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent * apply(Sinc(order: order + 1), to: Tensors(node.input(0)))[0])
  }
}

/// 1 - erf x for every element, with full relative accuracy where erf x is nearly 1.
///
/// - Precondition: float32 or float64.
public func erfc(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Erfc(), to: Tensors(x), file: file, line: line)[0]
}

/// The number whose error function an element is, for every element: infinite at ±1, NaN outside.
///
/// - Precondition: float32 or float64.
public func erfInverse(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(ErfInverse(), to: Tensors(x), file: file, line: line)[0]
}

/// ln |Γ(x)| for every element: +infinity at 0, -1, -2, ... The gradient is ``digamma(_:file:line:)``.
///
/// - Precondition: float32 or float64.
public func lgamma(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(LogGamma(), to: Tensors(x), file: file, line: line)[0]
}

/// Γ'(x) / Γ(x) for every element: -infinity at 0, +infinity at -0, NaN at -1, -2, ...
///
/// - Precondition: float32 or float64.
public func digamma(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Polygamma(order: 0), to: Tensors(x), file: file, line: line)[0]
}

/// The derivative of some order of Γ'(x) / Γ(x), for every element: trigamma for order 1.
///
/// - Parameter order: how often `digamma` is differentiated.
/// - Precondition: float32 or float64; the order is in 0 ... 20.
public func polygamma(
  _ order: Int, _ x: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Polygamma(order: order), to: Tensors(x), file: file, line: line)[0]
}

/// sin(πx) / (πx) for every element, 1 at 0: the normalised cardinal sine. It is 0 at all other whole numbers, exactly.
///
/// - Precondition: float32 or float64.
public func sinc(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Sinc(), to: Tensors(x), file: file, line: line)[0]
}
