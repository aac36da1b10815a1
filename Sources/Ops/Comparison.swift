import CTapestryKernels
import TapestryGraph

// Comparisons, whose results are bool masks without a gradient, and the selection by a mask.

/// y = a (comparison) b as a mask.
struct Compare: PointwiseOperation {
  let comparison: Int
  var keeps: Kept { .nothing }
  static var inputNames: [String] { ["left", "right"] }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (left, right) = (inputs.spec(0), inputs.spec(1))
    guard left.dtype == right.dtype else {
      throw Misuse(
        "operands differ in type, \(left.dtype) and \(right.dtype); convert one with converted(to:)"
      )
    }
    return Specs(try broadcastShape(left.shape, right.shape), .bool)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (a, b) = (inputs[0], inputs[1])
    let shape = TensorShape.broadcast(a.shape, b.shape)!
    return Tensors(
      Tensor(shape, .bool) { y in
        let mask = y.assumingMemoryBound(to: UInt8.self)
        withMemory(a, b) { x, z in
          BroadcastLayout.with(shape, a.shape, b.shape) { layout in
            tapestry_compare(
              Int32(comparison), a.dtype.code, Int32(shape.rank), layout.sizes, layout.strides(0),
              layout.strides(1), x, z, mask)
          }
        }
      })
  }

  /// A mask has no gradient, so nothing asks for this.
  func backward(_ node: borrowing Differential) -> Tensors { Tensors(nil, nil) }
}

/// y = condition ? a : b.
struct Select: PointwiseOperation {
  var keeps: Kept { .inputs(0) }
  static var inputNames: [String] { ["condition", "first", "second"] }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs.spec(0).dtype == .bool else {
      throw Misuse("the condition is \(inputs.spec(0).dtype), but must be a bool mask")
    }
    guard inputs.spec(1).dtype == inputs.spec(2).dtype else {
      throw Misuse(
        "the two values differ in type, \(inputs.spec(1).dtype) and \(inputs.spec(2).dtype); convert one with"
          + " converted(to:)")
    }
    let values = try broadcastShape(inputs.spec(1).shape, inputs.spec(2).shape)
    return Specs(try broadcastShape(inputs.spec(0).shape, values), inputs.spec(1).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (condition, a, b) = (inputs[0], inputs[1], inputs[2])
    let values = TensorShape.broadcast(a.shape, b.shape)!
    let shape = TensorShape.broadcast(condition.shape, values)!
    return Tensors(
      Tensor(shape, a.dtype) { y in
        withMemory(condition, a, b) { c, x, z in
          BroadcastLayout.with(shape, condition.shape, a.shape, b.shape) { layout in
            tapestry_select(
              a.dtype.code, Int32(shape.rank), layout.sizes, layout.strides(0), layout.strides(1),
              layout.strides(2), c.assumingMemoryBound(to: UInt8.self), x, z, y)
          }
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (g, condition) = (node.cotangent, node.input(0))
    let zero = Tensor(0, dtype: g.dtype)
    return Tensors(
      nil,
      node.needs(1)
        ? select(where: condition, g, else: zero).summed(to: node.inputSpec(1).shape) : nil,
      node.needs(2)
        ? select(where: condition, zero, else: g).summed(to: node.inputSpec(2).shape) : nil)
  }
}

/// The shape that both broadcast to.
func broadcastShape(_ a: TensorShape, _ b: TensorShape) throws(Misuse) -> TensorShape {
  guard let shape = TensorShape.broadcast(a, b) else {
    let agree = zip(a.reversed(), b.reversed()).allSatisfy { $0 == $1 || $0 == 1 || $1 == 1 }
    guard !agree else {
      throw Misuse("the shapes \(a) and \(b) broadcast to too many elements: \(TensorShape.limits)")
    }
    throw Misuse(
      "the shapes \(a) and \(b) do not broadcast: aligned at the last axis, two sizes must be equal or"
        + " one of them 1")
  }
  return shape
}

/// The elements of `first` where the mask is true, those of `second` elsewhere.
///
/// y = condition ? first : second. A NaN in the value that is not chosen stays out, and so does its
/// gradient: that is 0.
///
/// - Parameters:
///   - condition: a bool mask, made by `x .> y` and the like. All three shapes broadcast.
///   - first: taken where the condition holds.
///   - second: taken elsewhere; of the same element type.
/// - Precondition: a bool condition; two values of one type; shapes that broadcast.
public func select(
  where condition: Tensor, _ first: Tensor, else second: Tensor,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Select(), to: Tensors(condition, first, second), file: file, line: line)[0]
}

extension Tensor {
  /// The mask of the elements that are equal; shapes broadcast. NaN equals nothing.
  ///
  /// - Precondition: both of one type; the shapes broadcast.
  public static func .== (a: Tensor, b: Tensor) -> Tensor { compare(TAPESTRY_EQUAL, a, b) }
  /// The mask of the elements that differ; shapes broadcast.
  ///
  /// - Precondition: both of one type; the shapes broadcast.
  public static func .!= (a: Tensor, b: Tensor) -> Tensor { compare(TAPESTRY_NOT_EQUAL, a, b) }
  /// The mask of the elements for which a < b; shapes broadcast.
  ///
  /// - Precondition: both of one type; the shapes broadcast.
  public static func .< (a: Tensor, b: Tensor) -> Tensor { compare(TAPESTRY_LESS, a, b) }
  /// The mask of the elements for which a <= b; shapes broadcast.
  ///
  /// - Precondition: both of one type; the shapes broadcast.
  public static func .<= (a: Tensor, b: Tensor) -> Tensor { compare(TAPESTRY_LESS_EQUAL, a, b) }
  /// The mask of the elements for which a > b; shapes broadcast.
  ///
  /// - Precondition: both of one type; the shapes broadcast.
  public static func .> (a: Tensor, b: Tensor) -> Tensor { compare(TAPESTRY_GREATER, a, b) }
  /// The mask of the elements for which a >= b; shapes broadcast.
  ///
  /// - Precondition: both of one type; the shapes broadcast.
  public static func .>= (a: Tensor, b: Tensor) -> Tensor { compare(TAPESTRY_GREATER_EQUAL, a, b) }

  /// The mask of the elements that equal c, rounded once to the tensor's type. NaN equals nothing.
  public static func .== (a: Tensor, c: Double) -> Tensor { compare(TAPESTRY_EQUAL, a, c) }
  /// The mask of the elements that differ from c, rounded once to the tensor's type.
  public static func .!= (a: Tensor, c: Double) -> Tensor { compare(TAPESTRY_NOT_EQUAL, a, c) }
  /// The mask of the elements that are less than c, rounded once to the tensor's type.
  public static func .< (a: Tensor, c: Double) -> Tensor { compare(TAPESTRY_LESS, a, c) }
  /// The mask of the elements that are at most c, rounded once to the tensor's type.
  public static func .<= (a: Tensor, c: Double) -> Tensor { compare(TAPESTRY_LESS_EQUAL, a, c) }
  /// The mask of the elements that are greater than c, rounded once to the tensor's type.
  public static func .> (a: Tensor, c: Double) -> Tensor { compare(TAPESTRY_GREATER, a, c) }
  /// The mask of the elements that are at least c, rounded once to the tensor's type.
  public static func .>= (a: Tensor, c: Double) -> Tensor { compare(TAPESTRY_GREATER_EQUAL, a, c) }

  private static func compare(_ comparison: Int, _ a: Tensor, _ b: Tensor) -> Tensor {
    operate(Compare(comparison: comparison), Tensors(a, b))
  }

  private static func compare(_ comparison: Int, _ a: Tensor, _ c: Double) -> Tensor {
    compare(comparison, a, Tensor(c, dtype: a.dtype))
  }
}
