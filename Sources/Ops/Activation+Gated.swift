import CTapestryKernels
import TapestryGraph

// Activations with a second operand: the gate of a gated linear unit, the learnt slope of PReLU.

/// y = a sigmoid(b), a and b the halves of x along an axis.
struct Glu: TensorOperation {
  let axis: Int
  var label: String { "along \(axis)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    var shape = inputs.spec(0).shape
    let axis = try normalizedAxis(axis, rank: shape.rank)
    guard shape[axis] % 2 == 0 else {
      throw Misuse("axis \(axis) of \(shape) has no two halves: its size is odd")
    }
    shape[axis] /= 2
    return Specs(shape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    guard let spec = try? specs(for: inputs)[0] else {
      trapAtCaller("the shape rule was passed over")
    }
    let (outer, half) = halves(x.shape, axis)
    return Tensors(
      Tensor(spec) { y in x.withMemory { tapestry_glu(spec.dtype.code, outer, half, $0, y) } })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(apply(GluGradient(axis: axis), to: Tensors(node.cotangent, node.input(0)))[0])
  }
}

extension Glu: SpatialOperation {
  package func spatialReading(of input: TensorShape) -> SpatialReading {
    .mixing(along: axis, input)
  }
}

/// [g s, g a s (1 - s)] along the axis, s = sigmoid(b).
struct GluGradient: TensorOperation {
  let axis: Int
  static var inputNames: [String] { ["cotangent", "input"] }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { Specs(inputs.spec(1)) }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (g, x) = (inputs[0], inputs[1])
    let (outer, half) = halves(x.shape, axis)
    return Tensors(
      Tensor(x.spec) { gx in
        withMemory(g, x) { tapestry_glu_gradient(g.dtype.code, outer, half, $0, $1, gx) }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (g, x) = (node.input(0), node.input(1))
    let size = x.shape[axis < 0 ? axis + x.rank : axis] / 2
    let parts = x.split([size, size], along: axis)
    let h = node.cotangent.split([size, size], along: axis)
    let (a, s) = (parts[0], sigmoid(parts[1]))
    let slope = s * (1 - s)
    var gradients: (Tensor?, Tensor?)
    if node.needs(0) { gradients.0 = h[0] * s + h[1] * a * slope }
    if node.needs(1) {
      let byGate = g * slope * (h[0] + h[1] * a * (1 - 2 * s))
      gradients.1 = concatenate([h[1] * g * slope, byGate], along: axis)
    }
    return Tensors(gradients.0, gradients.1)
  }
}

/// A shape as [outer, 2, half] around an axis.
private func halves(_ shape: TensorShape, _ axis: Int) -> (outer: Int64, half: Int64) {
  let axis = axis < 0 ? axis + shape.rank : axis
  let inner = shape[(axis + 1)...].reduce(1, *)
  return (Int64(shape[..<axis].reduce(1, *)), Int64(shape[axis] / 2 * inner))
}

/// y = x for x > 0, else slope x; the slope broadcasts.
struct PRelu: PointwiseOperation {
  static var inputNames: [String] { ["input", "slope"] }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    let shape = inputs.spec(0).shape
    guard try broadcastShape(shape, inputs.spec(1).shape) == shape else {
      throw Misuse("the slope \(inputs.spec(1).shape) does not broadcast to the input \(shape)")
    }
    return Specs(inputs.spec(0))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].combined(TAPESTRY_PRELU, with: inputs[1]))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (g, x, slope) = (node.cotangent, node.input(0), node.input(1))
    return Tensors(
      node.needs(0) ? select(where: x .> 0, g, else: g * slope) : nil,
      node.needs(1) ? (g * clip(x, max: 0)).summed(to: slope.shape) : nil)
  }

  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].elementwiseKink(at: 0) }
}

/// The first half of an axis times the sigmoid of the second.
///
/// Dauphin, Fan, Auli, Grangier: "Language modeling with gated convolutional networks" (2017).
///
/// - Parameter axis: counted from 0, or from the end if negative; the last by default. The result has half its size.
/// - Precondition: float32 or float64; the axis exists and its size is even.
public func glu(
  _ x: Tensor, axis: Int = -1, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Glu(axis: axis), to: Tensors(x), file: file, line: line)[0]
}

/// x for x > 0, else slope x, with slopes that are learnt. At 0 the slope counts.
///
/// He, Zhang, Ren, Sun: "Delving deep into rectifiers" (2015).
///
/// - Parameter slope: one number, `[]` or `[1]`, or one for each channel, `[C]` for an input `[N, C, ...]`.
/// - Precondition: both float32 or both float64; as many slopes as channels, or one.
public func prelu(
  _ x: Tensor, slope: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  var slope = slope
  if slope.rank == 1, x.rank > 2, slope.shape[0] != 1 {
    slope = slope.reshaped(
      to: [slope.shape[0]] + [Int](repeating: 1, count: x.rank - 2), file: file, line: line)
  }
  return apply(PRelu(), to: Tensors(x, slope), file: file, line: line)[0]
}

/// The softmax of -x: e^-x / Σ e^-x along an axis.
///
/// - Parameter axis: counted from 0, or from the end if negative; the last by default.
/// - Precondition: float32 or float64; the axis exists.
public func softmin(
  _ x: Tensor, axis: Int = -1, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  softmax(
    apply(Affine(factor: -1, offset: 0), to: Tensors(x), file: file, line: line)[0],
    axis: axis, file: file, line: line)
}
