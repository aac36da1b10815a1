import CTapestryKernels
import TapestryGraph

// What is true of elements: any, all, how many. Anything but 0 and -0 is true, NaN included; there is no gradient.

/// y = whether any, whether all, how many of x are true.
struct TruthReduction: ReducingOperation {
  let kind: Int
  let axes: [Int]
  let keepsDimensions: Bool
  var keeps: Kept { .nothing }
  var displayName: String {
    switch kind {
    case TAPESTRY_ANY: "any"
    case TAPESTRY_ALL: "all"
    default: "countNonzero"
    }
  }
  private var result: DType { kind == TAPESTRY_COUNT_NONZERO ? .int64 : .bool }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    Specs(try reducedShape(inputs.spec(0).shape), result)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let set = axisSet(x.shape)
    // The last run of neighbouring axes; what is left then is a mask or counts.
    var last = x.rank - 1
    while last >= 0, !set.contains(last) { last -= 1 }
    var first = max(last, 0)
    while first > 0, set.contains(first - 1) { first -= 1 }
    var sizes = x.shape
    var (outer, count, inner) = (1, 1, 1)
    for axis in 0..<x.rank {
      if axis < first { outer *= sizes[axis] }
      if axis > last { inner *= sizes[axis] }
      guard axis >= first, axis <= last else { continue }
      count *= sizes[axis]
      sizes[axis] = 1
    }
    let y = Tensor(sizes, result) { y in
      x.withMemory {
        tapestry_truth(
          Int32(kind), x.dtype.code, Int64(outer), Int64(count), Int64(inner), $0, y)
      }
    }
    let others = (0..<first).filter { set.contains($0) }
    if others.isEmpty { return Tensors(shaped(y, of: x.shape)) }
    guard kind != TAPESTRY_COUNT_NONZERO else {
      return Tensors(shaped(y.reduced(TAPESTRY_SUM, along: set), of: x.shape))
    }
    let rest = TruthReduction(kind: kind, axes: others, keepsDimensions: true)
    return Tensors(shaped(rest.forward(Tensors(y))[0], of: x.shape))
  }

  func backward(_ node: borrowing Differential) -> Tensors { Tensors(nil) }
}

extension Tensor {
  /// Whether any element along some axes, or of all, is not 0: a bool mask, false of nothing.
  ///
  /// - Precondition: the axes exist, none is named twice.
  public func any(
    along axes: Int..., keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    any(along: axes, keepingDimensions: keepingDimensions, file: file, line: line)
  }

  /// Whether any element along these axes is not 0; along all if there are none.
  ///
  /// - Precondition: the axes exist, none is named twice.
  public func any(
    along axes: [Int], keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    truth(TAPESTRY_ANY, axes, keepingDimensions, file, line)
  }

  /// Whether all elements along some axes, or all there are, differ from 0: a bool mask, true of nothing.
  ///
  /// - Precondition: the axes exist, none is named twice.
  public func all(
    along axes: Int..., keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    all(along: axes, keepingDimensions: keepingDimensions, file: file, line: line)
  }

  /// Whether all elements along these axes differ from 0; along all if there are none.
  ///
  /// - Precondition: the axes exist, none is named twice.
  public func all(
    along axes: [Int], keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    truth(TAPESTRY_ALL, axes, keepingDimensions, file, line)
  }

  /// How many elements along some axes, or of all, differ from 0: int64.
  ///
  /// - Precondition: the axes exist, none is named twice.
  public func countNonzero(
    along axes: Int..., keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    countNonzero(along: axes, keepingDimensions: keepingDimensions, file: file, line: line)
  }

  /// How many elements along these axes differ from 0; along all if there are none.
  ///
  /// - Precondition: the axes exist, none is named twice.
  public func countNonzero(
    along axes: [Int], keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    truth(TAPESTRY_COUNT_NONZERO, axes, keepingDimensions, file, line)
  }

  private func truth(
    _ kind: Int, _ axes: [Int], _ keeps: Bool, _ file: StaticString, _ line: UInt
  ) -> Tensor {
    apply(
      TruthReduction(kind: kind, axes: axes, keepsDimensions: keeps), to: Tensors(self),
      file: file, line: line)[0]
  }
}
