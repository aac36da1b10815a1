import CTapestryKernels
import TapestryGraph

// Sorting and choosing by rank along an axis. One order everywhere: ascending or descending, equals in the order in which they
// stand, 0 equal to -0, NaN greater than everything. Gradients go to the chosen elements.

/// y = the first `kept` elements of the sorted axis, or all, and their positions.
struct Sort: ChoosingOperation {
  let axis: Int
  let isDescending: Bool
  /// `nil` for all.
  var kept: Int?
  var keepsDimensions: Bool { true }
  var displayName: String { kept == nil ? "sort" : "topK" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    var spec = inputs.spec(0)
    let axis = try normalizedAxis(axis, rank: spec.shape.rank)
    try requireOrder(spec.dtype)
    if let kept {
      guard kept >= 0, kept <= spec.shape[axis] else {
        throw Misuse("k is \(kept), but axis \(axis) of \(spec.shape) has \(spec.shape[axis])")
      }
      spec.shape[axis] = kept
    }
    return [spec, TensorSpec(spec.shape, .int64)]
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let line = AxisLine(x.shape, axis)
    var shape = x.shape
    if let kept { shape[line.axis] = kept }
    var y: Tensor?
    let indices = Tensor(shape, .int64) { places in
      y = Tensor(shape, x.dtype) { y in
        x.withMemory {
          tapestry_sort(
            x.dtype.code, isDescending, Int64(shape[line.axis]), line.outer, line.count,
            line.inner, $0, y, places.assumingMemoryBound(to: Int64.self))
        }
      }
    }
    return Tensors(y, indices)
  }

  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].orderKink(along: axis) }
}

/// The positions of the sorted elements alone; no gradient.
struct ArgSort: TensorOperation {
  let axis: Int
  let isDescending: Bool
  var keeps: Kept { .nothing }
  var label: String { "along \(axis)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let spec = inputs.spec(0)
    _ = try normalizedAxis(axis, rank: spec.shape.rank)
    try requireOrder(spec.dtype)
    return Specs(spec.shape, .int64)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let line = AxisLine(x.shape, axis)
    return Tensors(
      Tensor(x.shape, .int64) { places in
        x.withMemory {
          tapestry_sort(
            x.dtype.code, isDescending, line.count, line.outer, line.count, line.inner, $0, nil,
            places.assumingMemoryBound(to: Int64.self))
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors { Tensors(nil) }
}

/// y = number k of the ascending order, and its position.
struct KthSmallest: ChoosingOperation {
  let axis: Int
  /// Counted from 1; `nil` for the lower of the middle ones, and then NaN where there is one.
  let k: Int?
  let keepsDimensions: Bool
  var displayName: String { k == nil ? "median" : "kthSmallest" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let spec = inputs.spec(0)
    let axis = try normalizedAxis(axis, rank: spec.shape.rank)
    try requireOrder(spec.dtype)
    let size = spec.shape[axis]
    if let k {
      guard k >= 1, k <= size else {
        throw Misuse("k is \(k), but axis \(axis) of \(spec.shape) has places 1 ... \(size)")
      }
    } else if size == 0 {
      throw Misuse("axis \(axis) of \(spec.shape) has no elements")
    }
    let result = shape(spec.shape, without: axis, keeping: keepsDimensions)
    return [TensorSpec(result, spec.dtype), TensorSpec(result, .int64)]
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let size = x.shape[AxisLine(x.shape, axis).axis]
    let found = x.selected(
      k.map { $0 - 1 } ?? (size - 1) / 2, along: axis, keeping: keepsDimensions,
      passingNaN: k == nil)
    return Tensors(found.values, found.indices)
  }

  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].orderKink(along: axis) }
}

extension Tensor {
  /// Number `place` of the ascending order along an axis; if `passingNaN`, NaN where there is one.
  func selected(
    _ place: Int, along axis: Int, keeping: Bool, passingNaN: Bool
  ) -> (values: Tensor, indices: Tensor) {
    let line = AxisLine(self.shape, axis)
    let reduced = TapestryOps.shape(self.shape, without: line.axis, keeping: keeping)
    func select(_ place: Int) -> (values: Tensor, indices: Tensor) {
      var values: Tensor?
      let indices = Tensor(reduced, .int64) { places in
        values = Tensor(reduced, dtype) { y in
          withMemory {
            tapestry_select_place(
              dtype.code, Int64(place), line.outer, line.count, line.inner, $0, y,
              places.assumingMemoryBound(to: Int64.self))
          }
        }
      }
      return (values!, indices)
    }
    let chosen = select(place)
    guard passingNaN, dtype.isFloatingPoint, firstNonFinite != nil else { return chosen }
    // NaN is the greatest, so that the greatest tells whether there is one.
    let greatest = select(Int(line.count) - 1)
    return withoutGradients {
      let isNaN = greatest.values .!= greatest.values
      return (
        TapestryOps.select(where: isNaN, greatest.values, else: chosen.values),
        TapestryOps.select(where: isNaN, greatest.indices, else: chosen.indices)
      )
    }
  }

  /// The kink of what depends on the order along an axis: where two elements of a line are equal.
  func orderKink(along axis: Int) -> Kink {
    let line = AxisLine(self.shape, axis)
    let (count, inner) = (Int(line.count), Int(line.inner))
    let values = scalars()
    var finder = KinkFinder()
    for outer in 0..<Int(line.outer) {
      for column in 0..<inner {
        let places = (0..<count).map { (outer * count + $0) * inner + column }
        let order = places.sorted { values[$0] < values[$1] }
        for (lower, upper) in zip(order, order.dropFirst()) {
          let gap = (values[upper] - values[lower]) / 2
          finder.note(index: lower, distance: gap, side: lower)
        }
      }
    }
    return finder.result
  }

  /// The elements in order along an axis, and the positions they come from, as int64.
  ///
  /// Stable in both directions: equal elements keep their order. 0 equals -0. NaN counts as greater than everything: last, or
  /// first if descending. The gradient goes back to the positions.
  ///
  /// - Parameters:
  ///   - axis: counted from 0, or from the end if negative; the last by default.
  ///   - descending: the largest first.
  /// - Precondition: the axis exists; not bool.
  public func sorted(
    along axis: Int = -1, descending: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> (values: Tensor, indices: Tensor) {
    let sort = Sort(axis: axis, isDescending: descending)
    let results = apply(sort, to: Tensors(self), file: file, line: line)
    return (results[0], results[1])
  }

  /// The positions that ``sorted(along:descending:file:line:)`` takes its elements from: int64, without a gradient.
  ///
  /// - Precondition: the axis exists; not bool.
  public func argsorted(
    along axis: Int = -1, descending: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    apply(
      ArgSort(axis: axis, isDescending: descending), to: Tensors(self), file: file, line: line)[0]
  }

  /// The k largest elements along an axis in falling order, or the smallest in rising order, and their positions.
  ///
  /// Of equals the earlier comes first. NaN counts as greater than everything.
  ///
  /// - Parameters:
  ///   - k: how many.
  ///   - axis: counted from 0, or from the end if negative; the last by default.
  ///   - largest: whether the largest are asked for.
  /// - Precondition: the axis exists and has k elements; not bool.
  public func topK(
    _ k: Int, along axis: Int = -1, largest: Bool = true,
    file: StaticString = #fileID, line: UInt = #line
  ) -> (values: Tensor, indices: Tensor) {
    let sort = Sort(axis: axis, isDescending: largest, kept: k)
    let results = apply(sort, to: Tensors(self), file: file, line: line)
    return (results[0], results[1])
  }

  /// Number k, counted from 1, of the elements along an axis in rising order, and its position; NaN comes last.
  ///
  /// - Precondition: the axis exists; k is in 1 ... its size; not bool.
  public func kthSmallest(
    _ k: Int, along axis: Int = -1, keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> (values: Tensor, indices: Tensor) {
    let choice = KthSmallest(axis: axis, k: k, keepsDimensions: keepingDimensions)
    let results = apply(choice, to: Tensors(self), file: file, line: line)
    return (results[0], results[1])
  }
}
