import CTapestryKernels
import TapestryGraph

// Softmax and its logarithm, both shifted by the maximum, so that large logits do not overflow.

/// The shape around an axis: a tensor as [outer, size, inner].
struct AxisLayout {
  var outer = 1
  var size = 1
  var inner = 1

  init(_ shape: TensorShape, axis: Int) {
    for index in 0..<shape.rank {
      if index < axis {
        outer *= shape[index]
      } else if index == axis {
        size = shape[index]
      } else {
        inner *= shape[index]
      }
    }
  }
}

/// y = e^x / Σ e^x along an axis.
struct Softmax: TensorOperation {
  private static let kept = Kept.outputs(0)
  let axis: Int
  var keeps: Kept { Self.kept }
  var label: String { "axis \(axis)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    _ = try normalizedAxis(axis, rank: inputs[0].rank)
    try requireSameType(inputs)
    return Specs(inputs.spec(0))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].softmax(axis, logarithm: false))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(apply(SoftmaxGradient(axis: axis), to: Tensors(node.cotangent, node.output()))[0])
  }
}

extension Softmax: SpatialOperation {
  package func spatialReading(of input: TensorShape) -> SpatialReading {
    .mixing(along: axis, input)
  }
}

/// y = x - ln Σ e^x along an axis.
struct LogSoftmax: TensorOperation {
  private static let kept = Kept.outputs(0)
  let axis: Int
  var keeps: Kept { Self.kept }
  var label: String { "axis \(axis)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    _ = try normalizedAxis(axis, rank: inputs[0].rank)
    try requireSameType(inputs)
    return Specs(inputs.spec(0))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].softmax(axis, logarithm: true))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(apply(LogSoftmaxGradient(axis: axis), to: Tensors(node.cotangent, node.output()))[0])
  }
}

extension LogSoftmax: SpatialOperation {
  package func spatialReading(of input: TensorShape) -> SpatialReading {
    .mixing(along: axis, input)
  }
}

/// f(g, y) = y (g - Σ g y): the gradient of softmax, y being its result.
struct SoftmaxGradient: TensorOperation {
  static var inputNames: [String] { ["cotangent", "output"] }
  let axis: Int

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    try requireSameShape(inputs)
    return Specs(inputs.spec(0))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].softmaxGradient(output: inputs[1], axis, logarithm: false))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (h, g, y) = (node.cotangent, node.input(0), node.input(1))
    return Tensors(
      node.needs(0) ? apply(self, to: Tensors(h, y))[0] : nil,
      node.needs(1)
        ? h * (g - (g * y).sum(along: axis, keepingDimensions: true))
          - g * (h * y).sum(along: axis, keepingDimensions: true) : nil)
  }
}

/// f(g, y) = g - e^y Σ g: the gradient of log-softmax, y being its result.
struct LogSoftmaxGradient: TensorOperation {
  static var inputNames: [String] { ["cotangent", "output"] }
  let axis: Int

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    try requireSameShape(inputs)
    return Specs(inputs.spec(0))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].softmaxGradient(output: inputs[1], axis, logarithm: true))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (h, g, y) = (node.cotangent, node.input(0), node.input(1))
    let weighted = h * exp(y)
    return Tensors(
      node.needs(0) ? h - weighted.sum(along: axis, keepingDimensions: true) : nil,
      node.needs(1) ? -(weighted * g.sum(along: axis, keepingDimensions: true)) : nil)
  }
}

extension Tensor {
  fileprivate func softmax(_ axis: Int, logarithm: Bool) -> Tensor {
    let layout = AxisLayout(shape, axis: axis < 0 ? axis + rank : axis)
    return Tensor(spec) { y in
      withMemory { x in
        tapestry_softmax(
          dtype.code, logarithm, Int64(layout.outer), Int64(layout.size), Int64(layout.inner), x, y)
      }
    }
  }

  fileprivate func softmaxGradient(output: Tensor, _ axis: Int, logarithm: Bool) -> Tensor {
    let layout = AxisLayout(shape, axis: axis < 0 ? axis + rank : axis)
    return Tensor(spec) { gx in
      TapestryGraph.withMemory(self, output) { g, y in
        tapestry_softmax_gradient(
          dtype.code, logarithm, Int64(layout.outer), Int64(layout.size), Int64(layout.inner), g, y,
          gx)
      }
    }
  }
}

/// The second operand has the shape of the first.
func requireSameShape(_ inputs: borrowing Tensors) throws(Misuse) {
  guard inputs.spec(0).shape == inputs.spec(1).shape else {
    throw Misuse(
      "the operands differ in shape, \(inputs.spec(0).shape) and \(inputs.spec(1).shape)")
  }
}

/// e^x / Σ e^x along an axis: positive numbers that sum to 1.
///
/// - Parameters:
///   - x: logits, any shape with at least one axis.
///   - axis: what the sum runs over; a negative one counts from the end. Default: 1, the classes of
///     `[N, classes, ...]`.
/// - Returns: probabilities, shaped like `x`. Exact for logits of any size.
/// - Precondition: the axis exists.
///
/// Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.
public func softmax(
  _ x: Tensor, axis: Int = 1, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Softmax(axis: axis), to: Tensors(x), file: file, line: line)[0]
}

/// x - ln Σ e^x along an axis: the logarithm of `softmax`, without its underflow. Parameters as
/// there.
public func logSoftmax(
  _ x: Tensor, axis: Int = 1, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(LogSoftmax(axis: axis), to: Tensors(x), file: file, line: line)[0]
}
