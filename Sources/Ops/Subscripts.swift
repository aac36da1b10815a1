import TapestryGraph

// x[0], x[1..<3], x[.all, -1], x[..., 0], x[mask], x[indices]: parts of a tensor by subscripts, made of the ops that
// slice, flip, gather and reshape.

/// What stands between the brackets for one axis: an `Int`, a range of them, `stride(from:to:by:)`, a tensor of indices,
/// or one of ``AxisSelection``'s words.
public protocol AxisSelecting {
  var axisSelection: AxisSelection { get }
}

/// Which positions of an axis a subscript takes.
public struct AxisSelection: AxisSelecting, Sendable {
  enum Kind: Sendable {
    /// The axis goes.
    case position(Int)
    /// Bounds as written: negative ones count from the end, `nil` is the end.
    case range(start: Int, end: Int?, includesEnd: Bool)
    /// The positions of a Swift stride, as they are.
    case stride(from: Int, count: Int, by: Int)
    case indices(Tensor)
    case rest
    case newAxis
  }
  let kind: Kind
  public var axisSelection: AxisSelection { self }
}

extension AxisSelecting where Self == AxisSelection {
  /// The whole axis.
  public static var all: AxisSelection {
    AxisSelection(kind: .range(start: 0, end: nil, includesEnd: false))
  }
  /// All axes that the others leave, as `...` at the beginning.
  public static var rest: AxisSelection { AxisSelection(kind: .rest) }
  /// A new axis of size 1.
  public static var newAxis: AxisSelection { AxisSelection(kind: .newAxis) }
}

extension Int: AxisSelecting {
  public var axisSelection: AxisSelection { AxisSelection(kind: .position(self)) }
}
extension Range: AxisSelecting where Bound == Int {
  public var axisSelection: AxisSelection {
    AxisSelection(kind: .range(start: lowerBound, end: upperBound, includesEnd: false))
  }
}
extension ClosedRange: AxisSelecting where Bound == Int {
  public var axisSelection: AxisSelection {
    AxisSelection(kind: .range(start: lowerBound, end: upperBound, includesEnd: true))
  }
}
extension PartialRangeFrom: AxisSelecting where Bound == Int {
  public var axisSelection: AxisSelection {
    AxisSelection(kind: .range(start: lowerBound, end: nil, includesEnd: false))
  }
}
extension PartialRangeUpTo: AxisSelecting where Bound == Int {
  public var axisSelection: AxisSelection {
    AxisSelection(kind: .range(start: 0, end: upperBound, includesEnd: false))
  }
}
extension PartialRangeThrough: AxisSelecting where Bound == Int {
  public var axisSelection: AxisSelection {
    AxisSelection(kind: .range(start: 0, end: upperBound, includesEnd: true))
  }
}
extension StrideTo: AxisSelecting where Element == Int {
  public var axisSelection: AxisSelection { strideSelection(self) }
}
extension StrideThrough: AxisSelecting where Element == Int {
  public var axisSelection: AxisSelection { strideSelection(self) }
}
extension Tensor: AxisSelecting {
  public final var axisSelection: AxisSelection { AxisSelection(kind: .indices(self)) }
}

private func strideSelection(_ positions: some Sequence<Int>) -> AxisSelection {
  var (first, second, count) = (0, 1, 0)
  for position in positions {
    if count == 0 { first = position }
    if count == 1 { second = position }
    count += 1
  }
  let step = count > 1 ? second - first : 1
  return AxisSelection(kind: .stride(from: first, count: count, by: step))
}

extension Tensor {
  /// The part at these places, one for each axis from the first; axes that none is given for are taken whole.
  ///
  /// ```swift
  /// x[0]                                     // the first image: its axis goes
  /// x[-1]                                    // the last one
  /// x[1..<3], x[2...], x[..<3]               // some of them
  /// x[.all, 2]                               // channel 2 of all
  /// x[..., 0], x[0, .rest, 0]                // by the last axis; whatever is between
  /// x[stride(from: 0, to: 8, by: 2)]         // every other; a negative step turns them round
  /// x[.newAxis, 0]                           // an axis of size 1 more
  /// x[Tensor([2, 0], dtype: .int64)]         // by a tensor of indices; its axes take the axis's place
  /// x[labels .== 3]                          // where a mask is true
  /// ```
  ///
  /// Gradients flow back to the places taken, and add up where a place is taken twice. A tensor of indices picks along
  /// its own axis alone: with two of them every combination results. A mask stands alone, and covers the first axes of
  /// the tensor: its true places make one axis.
  ///
  /// - Precondition: every place exists; negative numbers count from the end. Bounds of a range too, as in
  ///   `x[(-2)...]`.
  public final subscript<each Selection: AxisSelecting>(
    selection: repeat each Selection, file file: StaticString = #fileID, line line: UInt = #line
  ) -> Tensor {
    var selections: [AxisSelection] = []
    for one in repeat each selection { selections.append(one.axisSelection) }
    return selected(selections, CallSite(file: file, line: line))
  }

  /// As above, behind `...`: the places are those of the last axes.
  public final subscript<each Selection: AxisSelecting>(
    rest: UnboundedRange, selection: repeat each Selection, file file: StaticString = #fileID,
    line line: UInt = #line
  ) -> Tensor {
    var selections: [AxisSelection] = [.rest]
    for one in repeat each selection { selections.append(one.axisSelection) }
    return selected(selections, CallSite(file: file, line: line))
  }

  private final func selected(_ selections: [AxisSelection], _ site: CallSite) -> Tensor {
    var plan: SelectionPlan?
    if let placeholder = refusal(
      of: "subscript", [("values", self)], file: site.file, line: site.line,
      rule: { () throws(Misuse) in plan = try SelectionPlan(selections, of: shape) })
    {
      return placeholder
    }
    return plan!.applied(to: self, site)
  }
}

/// What a subscript does, step by step.
private struct SelectionPlan {
  /// One range for each axis that is not taken whole.
  private var ranges: [AxisRange] = []
  private var flipped: [Int] = []
  /// Axes are numbered as in the tensor.
  private var gathered: [(axis: Int, indices: Tensor)] = []
  /// The axes of the result before gathering: `nil` for a new one of size 1, otherwise an axis of the tensor.
  private var layout: [Int?] = []
  private var mask: Tensor?

  init(_ selections: [AxisSelection], of shape: TensorShape) throws(Misuse) {
    if selections.count == 1, case .indices(let tensor) = selections[0].kind, tensor.dtype == .bool
    {
      guard tensor.rank > 0, tensor.rank <= shape.rank,
        tensor.shape.elementsEqual(shape.prefix(tensor.rank))
      else {
        throw Misuse("the mask has shape \(tensor.shape), which does not begin \(shape)")
      }
      mask = tensor
      return
    }
    var (named, rests) = (0, 0)
    // In range: counts of what was written between the brackets.
    for selection in selections {
      switch selection.kind {
      case .rest: rests += 1
      case .newAxis: break
      default: named += 1
      }
    }
    guard rests <= 1 else { throw Misuse("`...` or .rest stands \(rests) times, not once") }
    guard named <= shape.rank else {
      throw Misuse("\(named) places, but the tensor has \(shape.rank) axes")
    }
    var axis = 0
    // In range: axes are few, and no more are named than there are.
    for selection in selections {
      switch selection.kind {
      case .rest:
        for _ in 0..<shape.rank - named {
          layout.append(axis)
          axis += 1
        }
      case .newAxis: layout.append(nil)
      default:
        try take(selection.kind, axis, shape)
        axis += 1
      }
    }
    // In range: below the rank.
    while axis < shape.rank {
      layout.append(axis)
      axis += 1
    }
    // In range: each index tensor has at most six axes.
    let rank = layout.count + gathered.reduce(0) { $0 + $1.indices.rank - 1 }
    guard rank <= TensorShape.maximumRank else {
      throw Misuse("the result would have \(rank) axes, more than six")
    }
  }

  private mutating func take(
    _ kind: AxisSelection.Kind, _ axis: Int, _ shape: TensorShape
  ) throws(Misuse) {
    let size = shape[axis]
    func refuse(_ what: String) -> Misuse {
      Misuse("\(what) is not in axis \(axis) of \(shape), 0 ..< \(size)")
    }
    switch kind {
    case .position(let position):
      // In range: a negative number and a size.
      let place = position < 0 ? position + size : position
      guard place >= 0, place < size else { throw refuse("index \(position)") }
      // In range: below the size.
      ranges.append(AxisRange(axis: axis, start: place, end: place + 1, step: 1))
      return
    case .range(let first, let last, let includesEnd):
      // In range: a negative number and a size.
      let start = first < 0 ? first + size : first
      var end = size
      // In range: the same, and what is below the size.
      if let last {
        end = last < 0 ? last + size : last
        if includesEnd { end = end < size ? end + 1 : size + 1 }
      }
      guard start >= 0, start <= end, end <= size else {
        let sign = includesEnd ? "..." : "..<"
        throw refuse("\(first)\(sign)\(last.map { "\($0)" } ?? "")")
      }
      if start > 0 || end < size {
        ranges.append(AxisRange(axis: axis, start: start, end: end, step: 1))
      }
    case .stride(let first, let count, let step):
      // In range: a count is not negative.
      let steps = max(count - 1, 0)
      let last = try checkedSum(
        first, checkedProduct(steps, step, "the stride's length"), "the stride's end")
      guard count == 0 || (min(first, last) >= 0 && max(first, last) < size) else {
        throw refuse("the stride from \(first) to \(last)")
      }
      if step < 0 { flipped.append(axis) }
      let start = count == 0 ? 0 : min(first, last)
      // In range: below the size.
      let end = count == 0 ? 0 : max(first, last) + 1
      ranges.append(AxisRange(axis: axis, start: start, end: end, step: count <= 1 ? 1 : abs(step)))
    case .indices(let indices):
      guard indices.dtype == .int64 || indices.dtype == .int32 else {
        throw Misuse(
          indices.dtype == .bool
            ? "a mask stands alone between the brackets"
            : "the indices are \(indices.dtype), but must be int64 or int32, or a bool mask")
      }
      gathered.append((axis, indices))
    case .rest, .newAxis: break
    }
    layout.append(axis)
  }

  func applied(to x: Tensor, _ site: CallSite) -> Tensor {
    if let mask { return masked(x, mask, site) }
    var result = x
    if !ranges.isEmpty {
      result =
        apply(Slice(ranges: ranges), to: Tensors(result), file: site.file, line: site.line)[0]
    }
    if !flipped.isEmpty {
      result = result.flipped(along: flipped, file: site.file, line: site.line)
    }
    let sizes = layout.map { axis in axis.map { result.shape[$0] } ?? 1 }
    if layout != (0..<x.rank).map({ $0 }) {
      result = result.reshaped(to: TensorShape(sizes), file: site.file, line: site.line)
    }
    // From the last, so that the places of the others stay.
    for (axis, indices) in gathered.reversed() {
      let place = layout.firstIndex(of: axis)!
      result = gather(result, indices, along: place, site)
    }
    return result
  }

  private func gather(
    _ x: Tensor, _ indices: Tensor, along axis: Int, _ site: CallSite
  ) -> Tensor {
    let size = x.shape[axis]
    var indices = indices
    if !indices.isPlaceholder, indices.scalars(as: Int64.self).contains(where: { $0 < 0 }) {
      let places = indices.integers().map { $0 < 0 ? $0 + size : $0 }
      indices = Tensor(integers: places, shape: indices.shape)
    }
    return x.gathered(indices, along: axis, file: site.file, line: site.line)
  }

  private func masked(_ x: Tensor, _ mask: Tensor, _ site: CallSite) -> Tensor {
    let flags = mask.scalars(as: Bool.self)
    let places = flags.indices.filter { flags[$0] }
    let inner = x.shape.dropFirst(mask.rank)
    let rows = x.reshaped(
      to: TensorShape([flags.count] + inner), file: site.file, line: site.line)
    return rows.gathered(
      Tensor(integers: places), along: 0, file: site.file, line: site.line)
  }
}
