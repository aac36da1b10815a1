import TapestryFiles
import TapestryGraph
import TapestryOps

extension ONNXOperator {
  /// The same elements in another shape or order, and what is made from shapes.
  static let shapes: [String: ONNXOperator] = [
    "Identity": .one(1...1) { try $0.input(0) },
    "Constant": .one(0...0) { call in
      if let tensor = call.constants["value"] { return tensor }
      if let values = try call.integers("value_ints") { return Tensor(integers: values) }
      if call.has("value_int") {
        return Tensor(integers: [try call.integer("value_int")], shape: [])
      }
      if call.has("value_float") {
        return Tensor(try call.number("value_float", 0), dtype: call.floatType)
      }
      if case .floats(let values) = call.node.attributes.first(where: { $0.name == "value_floats" }
      )?.value {
        return Tensor(values.map(Double.init), dtype: call.floatType)
      }
      throw ONNXUnsupported("a constant that is no tensor of numbers")
    },
    "Reshape": .one(2...2) { call in
      let x = try call.input(0)
      guard var sizes = try call.integers(of: 1) else { throw Misuse("the shape is missing") }
      let keepsZeros = try call.flag("allowzero")
      for (axis, size) in sizes.enumerated() where size == 0 && !keepsZeros {
        guard axis < x.rank else {
          throw Misuse("size 0 at axis \(axis) stands for one of \(x.shape), which has none there")
        }
        sizes[axis] = x.shape[axis]
      }
      // Nothing divides by nothing: an open size beside one of 0 is 0 as well.
      if x.count == 0, let open = sizes.firstIndex(of: -1), sizes.contains(0) { sizes[open] = 0 }
      return x.reshaped(to: sizes, file: call.file, line: call.line)
    },
    "Flatten": .one(1...1) { call in
      let x = try call.input(0)
      let axis = try call.integer("axis", 1)
      let place = axis < 0 ? axis &+ x.rank : axis
      guard place >= 0, place <= x.rank else {
        throw Misuse("axis \(axis) does not exist in a tensor with \(x.rank) axes")
      }
      guard let rows = checkedProduct(of: x.shape[..<place]),
        let columns = checkedProduct(of: x.shape[place...])
      else { throw Misuse("the sizes \(x.shape) are too large") }
      return x.reshaped(to: [rows, columns], file: call.file, line: call.line)
    },
    "Squeeze": .one(1...2) { call in
      let x = try call.input(0)
      let named = try call.integers("axes", of: 1, since: 13)
      let axes = try named.map { try call.axes($0, rank: x.rank) }
      for axis in axes ?? [] where x.shape[axis] != 1 {
        throw Misuse("axis \(axis) of \(x.shape) has size \(x.shape[axis]), not 1")
      }
      let kept = x.shape.indices.filter { axes?.contains($0) != true }
      let sizes = kept.map { x.shape[$0] }.filter { axes != nil || $0 != 1 }
      return x.reshaped(to: sizes, file: call.file, line: call.line)
    },
    "Unsqueeze": .one(1...2) { call in
      let x = try call.input(0)
      guard let named = try call.integers("axes", of: 1, since: 13) else {
        throw Misuse("the axes are missing")
      }
      let rank = x.rank + named.count
      let axes = Set(try call.axes(named, rank: rank))
      guard axes.count == named.count else { throw Misuse("an axis is named twice in \(named)") }
      var rest = Array(x.shape)[...]
      let sizes = (0..<rank).map { axes.contains($0) ? 1 : rest.removeFirst() }
      return x.reshaped(to: sizes, file: call.file, line: call.line)
    },
    "Transpose": .one(1...1) { call in
      let x = try call.input(0)
      let order = try call.integers("perm") ?? Array((0..<x.rank).reversed())
      return order.isEmpty ? x : x.transposed(order, file: call.file, line: call.line)
    },
    "Shape": .one(1...1) { call in
      let sizes = Array(try call.input(0).shape)
      func place(_ value: Int) -> Int {
        Swift.min(Swift.max(value < 0 ? value &+ sizes.count : value, 0), sizes.count)
      }
      let start = place(try call.integer("start", 0))
      let end = place(try call.integer("end", sizes.count))
      return Tensor(integers: start < end ? Array(sizes[start..<end]) : [])
    },
    "Size": .one(1...1) { Tensor(integers: [try $0.input(0).count], shape: []) },
    "ConstantOfShape": .one(1...1) { call in
      let shape = try call.shape(call.integers(of: 0) ?? [])
      guard let value = call.constants["value"] else {
        return call.filled(shape, 0, call.floatType)
      }
      guard value.count == 1 else { throw Misuse("attribute \"value\" must be one number") }
      return call.filled(shape, value.item, value.dtype)
    },
    "Range": .one(3...3) { call in
      guard let start = try call.number(of: 0), let limit = try call.number(of: 1),
        let delta = try call.number(of: 2), delta != 0
      else { throw Misuse("the step of a range is 0, or an end is missing") }
      let steps = ((limit - start) / delta).rounded(.up)
      guard steps.isFinite, steps <= Double(1 << 24) else { throw Misuse("the range does not end") }
      let count = wholeNumber(steps, in: 0...1 << 24)
      try call.count(elements: count)
      let dtype = try call.input(0).dtype
      if isDryRun, count > 1 << 16 { return .shape([count], dtype: dtype) }
      return Tensor.range(count, from: start, step: delta, dtype: dtype)
    },
    "Expand": .one(2...2) { call in
      let x = try call.input(0)
      let sizes = try call.shape(call.integers(of: 1) ?? [])
      guard let target = TensorShape.broadcast(x.shape, sizes) else {
        throw Misuse("the shapes \(x.shape) and \(sizes) do not broadcast")
      }
      return x.broadcast(to: try call.shape(Array(target)), file: call.file, line: call.line)
    },
    "Tile": .one(2...2) { call in
      var x = try call.input(0)
      let repeats = try call.integers(of: 1) ?? []
      guard repeats.count == x.rank, repeats.allSatisfy({ $0 >= 0 && $0 < 1 << 30 }) else {
        throw Misuse("the repeats are \(repeats), but the tensor has the shape \(x.shape)")
      }
      for (axis, count) in repeats.enumerated() where count != 1 {
        var sizes = Array(x.shape)
        guard let size = checkedProduct(sizes[axis], count) else {
          throw Misuse("the repeats \(repeats) are too many")
        }
        sizes[axis] = size
        let target = try call.shape(sizes)
        guard let inner = checkedProduct(of: x.shape[axis...]),
          let outer = checkedProduct(of: x.shape[..<axis])
        else { throw Misuse("the sizes \(x.shape) are too large") }
        x = x.reshaped(to: [outer, 1, inner]).broadcast(to: [outer, count, inner]).reshaped(
          to: target)
      }
      return x
    },
    "DepthToSpace": .one(1...1) { call in
      let x = try call.input(0)
      let (block, shape) = try blocks(call, x)
      guard shape[1] % (block * block) == 0 else {
        throw Misuse("\(shape[1]) channels do not divide by \(block) x \(block)")
      }
      let channels = shape[1] / (block * block)
      let isColumnFirst = try call.text("mode", "DCR") == "CRD"
      let split =
        isColumnFirst
        ? [shape[0] * channels, block, block, shape[2], shape[3]]
        : [shape[0], block, block, channels * shape[2], shape[3]]
      let order = isColumnFirst ? [0, 3, 1, 4, 2] : []
      let result = try call.shape([shape[0], channels, shape[2] * block, shape[3] * block])
      if isColumnFirst { return x.reshaped(to: split).transposed(order).reshaped(to: result) }
      let parts = x.reshaped(to: [shape[0], block, block, channels, shape[2], shape[3]])
      return parts.transposed([0, 3, 4, 1, 5, 2]).reshaped(to: result)
    },
    "SpaceToDepth": .one(1...1) { call in
      let x = try call.input(0)
      let (block, shape) = try blocks(call, x)
      guard shape[2] % block == 0, shape[3] % block == 0 else {
        throw Misuse("\(shape[2])x\(shape[3]) pixels do not divide by \(block)")
      }
      let (height, width) = (shape[2] / block, shape[3] / block)
      let parts = x.reshaped(to: [shape[0], shape[1], height, block, width, block])
      let result = try call.shape([shape[0], shape[1] * block * block, height, width])
      let isColumnFirst = try call.text("mode", "DCR") == "CRD"
      return parts.transposed(isColumnFirst ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4])
        .reshaped(to: result)
    },
  ]

  private static func blocks(_ call: ONNXCall, _ x: Tensor) throws -> (Int, TensorShape) {
    let block = try call.integer("blocksize")
    guard x.rank == 4, block > 0, block < 1 << 10 else {
      throw Misuse("needs 4 axes and a block size of at least 1, not \(x.shape) and \(block)")
    }
    return (block, x.shape)
  }
}
