import CTapestryKernels
import TapestryGraph

// Activations whose value and gradient are one kernel each: memory is read and written once in either direction. This file
// holds what they share and the smooth ones; those made of straight pieces are in Activation+Hard.swift.

/// y = f(x) by a kernel that has f' as well; f'' is made of ops.
protocol ActivationOperation: ElementwiseOperation {
  /// The kernels' name for f.
  var kernel: Int { get }
  /// The kernels' parameters.
  var parameters: (Double, Double) { get }
  /// f'' at x, or `nil` where f is made of straight pieces.
  func curvature(_ x: Tensor) -> Tensor?
}

extension ActivationOperation {
  var parameters: (Double, Double) { (0, 0) }
  func curvature(_ x: Tensor) -> Tensor? { nil }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].mapped(kernel, parameters.0, parameters.1))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(ActivationGradient(of: self).applied(node.cotangent, node.input(0)))
  }
  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { ActivationGradient(of: self).applied($0, node.input(0)) })
  }
  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    // An exponential, a quotient and a few products.
    let count = outputs[0].shape.elementCount
    return OperationCost(arithmetic: 4 * count, bytes: 2 * outputs[0].byteCount)
  }
}

/// g f'(x), for g and x of one shape.
struct ActivationGradient: TensorOperation {
  let activation: any ActivationOperation
  static var inputNames: [String] { ["cotangent", "input"] }
  var label: String { activation.label }
  var displayName: String { activation.displayName + " gradient" }

  init(of activation: any ActivationOperation) { self.activation = activation }

  func applied(_ g: Tensor, _ x: Tensor) -> Tensor { apply(self, to: Tensors(g, x))[0] }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { Specs(inputs.spec(1)) }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (g, x) = (inputs[0], inputs[1])
    let (alpha, beta) = activation.parameters
    return Tensors(
      Tensor(x.spec) { gx in
        withMemory(g, x) { g, values in
          tapestry_activation_gradient(
            Int32(activation.kernel), x.dtype.code, Int64(x.count), g, values, gx, alpha, beta)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (h, g, x) = (node.cotangent, node.input(0), node.input(1))
    return Tensors(
      node.needs(0) ? applied(h, x) : nil,
      node.needs(1) ? activation.curvature(x).map { h * g * $0 } : nil)
  }
}

/// y = x s with s = sigmoid(x); y' = s (1 + x (1 - s)).
struct Silu: ActivationOperation {
  var kernel: Int { TAPESTRY_SILU }
  func curvature(_ x: Tensor) -> Tensor? {
    let s = sigmoid(x)
    return s * (1 - s) * (2 + x * (1 - 2 * s))
  }
}

/// y = x t with t = tanh(ln(1 + e^x)); y' = t + x (1 - t²) sigmoid x.
struct Mish: ActivationOperation {
  var kernel: Int { TAPESTRY_MISH }
  func curvature(_ x: Tensor) -> Tensor? {
    let (t, s) = (tanh(softplus(x)), sigmoid(x))
    return (1 - square(t)) * s * (2 + x * (1 - s - 2 * t * s))
  }
}

/// y = -ln(1 + e^-x); y' = sigmoid(-x).
struct LogSigmoid: ActivationOperation {
  var kernel: Int { TAPESTRY_LOG_SIGMOID }
  func curvature(_ x: Tensor) -> Tensor? {
    let s = sigmoid(x)
    return s * (s - 1)
  }
}

/// y = x / (1 + |x|); y' = 1 / (1 + |x|)².
struct Softsign: ActivationOperation {
  var kernel: Int { TAPESTRY_SOFTSIGN }
  func curvature(_ x: Tensor) -> Tensor? { sign(x) * -2 / pow(abs(x) + 1, 3) }
}

/// y = x - tanh x; y' = tanh² x.
struct TanhShrink: ActivationOperation {
  var kernel: Int { TAPESTRY_TANH_SHRINK }
  func curvature(_ x: Tensor) -> Tensor? {
    let t = tanh(x)
    return 2 * t * (1 - square(t))
  }
}

/// y = x / 2 (1 + tanh u) = x s with u = √(2 / π) (x + 0.044715 x³), s = sigmoid(2 u); y' = s + x s (1 - s) 2 u'.
struct GeluTanh: ActivationOperation {
  var kernel: Int { TAPESTRY_GELU_TANH }
  func curvature(_ x: Tensor) -> Tensor? {
    // Beyond 100 the slope is constant to the last digit, and the cube must not overflow.
    let v = clip(x, min: -100, max: 100)
    let twice = 1.595_769_121_605_730_8
    let s = sigmoid((v + 0.044_715 * v * v * v) * twice)
    let slope = (1 + 0.134_145 * square(v)) * twice
    let bend = v * (0.268_29 * twice)
    return s * (1 - s) * (2 * slope + v * (bend + square(slope) * (1 - 2 * s)))
  }
}

/// x sigmoid(x) for every element, also called swish.
///
/// Elfwing, Uchibe, Doya: "Sigmoid-weighted linear units for neural network function approximation in reinforcement
/// learning" (2018).
///
/// - Precondition: float32 or float64.
public func silu(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Silu(), to: Tensors(x), file: file, line: line)[0]
}

/// x tanh(ln(1 + e^x)) for every element.
///
/// Misra: "Mish: a self regularized non-monotonic activation function" (2019).
///
/// - Precondition: float32 or float64.
public func mish(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Mish(), to: Tensors(x), file: file, line: line)[0]
}

/// ln sigmoid(x) = -ln(1 + e^-x) for every element, without overflow or loss at either end.
///
/// - Precondition: float32 or float64.
public func logSigmoid(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(LogSigmoid(), to: Tensors(x), file: file, line: line)[0]
}

/// x / (1 + |x|) for every element.
///
/// - Precondition: float32 or float64.
public func softsign(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Softsign(), to: Tensors(x), file: file, line: line)[0]
}

/// x - tanh x for every element, accurate near 0.
///
/// - Precondition: float32 or float64.
public func tanhShrink(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(TanhShrink(), to: Tensors(x), file: file, line: line)[0]
}

/// How ``gelu(_:approximate:file:line:)`` is approximated.
public enum GeluApproximation: Sendable {
  /// x / 2 (1 + tanh(√(2 / π) (x + 0.044715 x³))).
  case tanh
}

/// The Gaussian error linear unit by an approximation; `gelu(x)` alone is the exact one.
///
/// Hendrycks, Gimpel: "Gaussian error linear units" (2016).
///
/// - Parameter approximate: `.tanh`, as GPT-2 and BERT were trained with.
/// - Precondition: float32 or float64.
public func gelu(
  _ x: Tensor, approximate: GeluApproximation, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(GeluTanh(), to: Tensors(x), file: file, line: line)[0]
}
