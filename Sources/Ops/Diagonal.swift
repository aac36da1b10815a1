import CTapestryKernels
import TapestryGraph

// Diagonals, traces and triangles of matrices.

/// y = x on one side of a diagonal of the last two axes, 0 on the other.
struct Triangle: TensorOperation {
  let isUpper: Bool
  let offset: Int
  static var name: String { "triangle" }
  var displayName: String { isUpper ? "upperTriangle" : "lowerTriangle" }
  var keeps: Kept { .nothing }
  var label: String { offset == 0 ? "" : "offset \(offset)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs.spec(0).shape.rank >= 2 else {
      throw Misuse("needs at least 2 axes, [..., rows, columns], not \(inputs.spec(0).shape.rank)")
    }
    return Specs(inputs.spec(0))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, shape) = (inputs[0], inputs.spec(0).shape)
    let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
    let matrices = shape.batch.elementCount
    // Beyond the corners nothing changes any more.
    let limit = Int(Int32.max)
    let offset = Swift.min(Swift.max(offset, -limit), limit)
    return Tensors(
      Tensor(inputs.spec(0)) { y in
        x.withMemory { x in
          tapestry_triangle(
            Int32(inputs.spec(0).dtype.size), isUpper, Int64(offset), Int64(matrices), Int64(rows),
            Int64(columns), x, y)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(apply(self, to: Tensors(node.cotangent))[0])
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { apply(self, to: Tensors($0))[0] })
  }
}

/// The diagonal of two axes of a shape, which becomes the last one.
func diagonalLayout(
  _ shape: TensorShape, offset: Int, _ first: Int, _ second: Int
) throws(Misuse) -> StridedLayout {
  guard shape.rank >= 2 else {
    throw Misuse("needs at least 2 axes, [..., rows, columns], not \(shape.rank)")
  }
  let rows = try normalizedAxis(first, rank: shape.rank)
  let columns = try normalizedAxis(second, rank: shape.rank)
  guard rows != columns else { throw Misuse("axis \(first) cannot be both rows and columns") }
  let strides = shape.strides
  let across = offset.magnitude
  let (along, other) = offset >= 0 ? (columns, rows) : (rows, columns)
  // In range: less than the size.
  let left = across >= UInt(shape[along]) ? 0 : shape[along] - Int(across)
  let length = Swift.min(left, shape[other])
  let rest = shape.indices.filter { $0 != rows && $0 != columns }
  // In range: all of them are places in the tensor.
  return StridedLayout(
    shape: shape, sizes: TensorShape(rest.map { shape[$0] } + [length]),
    strides: (rest.map { strides[$0] } + [strides[rows] + strides[columns]]).map(Int64.init),
    start: length == 0 ? 0 : Int(across) * strides[along], isInjective: true)
}

extension Tensor {
  /// The entries (i, i + offset) of two axes, which become the last axis, after the others.
  ///
  /// - Parameters:
  ///   - offset: 0 for the main diagonal, positive above it, negative below. Default: 0.
  ///   - axis1: the rows. Default: 0.
  ///   - axis2: the columns. Default: 1.
  /// - Precondition: two different axes that exist. A diagonal beyond the corner is empty.
  public func diagonal(
    offset: Int = 0, axis1: Int = 0, axis2: Int = 1, file: StaticString = #fileID,
    line: UInt = #line
  ) -> Tensor {
    var layout: StridedLayout?
    let refused = refusal(of: "diagonal", [("input", self)], file: file, line: line) {
      () throws(Misuse) in
      layout = try diagonalLayout(shape, offset: offset, axis1, axis2)
    }
    if let refused { return refused }
    return apply(
      StridedPart(function: "diagonal", layout: layout!), to: Tensors(self), file: file, line: line)[
        0]
  }

  /// The sum of a matrix's diagonal, a scalar; the matrix need not be square. Integers too.
  ///
  /// - Precondition: two axes.
  public func trace(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
    let refused = refusal(of: "trace", [("input", self)], file: file, line: line) {
      () throws(Misuse) in
      guard rank == 2 else { throw Misuse("needs a matrix, 2 axes, not \(rank)") }
      guard dtype != .bool else { throw Misuse("bool masks have no arithmetic") }
    }
    if let refused { return refused }
    return diagonal(file: file, line: line).sum(file: file, line: line)
  }

  /// The entries (i, j) of the last two axes with j - i <= offset; 0 elsewhere, whatever stands there.
  ///
  /// - Parameter offset: 0 keeps the main diagonal and what is below, more keeps diagonals above it too. Default: 0.
  /// - Precondition: at least two axes.
  public func lowerTriangle(
    offset: Int = 0, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    apply(Triangle(isUpper: false, offset: offset), to: Tensors(self), file: file, line: line)[0]
  }

  /// The entries (i, j) of the last two axes with j - i >= offset; 0 elsewhere, whatever stands there.
  ///
  /// - Parameter offset: 0 keeps the main diagonal and what is above, less keeps diagonals below it too. Default: 0.
  /// - Precondition: at least two axes.
  public func upperTriangle(
    offset: Int = 0, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    apply(Triangle(isUpper: true, offset: offset), to: Tensors(self), file: file, line: line)[0]
  }
}
