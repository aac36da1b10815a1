import CTapestryKernels
import TapestryGraph

// Joining tensors and cutting them: concatenate, split, slice, pad.

/// y = x0, x1, ... one after the other along an axis.
struct Concatenate: TensorOperation {
  let axis: Int
  var keeps: Kept { .nothing }
  var label: String { "along \(axis)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs.count > 0 else { throw Misuse("there are no tensors to join") }
    let shape = inputs.spec(0).shape
    let axis = try normalizedAxis(axis, rank: shape.rank)
    var joined = shape[axis]
    for index in 1..<max(inputs.count, 1) {
      guard inputs[index].dtype == inputs.spec(0).dtype else {
        throw Misuse(
          "operands differ in type, \(inputs.spec(0).dtype) and \(inputs[index].dtype); convert one with"
            + " converted(to:)")
      }
      let other = inputs[index].shape
      let agrees =
        other.rank == shape.rank
        && other.indices.allSatisfy { $0 == axis || other[$0] == inputs.spec(0).shape[$0] }
      guard agrees else {
        throw Misuse(
          "input \(index) is \(other), but input 0 is \(inputs.spec(0).shape): only axis \(axis) may differ"
        )
      }
      joined = try checkedSum(joined, other[axis], "the joined size of axis \(axis)")
    }
    var sizes = Array(shape)
    sizes[axis] = joined
    return Specs(try TensorShape(checked: sizes), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors, _ specs: borrowing Specs) -> Tensors {
    let spec = specs[0]
    let axis = axis < 0 ? axis + spec.shape.rank : axis
    let outer = spec.shape[..<axis].reduce(1, *)
    let row = spec.shape[axis...].reduce(1, *)
    let parts = inputs.all
    let size = spec.dtype.size
    return Tensors(
      Tensor(spec) { y in
        var place = 0
        for part in parts {
          let width = outer == 0 ? 0 : part.count / outer
          part.withMemory { x in
            copyRows(outer, width, size, y + place * size, stride: row, x, stride: width)
          }
          place += width
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    var gradients = Tensors()
    var start = 0
    let axis = axis < 0 ? axis + node.outputSpec().shape.rank : axis
    for index in 0..<node.inputCount {
      let end = start + node.inputSpec(index).shape[axis]
      gradients.append(
        node.needs(index) ? node.cotangent.sliced(start..<end, along: axis) : nil)
      start = end
    }
    return gradients
  }
}

extension Concatenate: SpatialOperation {
  package func spatialReading(of input: TensorShape) -> SpatialReading {
    .mixing(along: axis, input)
  }
}

/// `rows` runs of `width` elements from one memory to another.
func copyRows(
  _ rows: Int, _ width: Int, _ size: Int, _ target: UnsafeMutableRawPointer,
  stride targetStride: Int,
  _ source: UnsafeRawPointer, stride sourceStride: Int
) {
  if rows == 0 || width == 0 { return }
  tapestry_strided_copy(
    Int32(size), 2, [Int64(rows), Int64(width)], [Int64(targetStride), 1], target,
    [Int64(sourceStride), 1], source)
}

/// y0, y1, ... = x cut along an axis.
struct Split: TensorOperation {
  let sizes: [Int]
  let axis: Int
  var keeps: Kept { .nothing }
  var label: String { "\(sizes) along \(axis)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let shape = inputs.spec(0).shape
    let axis = try normalizedAxis(axis, rank: shape.rank)
    let isPositive = !sizes.isEmpty && sizes.allSatisfy { $0 >= 0 }
    let sum = try isPositive ? checkedSum(sizes, "the sum of the sizes \(sizes)") : -1
    guard sum == shape[axis] else {
      throw Misuse(
        "the sizes \(sizes) do not sum to the \(shape[axis]) of axis \(axis) of \(shape)")
    }
    return Specs(
      sizes.map { size in
        var part = shape
        part[axis] = size
        return TensorSpec(part, inputs.spec(0).dtype)
      })
  }

  func forward(_ inputs: borrowing Tensors, _ specs: borrowing Specs) -> Tensors {
    let x = inputs[0]
    let axis = axis < 0 ? axis + x.rank : axis
    let outer = x.shape[..<axis].reduce(1, *)
    let row = x.shape[axis...].reduce(1, *)
    let inner = x.shape[(axis + 1)...].reduce(1, *)
    let size = x.dtype.size
    var (parts, place) = (Tensors(), 0)
    for index in 0..<sizes.count {
      let width = sizes[index] * inner
      parts.append(
        Tensor(specs[index]) { y in
          x.withMemory { x in
            copyRows(outer, width, size, y, stride: width, x + place * size, stride: row)
          }
        })
      place += width
    }
    return parts
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let parts = (0..<node.outputCount).map { index in
      node.cotangent(index)
        ?? .zeros(node.outputSpec(index).shape, dtype: node.outputSpec(index).dtype)
    }
    return Tensors(concatenate(parts, along: axis))
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    guard let tangent = node.tangent(0) else { return Tensors(sizes.map { _ in nil }) }
    return Tensors(tangent.split(sizes, along: axis))
  }
}

extension Split: SpatialOperation {
  package func spatialReading(of input: TensorShape) -> SpatialReading {
    .mixing(along: axis, input)
  }
}

/// These tensors one after the other along an axis; they may differ in size along it, nowhere else.
///
/// - Parameters:
///   - tensors: one or more, of one type.
///   - axis: counted from 0, or from the end if negative.
/// - Precondition: at least one tensor; sizes equal but along the axis, which exists.
public func concatenate(
  _ tensors: [Tensor], along axis: Int, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Concatenate(axis: axis), to: Tensors(tensors), file: file, line: line)[0]
}

/// Tensors of equal shape along a new axis, which becomes axis `axis` of the result.
///
/// - Parameters:
///   - tensors: one or more, of one shape and type.
///   - axis: 0 by default; -1 adds it at the end.
/// - Precondition: at least one tensor, of at most five axes; shapes and types equal.
public func stack(
  _ tensors: [Tensor], along axis: Int = 0, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let parts = tensors.map { $0.expandedDimensions(at: axis, file: file, line: line) }
  return concatenate(parts, along: axis, file: file, line: line)
}

extension Tensor {
  /// The parts of these sizes along an axis, in order.
  ///
  /// - Precondition: the sizes sum to that of the axis.
  public func split(
    _ sizes: [Int], along axis: Int, file: StaticString = #fileID, line: UInt = #line
  ) -> [Tensor] {
    let parts = apply(Split(sizes: sizes, axis: axis), to: Tensors(self), file: file, line: line)
    return sizes.indices.map { parts[$0] }
  }
}
