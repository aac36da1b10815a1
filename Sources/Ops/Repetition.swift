import CTapestryKernels
import TapestryGraph

// The same elements around the corner, several times over, or along other axes.

/// y[i + shift] = x[i], around the corner, along some axes.
struct Roll: TensorOperation {
  let shifts: [Int]
  let axes: [Int]
  static var name: String { "rolled" }
  var keeps: Kept { .nothing }
  var label: String { "by \(shifts) along \(axes)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard shifts.count == axes.count else {
      throw Misuse("\(counted(shifts.count, "shift")), but \(counted(axes.count, "axis", "axes"))")
    }
    for axis in axes { _ = try normalizedAxis(axis, rank: inputs.spec(0).shape.rank) }
    return Specs(inputs.spec(0))
  }

  /// How far each axis moves, in 0 ..< its size; an axis may have been named several times.
  private func moves(_ shape: TensorShape) -> [Int] {
    var moves = [Int](repeating: 0, count: shape.rank)
    for (shift, axis) in zip(shifts, axes) {
      let axis = axis < 0 ? axis + shape.rank : axis
      let size = shape[axis]
      if size > 0 { moves[axis] = (moves[axis] + shift % size + size) % size }
    }
    return moves
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, shape) = (inputs[0], inputs.spec(0).shape)
    let moves = moves(shape)
    let moving = shape.indices.filter { moves[$0] != 0 }
    let strides = shape.strides
    let (steps, size) = (strides.map(Int64.init), inputs.spec(0).dtype.size)
    return Tensors(
      Tensor(inputs.spec(0)) { y in
        if shape.elementCount == 0 { return }
        x.withMemory { x in
          // Each moving axis is cut in two: the front moves up, the end comes to the front.
          for choice in 0..<(1 << moving.count) {
            var (sizes, from, to) = (shape, 0, 0)
            for (bit, axis) in moving.enumerated() {
              let cut = shape[axis] - moves[axis]
              if choice >> bit & 1 == 0 {
                sizes[axis] = cut
                to += moves[axis] * strides[axis]
              } else {
                sizes[axis] = moves[axis]
                from += cut * strides[axis]
              }
            }
            tapestry_strided_copy(
              Int32(size), Int32(shape.rank), sizes.map(Int64.init), steps, y + to * size, steps,
              x + from * size)
          }
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let shape = node.inputSpec(0).shape
    let back = moves(shape).map { -$0 }
    let inverse = Roll(shifts: back, axes: Array(0..<shape.rank))
    return Tensors(apply(inverse, to: Tensors(node.cotangent))[0])
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { apply(self, to: Tensors($0))[0] })
  }
}

extension Tensor {
  /// Moved along axes, around the corner: y[i + shift] = x[i].
  ///
  /// - Parameters:
  ///   - shifts: how far, one per axis; negative moves down, more than the size goes round.
  ///   - axes: which axes; one may be named several times, and moves by the sum.
  /// - Precondition: as many shifts as axes; the axes exist.
  public func rolled(
    by shifts: [Int], along axes: [Int], file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    apply(Roll(shifts: shifts, axes: axes), to: Tensors(self), file: file, line: line)[0]
  }

  /// Moved along one axis, around the corner: y[i + shift] = x[i].
  ///
  /// - Precondition: the axis exists.
  public func rolled(
    by shift: Int, along axis: Int, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    rolled(by: [shift], along: [axis], file: file, line: line)
  }

  /// Whole copies side by side: y[i] = x[i mod size] along every axis. The gradient is summed over the copies.
  ///
  /// - Parameter repeats: how many copies along each axis; the shorter of it and the shape gets ones in front.
  /// - Precondition: none is negative, at most six.
  public func tiled(
    _ repeats: [Int], file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    var result = TensorShape()
    let own = [Int](repeating: 1, count: Swift.max(repeats.count - rank, 0)) + shape
    let counts = [Int](repeating: 1, count: own.count - repeats.count) + repeats
    let refused = refusal(of: "tiled", [("input", self)], file: file, line: line) {
      () throws(Misuse) in
      guard repeats.allSatisfy({ $0 >= 0 && $0 <= Int(Int32.max) }) else {
        throw Misuse("the repeats \(repeats) are not in 0 ..< 2^31")
      }
      result = try TensorShape(checked: zip(own, counts).map { $0 * $1 })
    }
    if let refused { return refused }
    // Axes that are not repeated belong to the one before.
    var groups: [(copies: Int, size: Int)] = []
    for (size, copies) in zip(own, counts) {
      if copies == 1, let last = groups.indices.last {
        groups[last].size *= size
      } else {
        groups.append((copies, size))
      }
    }
    var tiled = self
    // Two at a time from the end, for six axes hold no more; what comes later is small.
    var remaining = groups[...]
    while let inner = remaining.popLast() {
      let outer = remaining.popLast() ?? (copies: 1, size: 1)
      let before = remaining.reduce(1) { $0 * $1.size }
      let repeated = TensorShape([before, outer.copies, outer.size, inner.copies, inner.size])
      tiled =
        tiled
        .reshaped(to: [before, 1, outer.size, 1, inner.size], file: file, line: line)
        .broadcast(to: repeated, file: file, line: line)
      if let last = remaining.indices.last {
        remaining[last].size *= outer.copies * outer.size * inner.copies * inner.size
      }
    }
    return tiled.reshaped(to: result, file: file, line: line)
  }

  /// Each slice of an axis so many times in a row. The gradient is summed over the copies.
  ///
  /// - Parameters:
  ///   - count: how many times, 0 or more.
  ///   - axis: counted from 0, or from the end if negative.
  /// - Precondition: the axis exists; `count` is not negative.
  public func repeatedElements(
    _ count: Int, along axis: Int, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    var result = TensorShape()
    var extents = AxisLayout(shape, axis: 0)
    let refused = refusal(of: "repeatedElements", [("input", self)], file: file, line: line) {
      () throws(Misuse) in
      let axis = try normalizedAxis(axis, rank: rank)
      guard count >= 0, count <= Int(Int32.max) else {
        throw Misuse("the count \(count) is not in 0 ..< 2^31")
      }
      extents = AxisLayout(shape, axis: axis)
      var sizes = Array(shape)
      sizes[axis] *= count
      result = try TensorShape(checked: sizes)
    }
    if let refused { return refused }
    let (outer, size, inner) = (extents.outer, extents.size, extents.inner)
    return reshaped(to: [outer, size, 1, inner], file: file, line: line)
      .broadcast(to: TensorShape([outer, size, count, inner]), file: file, line: line)
      .reshaped(to: result, file: file, line: line)
  }

  /// Slice i of an axis `counts[i]` times in a row. The gradient is summed over the copies.
  ///
  /// - Parameters:
  ///   - counts: a number per slice, 0 or more.
  ///   - axis: counted from 0, or from the end if negative.
  /// - Precondition: the axis exists; as many counts as it has slices, none negative.
  public func repeatedElements(
    _ counts: [Int], along axis: Int, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let refused = refusal(of: "repeatedElements", [("input", self)], file: file, line: line) {
      () throws(Misuse) in
      let axis = try normalizedAxis(axis, rank: rank)
      guard counts.count == shape[axis] else {
        throw Misuse(
          "\(counted(counts.count, "count")), but axis \(axis) of \(shape) has size \(shape[axis])")
      }
      var total = 0
      for count in counts {
        guard count >= 0, count <= Int(Int32.max) else {
          throw Misuse("the count \(count) is not in 0 ..< 2^31")
        }
        total += count
      }
      var sizes = Array(shape)
      sizes[axis] = total
      _ = try TensorShape(checked: sizes)
    }
    if let refused { return refused }
    // A dry run has no use for the list, which may be long.
    if isPlaceholder {
      let places = Tensor.shape([counts.reduce(0, +)], dtype: .int64)
      return gathered(places, along: axis, file: file, line: line)
    }
    let sources = counts.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element) }
    return gathered(Tensor(integers: sources), along: axis, file: file, line: line)
  }

  /// These axes at these places, the others in their order.
  ///
  /// - Parameters:
  ///   - sources: axes of this tensor.
  ///   - destinations: their places in the result, one per source.
  /// - Precondition: as many places as axes, none named twice.
  public func movedAxis(
    from sources: [Int], to destinations: [Int], file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    var order = [Int](repeating: -1, count: rank)
    let refused = refusal(of: "movedAxis", [("input", self)], file: file, line: line) {
      () throws(Misuse) in
      guard sources.count == destinations.count else {
        throw Misuse(
          "\(counted(sources.count, "axis", "axes")), but \(counted(destinations.count, "place"))")
      }
      if sources.isEmpty { return }
      let taken = try AxisSet(sources, rank: rank)
      _ = try AxisSet(destinations, rank: rank)
      for (source, destination) in zip(sources, destinations) {
        order[try normalizedAxis(destination, rank: rank)] = try normalizedAxis(source, rank: rank)
      }
      var others = (0..<rank).filter { !taken.contains($0) }[...]
      for place in order.indices where order[place] < 0 { order[place] = others.removeFirst() }
    }
    if let refused { return refused }
    if sources.isEmpty || order == Array(0..<rank) { return self }
    return transposed(order, file: file, line: line)
  }

  /// One axis at another place, the others in their order.
  ///
  /// - Precondition: axis and place exist.
  public func movedAxis(
    from source: Int, to destination: Int, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    movedAxis(from: [source], to: [destination], file: file, line: line)
  }
}

/// Which of the first two axes belongs to the first vector of a grid.
public enum GridIndexing: Sendable {
  /// The first vector runs down the rows, as indices of a matrix do.
  case ij
  /// The first vector runs along the columns, as x does in a picture.
  case xy
}

/// The coordinates of a grid: each vector along an axis of its own, repeated along the others.
///
/// - Parameters:
///   - vectors: one to six.
///   - indexing: `.ij`: vector k lies along axis k; `.xy`: the first two axes change places. Default: `.ij`.
/// - Returns: a tensor per vector, all of the shape [n0, n1, ...], or [n1, n0, ...] for `.xy`.
/// - Precondition: each has one axis.
public func meshgrid(
  _ vectors: [Tensor], indexing: GridIndexing = .ij, file: StaticString = #fileID,
  line: UInt = #line
) -> [Tensor] {
  var shape = TensorShape()
  let places = vectors.indices.map { indexing == .xy && $0 < 2 && vectors.count > 1 ? 1 - $0 : $0 }
  let operands = vectors.enumerated().map { (name: "vector \($0.offset)", tensor: $0.element) }
  let refused = refusal(of: "meshgrid", operands, file: file, line: line) { () throws(Misuse) in
    guard (1...TensorShape.maximumRank).contains(vectors.count) else {
      throw Misuse("\(counted(vectors.count, "vector")); a grid has one to six axes")
    }
    var sizes = [Int](repeating: 1, count: vectors.count)
    for (index, vector) in vectors.enumerated() {
      guard vector.rank == 1 else {
        throw Misuse("vector \(index) has \(counted(vector.rank, "axis", "axes")), not one")
      }
      sizes[places[index]] = vector.count
    }
    shape = try TensorShape(checked: sizes)
  }
  if let refused { return vectors.map { _ in refused } }
  return zip(vectors, places).map { vector, place in
    var sizes = [Int](repeating: 1, count: vectors.count)
    sizes[place] = vector.count
    return vector.reshaped(to: sizes, file: file, line: line)
      .broadcast(to: shape, file: file, line: line)
  }
}
