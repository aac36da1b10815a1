import CTapestryKernels
import TapestryGraph

// What shape rules and forwards of several families share.

/// All operands must have the element type of the first, a floating-point one unless told otherwise.
func requireSameType(
  _ inputs: borrowing Tensors, allowingIntegers: Bool = false
) throws(Misuse) {
  let dtype = inputs.spec(0).dtype
  guard dtype.isFloatingPoint || allowingIntegers else {
    throw Misuse("needs float32 or float64, not \(dtype); convert with converted(to:)")
  }
  for index in 1..<max(inputs.count, 1) where inputs[index].dtype != dtype {
    throw Misuse(
      "operands differ in type, \(dtype) and \(inputs[index].dtype); convert one with converted(to:)"
    )
  }
}

/// Runs the op of an operator. An operator cannot take the line it stands on, so the node says that it has none instead
/// of naming a line of this module.
func operate(_ operation: some TensorOperation, _ inputs: Tensors) -> Tensor {
  apply(operation, to: inputs, file: CallSite.operatorFile, line: 0)[0]
}

/// An axis counted from 0; a negative one counts from the end.
func normalizedAxis(_ axis: Int, rank: Int) throws(Misuse) -> Int {
  let positive = axis < 0 ? axis + rank : axis
  guard positive >= 0, positive < rank else {
    throw Misuse("axis \(axis) does not exist in a tensor with \(rank) axes")
  }
  return positive
}

/// A set of axes of one tensor.
struct AxisSet: Sendable {
  private var bits: UInt8 = 0

  init() {}

  /// These axes of a tensor with `rank` axes, negative ones counted from the end; all where none is named.
  init(_ axes: [Int], rank: Int) throws(Misuse) {
    // In range: the rank is at most 6.
    if axes.isEmpty { bits = UInt8((1 << rank) - 1) }
    for axis in axes {
      let axis = try normalizedAxis(axis, rank: rank)
      guard !contains(axis) else { throw Misuse("axis \(axis) is named twice in \(axes)") }
      insert(axis)
    }
  }

  @inline(__always) func contains(_ axis: Int) -> Bool { bits >> UInt8(axis) & 1 != 0 }
  mutating func insert(_ axis: Int) { bits |= 1 << UInt8(axis) }
}

/// The sizes of a broadcast and the strides of its operands as the kernels want them, on the stack: an
/// array each would cost more than a small op.
struct BroadcastLayout {
  private let words: UnsafeMutablePointer<Int64>

  /// The sizes of the result.
  var sizes: UnsafePointer<Int64> { UnsafePointer(words) }
  /// The strides of the operand at `index`: 0 along axes where it is repeated.
  func strides(_ index: Int) -> UnsafePointer<Int64> {
    UnsafePointer(words + (index + 1) * TensorShape.maximumRank)
  }

  /// Runs `body` with the layout of up to three operands that broadcast to `target`.
  static func with(
    _ target: TensorShape, _ a: TensorShape, _ b: TensorShape = TensorShape(),
    _ c: TensorShape = TensorShape(), _ body: (BroadcastLayout) -> Void
  ) {
    let rank = TensorShape.maximumRank
    withUnsafeTemporaryAllocation(of: Int64.self, capacity: 4 * rank) { buffer in
      let words = buffer.baseAddress!
      for axis in 0..<target.rank { words[axis] = Int64(target[axis]) }
      fill(words + rank, a, target)
      fill(words + 2 * rank, b, target)
      fill(words + 3 * rank, c, target)
      body(BroadcastLayout(words: words))
    }
  }

  private static func fill(
    _ strides: UnsafeMutablePointer<Int64>, _ shape: TensorShape, _ target: TensorShape
  ) {
    let missing = target.rank - shape.rank
    var step = 1
    for axis in stride(from: target.rank - 1, through: 0, by: -1) {
      let size = axis < missing ? 1 : shape[axis - missing]
      strides[axis] = size == 1 ? 0 : Int64(step)
      step *= size
    }
  }
}

/// A gradient g y' by its formula, but 0 where the cotangent g is 0: also where y' is infinite or NaN. So what `select` does not
/// choose gets no NaN from the poles of `log`, `/` and the like. One pass over memory where all is finite.
func zeroWhereUnused(_ gradient: Tensor, _ g: Tensor) -> Tensor {
  if gradient.isPlaceholder || gradient.firstNonFinite == nil { return gradient }
  return select(where: g .== 0, Tensor(0, dtype: gradient.dtype), else: gradient)
}

extension Tensor {
  /// y = f(x; alpha, beta), elementwise, by a kernel.
  func mapped(_ function: Int, _ alpha: Double = 0, _ beta: Double = 0) -> Tensor {
    Tensor(spec) { y in
      withMemory { x in
        tapestry_unary(Int32(function), dtype.code, Int64(count), x, y, alpha, beta)
      }
    }
  }

  /// y = x / divisor, exactly rounded: by the reciprocal where that is exact, as for powers of two.
  func divided(by divisor: Double) -> Tensor {
    let isPowerOfTwo = abs(divisor).significand == 1 && abs(divisor.exponent) <= 120
    if dtype.isFloatingPoint && divisor.isNormal && isPowerOfTwo {
      return mapped(TAPESTRY_AFFINE, 1 / divisor, 0)
    }
    return Tensor(spec) { y in
      var size = Int64(count)
      var (one, zero): (Int64, Int64) = (1, 0)
      var number: UInt64 = 0
      tapestry_fill(dtype.code, 1, divisor, &number)
      withMemory { x in
        tapestry_binary(
          Int32(TAPESTRY_DIVIDE), dtype.code, 1, &size, &one, &zero, x, &number, y)
      }
    }
  }

  /// The reduction over `axes`, in the shape `target`; by default the axes stay with size 1. One pass per
  /// run of neighbouring axes, the last run first.
  func reduced(_ reduction: Int, along axes: AxisSet, to target: TensorShape? = nil) -> Tensor {
    var sizes = shape
    var result = self
    var step = reduction
    var last = rank - 1
    while last >= 0 {
      guard axes.contains(last) else {
        last -= 1
        continue
      }
      // Axes of size 1 are part of any run.
      var first = last
      while first > 0, axes.contains(first - 1) || sizes[first - 1] == 1 { first -= 1 }
      var (outer, count, inner) = (1, 1, 1)
      for axis in 0..<first { outer *= sizes[axis] }
      for axis in first...last {
        count *= sizes[axis]
        sizes[axis] = 1
      }
      for axis in last + 1..<Swift.max(rank, last + 1) { inner *= sizes[axis] }
      last = first - 1
      if count == 1 && step != TAPESTRY_SUM_OF_SQUARES { continue }
      let source = result
      var isLast = true
      for axis in 0..<first where axes.contains(axis) && sizes[axis] != 1 { isLast = false }
      result = Tensor(isLast ? target ?? sizes : sizes, dtype) { y in
        source.withMemory { x in
          tapestry_reduce(
            Int32(step), dtype.code, Int64(outer), Int64(count), Int64(inner), x, y)
        }
      }
      if step == TAPESTRY_SUM_OF_SQUARES { step = TAPESTRY_SUM }
    }
    // Nothing to sum over still has to be squared.
    if step == TAPESTRY_SUM_OF_SQUARES { result = mapped(TAPESTRY_SQUARE) }
    let shape = target ?? sizes
    return result.shape == shape ? result : result.sharing(shape)
  }

  /// A new tensor that an index space of `sizes` is copied into: target[Σ i_k target_k] = self[Σ i_k source_k].
  ///
  /// - Parameters:
  ///   - clearing: what the elements are that the copy does not reach; `nil` when it reaches all.
  ///   - targetStart: the element of the target at index 0; likewise `sourceStart`.
  func copied(
    to shape: TensorShape, sizes: some Collection<Int>, targetStrides: [Int64],
    targetStart: Int = 0,
    sourceStrides: [Int64], sourceStart: Int = 0, clearing: Double? = nil
  ) -> Tensor {
    let size = dtype.size
    return Tensor(shape, dtype) { y in
      if let clearing { tapestry_fill(dtype.code, Int64(shape.elementCount), clearing, y) }
      if sizes.contains(0) { return }
      withMemory { x in
        tapestry_strided_copy(
          Int32(size), Int32(sizes.count), sizes.map(Int64.init), targetStrides,
          y + targetStart * size, sourceStrides, x + sourceStart * size)
      }
    }
  }

  /// y = f(a, b), elementwise with broadcasting, by a kernel. The shapes have been checked.
  func combined(_ function: Int, with other: Tensor) -> Tensor {
    if shape == other.shape {
      var size = Int64(count)
      var stride: Int64 = 1
      return Tensor(spec) { y in
        TapestryGraph.withMemory(self, other) { a, b in
          tapestry_binary(Int32(function), dtype.code, 1, &size, &stride, &stride, a, b, y)
        }
      }
    }
    let target = TensorShape.broadcast(shape, other.shape)!
    return Tensor(target, dtype) { y in
      TapestryGraph.withMemory(self, other) { a, b in
        BroadcastLayout.with(target, shape, other.shape) { layout in
          tapestry_binary(
            Int32(function), dtype.code, Int32(target.rank), layout.sizes, layout.strides(0),
            layout.strides(1), a, b, y)
        }
      }
    }
  }
}
