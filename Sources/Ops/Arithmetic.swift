import CTapestryKernels
import TapestryGraph

// Sums, differences, products and quotients with NumPy's broadcasting, and the operators for them.

/// What the four ops have in common: two operands of one type whose shapes broadcast.
protocol BroadcastingOperation: PointwiseOperation {}

extension BroadcastingOperation {
  static var inputNames: [String] { ["left", "right"] }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (left, right) = (inputs.spec(0), inputs.spec(1))
    if left == right && left.dtype.isFloatingPoint { return Specs(left) }
    try requireSameType(inputs, allowingIntegers: true)
    let shape = try broadcastShape(left.shape, right.shape)
    guard left.dtype != .bool else { throw Misuse("bool masks have no arithmetic") }
    return Specs(shape, left.dtype)
  }
}

/// y = a + b.
struct Add: BroadcastingOperation {
  var keeps: Kept { .nothing }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].combined(TAPESTRY_ADD, with: inputs[1]))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    return Tensors(
      node.needs(0) ? g.summed(to: node.inputSpec(0).shape) : nil,
      node.needs(1) ? g.summed(to: node.inputSpec(1).shape) : nil)
  }
}

/// y = a - b.
struct Subtract: BroadcastingOperation {
  var keeps: Kept { .nothing }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].combined(TAPESTRY_SUBTRACT, with: inputs[1]))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    return Tensors(
      node.needs(0) ? g.summed(to: node.inputSpec(0).shape) : nil,
      node.needs(1) ? (-g).summed(to: node.inputSpec(1).shape) : nil)
  }
}

/// y = a b.
struct Multiply: BroadcastingOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].combined(TAPESTRY_MULTIPLY, with: inputs[1]))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    return Tensors(
      node.needs(0) ? (g * node.input(1)).summed(to: node.inputSpec(0).shape) : nil,
      node.needs(1) ? (g * node.input(0)).summed(to: node.inputSpec(1).shape) : nil)
  }
}

/// y = a / b.
struct Divide: BroadcastingOperation {
  var keeps: Kept { .inputs(1).and(.outputs(0)) }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].combined(TAPESTRY_DIVIDE, with: inputs[1]))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    let quotient = zeroWhereUnused(g / node.input(1), g)
    return Tensors(
      node.needs(0) ? quotient.summed(to: node.inputSpec(0).shape) : nil,
      node.needs(1)
        ? zeroWhereUnused(-(quotient * node.output()), g).summed(to: node.inputSpec(1).shape)
        : nil)
  }
}

/// y = factor x + offset, for numbers: sums and products with Swift scalars.
struct Affine: PointwiseOperation {
  let factor: Double
  let offset: Double
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireWhole(factor, for: inputs.spec(0).dtype)
    try requireWhole(offset, for: inputs.spec(0).dtype)
    return Specs(inputs.spec(0))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].mapped(TAPESTRY_AFFINE, factor, offset))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(factor == 1 ? node.cotangent : node.cotangent * factor)
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { factor == 1 ? $0 : $0 * factor })
  }
}

/// y = x / divisor, for a number.
struct DivideBy: PointwiseOperation {
  let divisor: Double
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireWhole(divisor, for: inputs.spec(0).dtype)
    return Specs(inputs.spec(0))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].divided(by: divisor)) }

  func backward(_ node: borrowing Differential) -> Tensors { Tensors(node.cotangent / divisor) }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { $0 / divisor })
  }
}

/// A number that meets an integer tensor must be whole; masks meet none.
private func requireWhole(_ number: Double, for dtype: DType) throws(Misuse) {
  if dtype.isFloatingPoint { return }
  guard dtype != .bool else { throw Misuse("bool masks have no arithmetic") }
  guard let _ = Int64(exactly: number) else {
    throw Misuse("\(number) is not a whole number, but the tensor is \(dtype)")
  }
}

/// y = numerator / x.
struct DivideInto: PointwiseOperation {
  let numerator: Double

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    return Specs(inputs.spec(0))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].mapped(TAPESTRY_DIVIDE_INTO, numerator))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let x = node.input(0)
    let g = node.cotangent
    return Tensors(zeroWhereUnused(g * (-numerator / (x * x)), g))
  }
}

/// y = a summed over the axes along which `shape` was broadcast to a's shape: the transpose of broadcasting.
struct SumTo: TensorOperation {
  let shape: TensorShape
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard TensorShape.broadcast(shape, inputs.spec(0).shape) == inputs.spec(0).shape else {
      throw Misuse("\(inputs.spec(0).shape) is not a broadcast of \(shape)")
    }
    return Specs(shape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let missing = x.rank - shape.rank
    var axes = AxisSet()
    for axis in 0..<x.rank where axis < missing || shape[axis - missing] == 1 { axes.insert(axis) }
    return Tensors(x.reduced(TAPESTRY_SUM, along: axes, to: shape))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent.broadcast(to: node.inputSpec(0).shape))
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0)?.summed(to: shape))
  }
}

extension Tensor {
  /// The sum over the axes along which `shape` is broadcast to this tensor's shape.
  func summed(to shape: TensorShape) -> Tensor {
    self.shape == shape ? self : apply(SumTo(shape: shape), to: Tensors(self))[0]
  }

  /// Elementwise sum; shapes broadcast.
  ///
  /// - Precondition: both of one type, not bool; the shapes broadcast.
  public static func + (a: Tensor, b: Tensor) -> Tensor { operate(Add(), Tensors(a, b)) }
  /// Elementwise difference; shapes broadcast.
  ///
  /// - Precondition: both of one type, not bool; the shapes broadcast.
  public static func - (a: Tensor, b: Tensor) -> Tensor { operate(Subtract(), Tensors(a, b)) }
  /// Elementwise product; shapes broadcast. The matrix product is `matmul(_:_:)`.
  ///
  /// - Precondition: both of one type, not bool; the shapes broadcast.
  public static func * (a: Tensor, b: Tensor) -> Tensor { operate(Multiply(), Tensors(a, b)) }
  /// Elementwise quotient; shapes broadcast. Integers are truncated; divided by 0 they give 0, and the
  /// smallest one divided by -1 is itself.
  ///
  /// - Precondition: both of one type, not bool; the shapes broadcast.
  public static func / (a: Tensor, b: Tensor) -> Tensor { operate(Divide(), Tensors(a, b)) }

  /// x + c for every element; c is rounded once, to the tensor's type.
  ///
  /// - Precondition: not bool; with integers c is whole.
  public static func + (x: Tensor, c: Double) -> Tensor { affine(x, 1, c) }
  /// c + x for every element.
  ///
  /// - Precondition: not bool; with integers c is whole.
  public static func + (c: Double, x: Tensor) -> Tensor { affine(x, 1, c) }
  /// x - c for every element.
  ///
  /// - Precondition: not bool; with integers c is whole.
  public static func - (x: Tensor, c: Double) -> Tensor { affine(x, 1, -c) }
  /// c - x for every element.
  ///
  /// - Precondition: not bool; with integers c is whole.
  public static func - (c: Double, x: Tensor) -> Tensor { affine(x, -1, c) }
  /// c x for every element.
  ///
  /// - Precondition: not bool; with integers c is whole.
  public static func * (x: Tensor, c: Double) -> Tensor { affine(x, c, 0) }
  /// c x for every element.
  ///
  /// - Precondition: not bool; with integers c is whole.
  public static func * (c: Double, x: Tensor) -> Tensor { affine(x, c, 0) }
  /// x / c for every element, exactly rounded. Integers are truncated.
  ///
  /// - Precondition: not bool; with integers c is whole.
  public static func / (x: Tensor, c: Double) -> Tensor {
    operate(DivideBy(divisor: c), Tensors(x))
  }
  /// c / x for every element.
  ///
  /// - Precondition: float32 or float64.
  public static func / (c: Double, x: Tensor) -> Tensor {
    operate(DivideInto(numerator: c), Tensors(x))
  }
  /// -x for every element.
  ///
  /// - Precondition: not bool.
  public static prefix func - (x: Tensor) -> Tensor { affine(x, -1, 0) }

  /// Replaces `a` by the sum; tensors that share its values keep theirs.
  ///
  /// - Precondition: both of one type, not bool; the shapes broadcast.
  public static func += (a: inout Tensor, b: Tensor) { a = a + b }
  /// Replaces `a` by the difference; tensors that share its values keep theirs.
  ///
  /// - Precondition: both of one type, not bool; the shapes broadcast.
  public static func -= (a: inout Tensor, b: Tensor) { a = a - b }
  /// Replaces `a` by the product; tensors that share its values keep theirs.
  ///
  /// - Precondition: both of one type, not bool; the shapes broadcast.
  public static func *= (a: inout Tensor, b: Tensor) { a = a * b }
  /// Replaces `a` by the quotient; tensors that share its values keep theirs.
  ///
  /// - Precondition: both of one type, not bool; the shapes broadcast.
  public static func /= (a: inout Tensor, b: Tensor) { a = a / b }

  private static func affine(_ x: Tensor, _ factor: Double, _ offset: Double) -> Tensor {
    operate(Affine(factor: factor, offset: offset), Tensors(x))
  }
}
