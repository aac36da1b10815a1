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
    let y = restored(node.output(), of: x.shape)
    var winners = (x .== y).converted(to: x.dtype)
    if !y.isPlaceholder, x.dtype.isFloatingPoint, y.firstNonFinite != nil {
      // A NaN is what won.
      winners = select(where: y .!= y, (x .!= x).converted(to: x.dtype), else: winners)
    }
    let count = winners.sum(along: axes, keepingDimensions: keepsDimensions)
    return Tensors(restored(node.cotangent / count, of: x.shape) * winners)
  }

  func kink(at inputs: borrowing Tensors) -> Kink? {
    inputs[0].extremumKink(along: axisSet(inputs.spec(0).shape), sign: Self.isMaximum ? 1 : -1)
  }
}

/// y = the position of the first largest or smallest element along an axis, or among all; int64, without a gradient.
protocol ArgExtremumOperation: TensorOperation {
  /// `nil` for the position among all elements in row-major order.
  var axis: Int? { get }
  var keepsDimensions: Bool { get }
  static var isMaximum: Bool { get }
}

struct ArgMax: ArgExtremumOperation {
  let axis: Int?
  let keepsDimensions: Bool
  static var isMaximum: Bool { true }
}

struct ArgMin: ArgExtremumOperation {
  let axis: Int?
  let keepsDimensions: Bool
  static var isMaximum: Bool { false }
}

extension ArgExtremumOperation {
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
        let find = Self.isMaximum ? tapestry_argmax : tapestry_argmin
        x.withMemory { find(x.dtype.code, Int64(outer), Int64(count), Int64(inner), $0, indices) }
      })
  }

  /// Positions have no gradient, so nothing asks for this.
  func backward(_ node: borrowing Differential) -> Tensors { Tensors(nil) }
}

/// y = the largest or smallest element along an axis, and where it stands first; the gradient goes there.
protocol ExtremumWithIndicesOperation: ChoosingOperation {
  static var isMaximum: Bool { get }
}

struct MaxWithIndices: ExtremumWithIndicesOperation {
  let axis: Int
  let keepsDimensions: Bool
  static var isMaximum: Bool { true }
}

struct MinWithIndices: ExtremumWithIndicesOperation {
  let axis: Int
  let keepsDimensions: Bool
  static var isMaximum: Bool { false }
}

extension ExtremumWithIndicesOperation {
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let spec = inputs.spec(0)
    let axis = try normalizedAxis(axis, rank: spec.shape.rank)
    try requireOrder(spec.dtype)
    guard spec.shape[axis] > 0 else {
      throw Misuse("axis \(axis) of \(spec.shape) has no elements")
    }
    let result = shape(spec.shape, without: axis, keeping: keepsDimensions)
    return [TensorSpec(result, spec.dtype), TensorSpec(result, .int64)]
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let line = AxisLine(x.shape, axis)
    let result = shape(x.shape, without: line.axis, keeping: keepsDimensions)
    let dtype = x.dtype
    var y: Tensor?
    let indices = Tensor(result, .int64) { places in
      let places = places.assumingMemoryBound(to: Int64.self)
      let find = Self.isMaximum ? tapestry_argmax : tapestry_argmin
      x.withMemory { x in find(dtype.code, line.outer, line.count, line.inner, x, places) }
      y = Tensor(result, x.dtype) { y in
        x.withMemory { values in
          tapestry_take_places(
            Int32(x.dtype.size), line.outer, line.count, 1, line.inner, places, values, y)
        }
      }
    }
    return Tensors(y, indices)
  }

  func kink(at inputs: borrowing Tensors) -> Kink? {
    guard let set = try? AxisSet([axis], rank: inputs.spec(0).shape.rank) else {
      trapAtCaller("the shape rule was passed over")
    }
    return inputs[0].extremumKink(along: set, sign: Self.isMaximum ? 1 : -1)
  }
}
