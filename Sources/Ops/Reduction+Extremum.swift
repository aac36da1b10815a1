import CTapestryKernels
import TapestryGraph

/// y = the largest or smallest x; among equals the gradient is shared evenly. Integers too.
protocol ExtremumOperation: ReducingOperation {
  static var isMaximum: Bool { get }
}

/// y = max x.
struct Max: ExtremumOperation {
  let axes: [Int]
  let keepsDimensions: Bool
  static var isMaximum: Bool { true }
}

/// y = min x.
struct Min: ExtremumOperation {
  let axes: [Int]
  let keepsDimensions: Bool
  static var isMaximum: Bool { false }
}

extension ExtremumOperation {
  var keeps: Kept { .inputs.and(.outputs(0)) }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs.spec(0).dtype != .bool else { throw Misuse("bool masks have no order") }
    try requireElements(inputs.spec(0).shape)
    return Specs(try reducedShape(inputs.spec(0).shape), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let reduction = Self.isMaximum ? TAPESTRY_MAX : TAPESTRY_MIN
    return Tensors(reduced(x, reduction))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let x = node.input(0)
    let winners = (x .== restored(node.output(), of: x.shape)).converted(to: x.dtype)
    let count = winners.sum(along: axes, keepingDimensions: keepsDimensions)
    return Tensors(restored(node.cotangent / count, of: x.shape) * winners)
  }

  func kink(at inputs: borrowing Tensors) -> Kink? {
    inputs[0].extremumKink(along: axisSet(inputs.spec(0).shape), sign: Self.isMaximum ? 1 : -1)
  }
}

/// y = the position of the first largest element along an axis, or among all; int64, without a gradient.
struct ArgMax: TensorOperation {
  /// `nil` for the position among all elements in row-major order.
  let axis: Int?
  let keepsDimensions: Bool
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let shape = inputs.spec(0).shape
    guard inputs.spec(0).dtype != .bool else { throw Misuse("bool masks have no order") }
    var result = TensorShape()
    let reduced = try axis.map { axis throws(Misuse) in try normalizedAxis(axis, rank: shape.rank) }
    for position in 0..<shape.rank {
      if let reduced, position != reduced {
        result.append(shape[position])
      } else {
        guard shape[position] > 0 else {
          throw Misuse("axis \(position) of \(shape) has no elements")
        }
        if keepsDimensions { result.append(1) }
      }
    }
    return Specs(result, .int64)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    var (outer, count, inner) = (1, x.count, 1)
    var kept = TensorShape()
    let reduced = axis.map { $0 < 0 ? $0 + x.rank : $0 }
    if let reduced {
      outer = x.shape[0..<reduced].reduce(1, *)
      count = x.shape[reduced]
      inner = x.shape[(reduced + 1)...].reduce(1, *)
    }
    for position in 0..<x.rank {
      if let reduced, position != reduced {
        kept.append(x.shape[position])
      } else if keepsDimensions {
        kept.append(1)
      }
    }
    return Tensors(
      Tensor(kept, .int64) { y in
        let indices = y.assumingMemoryBound(to: Int64.self)
        x.withMemory {
          tapestry_argmax(x.dtype.code, Int64(outer), Int64(count), Int64(inner), $0, indices)
        }
      })
  }

  /// Positions have no gradient, so nothing asks for this.
  func backward(_ node: borrowing Differential) -> Tensors { Tensors(nil) }
}
