import CTapestryKernels
import TapestryGraph

// Regular parts of a tensor, and their transpose: putting a part back among constants.

/// Positions start, start + step, ... below end of one axis.
struct AxisRange: Sendable {
  var axis: Int
  var start: Int
  /// `Int.max` for the axis's size.
  var end: Int
  var step: Int

  /// How many positions there are.
  var count: Int { end <= start ? 0 : (end - start - 1) / step + 1 }

  /// With the axis counted from 0 and the end known.
  func resolved(in shape: TensorShape) throws(Misuse) -> AxisRange {
    var result = self
    result.axis = try normalizedAxis(axis, rank: shape.rank)
    let size = shape[result.axis]
    // A longer step picks the first position alone, too.
    result.step = min(step, Swift.max(size, 1))
    if end == .max { result.end = size }
    guard step >= 1 else {
      throw Misuse("the step along axis \(result.axis) is \(step), not positive")
    }
    guard start >= 0, start <= result.end, result.end <= size else {
      throw Misuse(
        "\(start) ..< \(result.end) is no part of axis \(result.axis) of \(shape), 0 ..< \(size)")
    }
    return result
  }
}

extension [AxisRange] {
  fileprivate func resolved(in shape: TensorShape) throws(Misuse) -> [AxisRange] {
    var result: [AxisRange] = []
    for range in self { result.append(try range.resolved(in: shape)) }
    return result
  }

  /// The shape of the part.
  fileprivate func part(of shape: TensorShape) -> TensorShape {
    var shape = shape
    for range in self { shape[range.axis] = range.count }
    return shape
  }

  /// Where the part lies in a dense tensor of `shape`.
  fileprivate func layout(in shape: TensorShape) -> (start: Int, strides: [Int64]) {
    var strides = shape.strides
    var start = 0
    for range in self {
      start += range.start * strides[range.axis]
      strides[range.axis] *= range.step
    }
    return (start, strides.map(Int64.init))
  }
}

/// y = a regular part of x.
struct Slice: TensorOperation {
  let ranges: [AxisRange]
  /// Set when the user gave a range for every axis: how many there were.
  var expectedRank: Int?
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let shape = inputs.spec(0).shape
    if let expectedRank, expectedRank != shape.rank {
      throw Misuse("\(expectedRank) ranges, but the tensor has \(shape.rank) axes")
    }
    return Specs(try ranges.resolved(in: shape).part(of: shape), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    guard let ranges = try? ranges.resolved(in: x.shape) else {
      trapAtCaller("the shape rule was passed over")
    }
    let part = ranges.part(of: x.shape)
    let (start, strides) = ranges.layout(in: x.shape)
    return Tensors(
      x.copied(
        to: part, sizes: part, targetStrides: part.strides.map(Int64.init), sourceStrides: strides,
        sourceStart: start))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let shape = node.inputSpec(0).shape
    let inside = Embed(ranges: ranges, shape: shape, value: 0)
    return Tensors(apply(inside, to: Tensors(node.cotangent))[0])
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { apply(self, to: Tensors($0))[0] })
  }
}

extension Slice: SpatialOperation {
  package func spatialReading(of input: TensorShape) -> SpatialReading {
    guard input.rank == 4 else { return .anyPlace }
    var windows = [SpatialReading.Window(), SpatialReading.Window()]
    for range in ranges {
      guard let range = try? range.resolved(in: input) else { return .anyPlace }
      if range.axis >= 2 {
        windows[range.axis - 2] = SpatialReading.Window(stride: range.step, before: -range.start)
      }
    }
    return .windows(height: windows[0], width: windows[1])
  }
}

/// y = a constant but for a regular part, which is x: the transpose of slicing, and padding.
struct Embed: TensorOperation {
  let ranges: [AxisRange]
  let shape: TensorShape
  let value: Double
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let part = try ranges.resolved(in: shape).part(of: shape)
    guard part == inputs.spec(0).shape else {
      throw Misuse("\(inputs.spec(0).shape) is not the part \(part) of \(shape)")
    }
    return Specs(shape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    guard let ranges = try? ranges.resolved(in: shape) else {
      trapAtCaller("the shape rule was passed over")
    }
    let x = inputs[0]
    let (start, strides) = ranges.layout(in: shape)
    return Tensors(
      x.copied(
        to: shape, sizes: x.shape, targetStrides: strides, targetStart: start,
        sourceStrides: x.shape.strides.map(Int64.init), clearing: value))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(apply(Slice(ranges: ranges), to: Tensors(node.cotangent))[0])
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(
      node.tangent(0).map {
        apply(Embed(ranges: ranges, shape: shape, value: 0), to: Tensors($0))[0]
      })
  }
}

/// y = x surrounded by a constant.
struct Pad: TensorOperation {
  /// How many to add before and after, per axis.
  let before: [Int]
  let after: [Int]
  let value: Double
  var keeps: Kept { .nothing }

  /// - Precondition: the shape rule has accepted the padding.
  private func ranges(_ shape: TensorShape) -> [AxisRange] {
    shape.indices.map {
      AxisRange(axis: $0, start: before[$0], end: before[$0] + shape[$0], step: 1)
    }
  }

  private func padded(_ shape: TensorShape) throws(Misuse) -> TensorShape {
    var sizes: [Int] = []
    for axis in shape.indices {
      sizes.append(
        try checkedSum([before[axis], shape[axis], after[axis]], "the padded size of axis \(axis)"))
    }
    return try TensorShape(checked: sizes)
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let shape = inputs.spec(0).shape
    guard before.count == shape.rank else {
      throw Misuse("\(before.count) pairs of padding, but the tensor has \(shape.rank) axes")
    }
    guard before.allSatisfy({ $0 >= 0 }), after.allSatisfy({ $0 >= 0 }) else {
      throw Misuse("padding must not be negative, but is \(before) before and \(after) after")
    }
    return Specs(try padded(shape), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let shape = inputs.spec(0).shape
    let target = accepted { () throws(Misuse) in try padded(shape) }
    return Embed(ranges: ranges(shape), shape: target, value: value).forward(inputs)
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(apply(Slice(ranges: ranges(node.inputSpec(0).shape)), to: Tensors(node.cotangent))[0])
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    let zeros = Pad(before: before, after: after, value: 0)
    return Tensors(node.tangent(0).map { apply(zeros, to: Tensors($0))[0] })
  }
}

extension Pad: SpatialOperation {
  package func spatialReading(of input: TensorShape) -> SpatialReading {
    guard input.rank == 4, before.count == 4 else { return .anyPlace }
    return .windows(
      height: SpatialReading.Window(before: before[2]),
      width: SpatialReading.Window(before: before[3]))
  }
}

extension Tensor {
  /// The part of an axis at the positions of `range`: `x.sliced(1..<3, along: 0)`, `x.sliced(2..., along: -1)`.
  ///
  /// - Parameters:
  ///   - axis: counted from 0, or from the end if negative.
  ///   - step: take every step-th position of the range; 1 by default.
  /// - Precondition: the range lies within the axis; the step is positive.
  public func sliced(
    _ range: some RangeExpression<Int>, along axis: Int, step: Int = 1,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let bounds = range.relative(to: 0..<Int.max)
    let part = AxisRange(axis: axis, start: bounds.lowerBound, end: bounds.upperBound, step: step)
    return apply(Slice(ranges: [part]), to: Tensors(self), file: file, line: line)[0]
  }

  /// The part at positions start, start + step, ... below end of every axis.
  ///
  /// - Parameters:
  ///   - start, end: one per axis, 0 <= start <= end <= size.
  ///   - step: one per axis, positive; 1 by default.
  /// - Precondition: numbers as above for every axis.
  public func sliced(
    start: [Int], end: [Int], step: [Int]? = nil,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let step = step ?? start.map { _ in 1 }
    let count = start.count == end.count && end.count == step.count ? start.count : -1
    let ranges = (0..<Swift.max(count, 0)).map {
      AxisRange(axis: $0, start: start[$0], end: end[$0], step: step[$0])
    }
    // Where the ranges do not fit the axes, the rule must see their number before it looks at them.
    let fitting = Array(ranges.prefix(rank))
    return apply(
      Slice(ranges: fitting, expectedRank: count), to: Tensors(self), file: file, line: line)[0]
  }

  /// Surrounded by a constant.
  ///
  /// - Parameters:
  ///   - padding: how many elements to add before and after, a pair per axis.
  ///   - value: the constant, 0 by default.
  /// - Precondition: a pair for every axis, none negative.
  public func padded(
    _ padding: [(before: Int, after: Int)], value: Double = 0,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let operation = Pad(before: padding.map(\.before), after: padding.map(\.after), value: value)
    return apply(operation, to: Tensors(self), file: file, line: line)[0]
  }
}
