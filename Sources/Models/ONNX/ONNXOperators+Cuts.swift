import TapestryFiles
import TapestryGraph
import TapestryOps

extension ONNXOperator {
  /// Joining and cutting.
  static let cuts: [String: ONNXOperator] = [
    "Concat": .one(1...Int.max) { call in
      let tensors = try call.inputs.indices.map { try call.input($0) }
      let axis = try call.axis(call.integer("axis", 1), rank: Swift.max(tensors[0].rank, 1))
      if tensors.allSatisfy({ $0.rank == tensors[0].rank }), tensors[0].rank > 0 {
        var sizes = Array(tensors[0].shape)
        guard let size = checkedSum(of: tensors.map { $0.shape[axis] }) else {
          throw Misuse("axis \(axis) of all operands is too long")
        }
        sizes[axis] = size
        _ = try call.shape(sizes)
      }
      return concatenate(tensors, along: axis, file: call.file, line: call.line)
    },
    "Split": ONNXOperator(1...2) { call in
      let x = try call.input(0)
      let axis = try call.axis(call.integer("axis", 0), rank: x.rank)
      var sizes = try call.integers("split", of: 1, since: 13)
      if sizes == nil {
        let parts = Swift.max(call.node.outputs.count, 1)
        let size = x.shape[axis] / parts + (x.shape[axis] % parts == 0 ? 0 : 1)
        guard x.shape[axis] % parts == 0 || call.version >= 18 else {
          throw Misuse("axis \(axis) of \(x.shape) cannot be cut into \(parts) equal parts")
        }
        sizes = (0..<parts).map {
          Swift.max(Swift.min(size, x.shape[axis] - (checkedProduct($0, size) ?? .max)), 0)
        }
      }
      let given = sizes ?? []
      guard given.count == call.node.outputs.count, given.allSatisfy({ (0...1 << 30).contains($0) })
      else {
        throw Misuse("the sizes \(given) are not those of \(call.node.outputs.count) results")
      }
      return x.split(given, along: axis, file: call.file, line: call.line)
    },
    "Slice": .one(1...5) { call in
      var x = try call.input(0)
      let isOperand = call.version >= 10
      guard let starts = try isOperand ? call.integers(of: 1) : call.integers("starts"),
        let ends = try isOperand ? call.integers(of: 2) : call.integers("ends")
      else { throw Misuse("starts or ends are missing") }
      let named = try isOperand ? call.integers(of: 3) : call.integers("axes")
      let axes = try call.axes(named ?? Array(starts.indices), rank: x.rank)
      let steps =
        try (isOperand ? call.integers(of: 4) : nil) ?? [Int](repeating: 1, count: starts.count)
      guard ends.count == starts.count, axes.count == starts.count, steps.count == starts.count,
        !steps.contains(0), Set(axes).count == axes.count
      else { throw Misuse("starts, ends, axes and steps do not belong together") }
      for index in starts.indices {
        x = slice(
          x, axes[index], from: starts[index], to: ends[index], step: steps[index], call)
      }
      return x
    },
    "Pad": .one(1...4) { call in
      let x = try call.input(0)
      let isOperand = call.version >= 11
      guard let pads = try isOperand ? call.integers(of: 1) : call.integers("pads") else {
        throw Misuse("the pads are missing")
      }
      let named = try call.version >= 18 ? call.integers(of: 3) : nil
      let axes = try named.map { try call.axes($0, rank: x.rank) } ?? Array(0..<x.rank)
      guard pads.count == 2 * axes.count, Set(axes).count == axes.count,
        pads.allSatisfy({ $0.magnitude <= 1 << 28 })
      else { throw Misuse("the pads \(pads) are not two for each of \(axes.count) axes") }
      var sides = [(before: Int, after: Int)](repeating: (0, 0), count: x.rank)
      for (place, axis) in axes.enumerated() {
        sides[axis] = (pads[place], pads[place + axes.count])
      }
      let sizes = x.shape.indices.map { x.shape[$0] + sides[$0].before + sides[$0].after }
      guard sizes.allSatisfy({ $0 >= 0 }) else { throw Misuse("nothing is left: \(sizes)") }
      _ = try call.shape(sizes)
      let mode = try call.text("mode", "constant")
      guard mode == "constant" else { return try padded(x, sides, mode: mode, call) }
      let value = try isOperand ? call.number(of: 2) ?? 0 : call.number("value", 0)
      var result = x
      for axis in sides.indices where sides[axis].before < 0 || sides[axis].after < 0 {
        let end = result.shape[axis] + Swift.min(sides[axis].after, 0)
        let start = Swift.min(-Swift.min(sides[axis].before, 0), end)
        guard start >= 0, end >= start else { throw Misuse("more is cut off than there is") }
        result = result.sliced(start..<end, along: axis)
      }
      let added = sides.map { (before: Swift.max($0.before, 0), after: Swift.max($0.after, 0)) }
      return result.padded(added, value: value, file: call.file, line: call.line)
    },
    "Trilu": .one(1...2) { call in
      let x = try call.input(0)
      guard x.rank >= 2 else { throw Misuse("needs at least 2 axes, not \(x.rank)") }
      let (rows, columns) = (x.shape[x.rank - 2], x.shape[x.rank - 1])
      guard let count = checkedProduct(rows, columns), count <= 1 << 24 else {
        throw Misuse("the matrix is too large")
      }
      try call.count(elements: count)
      let diagonal = Swift.min(Swift.max(try call.integers(of: 1)?.first ?? 0, -1 << 30), 1 << 30)
      let isUpper = try call.flag("upper", true)
      var mask = [Bool](repeating: false, count: count)
      for row in 0..<rows {
        for column in 0..<columns {
          let offset = column - row - diagonal
          mask[row * columns + column] = isUpper ? offset >= 0 : offset <= 0
        }
      }
      let isNumber = x.dtype != .bool
      let values = isNumber ? x : x.converted(to: .int32)
      let kept = select(
        where: Tensor(scalars: mask, shape: [rows, columns]), values,
        else: call.constant(0, like: values))
      return isNumber ? kept : kept.converted(to: .bool)
    },
  ]

  /// NumPy's slice along one axis: ends beyond the axis count as its ends, negative ones from behind.
  private static func slice(
    _ x: Tensor, _ axis: Int, from start: Int, to end: Int, step: Int, _ call: ONNXCall
  ) -> Tensor {
    let size = x.shape[axis]
    func place(_ value: Int, _ low: Int, _ high: Int) -> Int {
      Swift.min(Swift.max(value < 0 ? value &+ size : value, low), high)
    }
    if size == 0 { return x }
    if step > 0 {
      let first = place(Swift.max(start, -size), 0, size)
      let last = Swift.max(place(Swift.max(end, -size), 0, size), first)
      return x.sliced(
        first..<last, along: axis, step: Swift.min(step, size), file: call.file, line: call.line)
    }
    let first = place(start, 0, size - 1)
    let last = end < -size ? -1 : place(end, -1, size - 1)
    let (from, to) = (size - 1 - first, size - 1 - last)
    let backwards = x.flipped(along: [axis], file: call.file, line: call.line)
    return backwards.sliced(
      from..<Swift.max(from, to), along: axis, step: Swift.min(-Swift.max(step, -size), size),
      file: call.file, line: call.line)
  }

  /// Padding with what the tensor itself has: mirrored, repeated at the edge, or from the other end.
  private static func padded(
    _ x: Tensor, _ sides: [(before: Int, after: Int)], mode: String, _ call: ONNXCall
  ) throws -> Tensor {
    var result = x
    for (axis, side) in sides.enumerated() where side.before != 0 || side.after != 0 {
      let size = result.shape[axis]
      guard size > 0, size + side.before + side.after < 1 << 24 else {
        throw Misuse("an axis of \(size) elements has none to pad with, or there would be too many")
      }
      try call.count(elements: size + side.before + side.after)
      let indices = (-side.before..<size + side.after).map { place -> Int in
        switch mode {
        case "edge": return Swift.min(Swift.max(place, 0), size - 1)
        case "wrap": return (place % size + size) % size
        default:
          let period = Swift.max(2 * (size - 1), 1)
          let folded = (place % period + period) % period
          return Swift.min(folded, 2 * (size - 1) - folded)
        }
      }
      guard ["reflect", "edge", "wrap"].contains(mode) else {
        throw ONNXUnsupported("the mode \(quoted(mode))")
      }
      result = result.gathered(
        Tensor(integers: indices), along: axis, file: call.file, line: call.line)
    }
    return result
  }

  /// Picking by index.
  static let picks: [String: ONNXOperator] = [
    "Gather": .one(2...2) { call in
      let x = try call.input(0)
      let axis = try call.axis(call.integer("axis", 0), rank: x.rank)
      let indices = try positions(call, 1, in: x.shape[axis])
      let sizes = Array(x.shape[..<axis]) + Array(indices.shape) + Array(x.shape[(axis + 1)...])
      _ = try call.shape(sizes)
      return x.gathered(indices, along: axis, file: call.file, line: call.line)
    },
    "GatherElements": .one(2...2) { call in
      let x = try call.input(0)
      let axis = try call.axis(call.integer("axis", 0), rank: x.rank)
      let indices = try positions(call, 1, in: x.shape[axis])
      return x.takenAlongAxis(indices, axis: axis, file: call.file, line: call.line)
    },
    "ArgMax": .one(1...1) { try extreme($0) { $0 } },
    "ArgMin": .one(1...1) { try extreme($0) { -$0 } },
  ]

  /// The operand at `index` as positions from 0; negative ones count from the end. Checked where known.
  private static func positions(_ call: ONNXCall, _ index: Int, in size: Int) throws -> Tensor {
    let indices = try call.input(index)
    guard indices.dtype == .int64 || indices.dtype == .int32 else {
      throw Misuse("the indices are \(indices.dtype), but must be whole numbers")
    }
    if indices.isPlaceholder { return indices }
    try call.count(elements: indices.count)
    let places = indices.integers()
    if let wrong = places.first(where: { $0 < -size || $0 >= size }) {
      throw Misuse("index \(wrong) is not in -\(size) ..< \(size)")
    }
    if places.allSatisfy({ $0 >= 0 }) { return indices }
    return Tensor(integers: places.map { $0 < 0 ? $0 + size : $0 }, shape: indices.shape)
  }

  private static func extreme(
    _ call: ONNXCall, _ sign: (Tensor) -> Tensor
  ) throws -> Tensor {
    let x = try call.input(0)
    let axis = try call.axis(call.integer("axis", 0), rank: x.rank)
    let keepsDimensions = try call.flag("keepdims", true)
    var values = sign(x)
    let isLast = try call.flag("select_last_index")
    if isLast { values = values.flipped(along: [axis]) }
    let place = values.argmax(
      along: axis, keepingDimensions: keepsDimensions, file: call.file, line: call.line)
    return isLast ? Double(x.shape[axis] - 1) - place : place
  }
}
