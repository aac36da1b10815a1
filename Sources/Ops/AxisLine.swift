import CTapestryKernels
import TapestryGraph

// What the ops along one axis share: sorting, running results, extrema with their places.

/// A shape seen as [outer, count, inner] around an axis that exists; a scalar is a line of one.
struct AxisLine {
  let axis: Int
  let outer: Int64
  let count: Int64
  let inner: Int64

  init(_ shape: TensorShape, _ axis: Int) {
    guard shape.rank > 0 else {
      self.axis = 0
      (outer, count, inner) = (1, 1, 1)
      return
    }
    self.axis = axis < 0 ? axis + shape.rank : axis
    outer = Int64(shape[..<self.axis].reduce(1, *))
    count = Int64(shape[self.axis])
    inner = Int64(shape[(self.axis + 1)...].reduce(1, *))
  }
}

/// Ops that choose elements along an axis and answer with them and their positions: the gradient goes to these.
protocol ChoosingOperation: TensorOperation {
  var axis: Int { get }
  /// The result whose elements are positions; the first result is what lies there.
  static var indicesOutput: Int { get }
  /// Whether the results keep the axis, so that their shape is that of positions to take or to put.
  var keepsDimensions: Bool { get }
}

extension ChoosingOperation {
  static var indicesOutput: Int { 1 }
  var keeps: Kept { .outputs(Self.indicesOutput) }
  var label: String { "along \(axis)" }

  func backward(_ node: borrowing Differential) -> Tensors {
    let shape = node.inputSpec(0).shape
    return Tensors(
      node.cotangent(0).map { g in
        apply(
          PutAlongAxis(axis: axis, shape: shape, site: node.site),
          to: Tensors(withAxis(g, shape), withAxis(node.output(1), shape)))[0]
      })
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    let shape = node.inputSpec(0).shape
    return Tensors(
      node.tangent(0).map { t in
        let taken = apply(
          TakeAlongAxis(axis: axis, site: node.site),
          to: Tensors(t, withAxis(node.output(1), shape)))[0]
        return keepsDimensions ? taken : taken.reshaped(to: node.outputSpec(0).shape)
      }, nil)
  }

  private func withAxis(_ reduced: Tensor, _ shape: TensorShape) -> Tensor {
    if keepsDimensions { return reduced }
    var sizes = shape
    sizes[axis < 0 ? axis + shape.rank : axis] = 1
    return reduced.reshaped(to: sizes)
  }
}

/// The shape without an axis, or with size 1 there.
func shape(_ shape: TensorShape, without axis: Int, keeping: Bool) -> TensorShape {
  var result = TensorShape()
  for position in 0..<shape.rank {
    if position != axis { result.append(shape[position]) } else if keeping { result.append(1) }
  }
  return result
}

/// An op along an axis that needs an order: no masks.
func requireOrder(_ dtype: DType) throws(Misuse) {
  guard dtype != .bool else { throw Misuse("bool masks have no order") }
}

extension Tensor {
  /// One place further along an axis, back if `backwards`: a number enters at one end, what stands at the other leaves.
  func shifted(along axis: Int, backwards: Bool, entering value: Double) -> Tensor {
    if rank == 0 { return .full([], value, dtype: dtype) }
    let axis = axis < 0 ? axis + rank : axis
    let size = shape[axis]
    if size == 0 { return self }
    let rest = backwards ? sliced(1..<size, along: axis) : sliced(0..<size - 1, along: axis)
    var sides = [(before: Int, after: Int)](repeating: (0, 0), count: rank)
    sides[axis] = backwards ? (0, 1) : (1, 0)
    return rest.padded(sides, value: value)
  }
}
