import CTapestryKernels
import TapestryGraph

// Running sums, products, maxima and log-sum-exps along an axis, and the recurrence that their gradients are made of.

/// What they have in common: an axis, a result shaped like the operand. A scalar counts as a line of one.
protocol ScanOperation: TensorOperation {
  var axis: Int { get }
}

extension ScanOperation {
  var label: String { "along \(axis)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    _ = try normalizedAxis(axis, rank: max(inputs.spec(0).shape.rank, 1))
    guard inputs.spec(0).dtype != .bool else { throw Misuse("bool masks have no arithmetic") }
    return Specs(inputs.spec(0))
  }
}

/// y_i = Σ x_j for j <= i, for j >= i if reversed; the gradient is the sum of g in the other direction.
struct CumulativeSum: ScanOperation {
  let axis: Int
  var isReversed = false
  var keeps: Kept { .nothing }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let line = AxisLine(x.shape, axis)
    return Tensors(
      Tensor(x.spec) { y in
        x.withMemory {
          tapestry_cumulative_sum(
            isReversed, x.dtype.code, line.outer, line.count, line.inner, $0, y)
        }
      })
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let transpose = CumulativeSum(axis: axis, isReversed: !isReversed)
    return Tensors(apply(transpose, to: Tensors(node.cotangent))[0])
  }
  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { apply(self, to: Tensors($0))[0] })
  }
}

/// y_i = Π x_j for j <= i, for j >= i if reversed. The gradient by x_k is the product of what lies before k, times
/// r_k = g_k + x_(k+1) r_(k+1): no division, so zeros need no exception, to any order.
struct CumulativeProduct: ScanOperation {
  let axis: Int
  var isReversed = false
  var keeps: Kept { .inputs.and(.outputs(0)) }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let line = AxisLine(x.shape, axis)
    return Tensors(
      Tensor(x.spec) { y in
        x.withMemory {
          tapestry_cumulative_product(
            isReversed, x.dtype.code, line.outer, line.count, line.inner, $0, y)
        }
      })
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let before = node.output().shifted(along: axis, backwards: isReversed, entering: 1)
    let after = LinearRecurrence(axis: axis, isReversed: !isReversed, takesPreviousFactor: true)
    return Tensors(before * apply(after, to: Tensors(node.input(0), node.cotangent))[0])
  }
}

/// y_i = a_i y_p + b_i, where p is the place before i in the direction of the scan, or a_p y_p + b_i; y_p = 0 at the start.
struct LinearRecurrence: ScanOperation {
  let axis: Int
  let isReversed: Bool
  let takesPreviousFactor: Bool
  var keeps: Kept { .inputs(0).and(.outputs(0)) }
  static var inputNames: [String] { ["factors", "terms"] }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (a, b) = (inputs[0], inputs[1])
    let line = AxisLine(b.shape, axis)
    return Tensors(
      Tensor(b.spec) { y in
        withMemory(a, b) { factors, terms in
          tapestry_linear_recurrence(
            isReversed, takesPreviousFactor, b.dtype.code, line.outer, line.count, line.inner,
            factors, terms, y)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (a, y) = (node.input(0), node.output())
    let transpose = LinearRecurrence(
      axis: axis, isReversed: !isReversed, takesPreviousFactor: !takesPreviousFactor)
    let byTerms = apply(transpose, to: Tensors(a, node.cotangent))[0]
    var byFactors: Tensor?
    if node.needs(0) {
      byFactors =
        takesPreviousFactor
        ? y * byTerms.shifted(along: axis, backwards: !isReversed, entering: 0)
        : byTerms * y.shifted(along: axis, backwards: isReversed, entering: 0)
    }
    return Tensors(byFactors, node.needs(1) ? byTerms : nil)
  }
}

/// y_i = ln Σ e^(x_j) for j <= i. The gradient by x_k is e^(x_k - y_k) u_k with u_k = g_k + e^(y_k - y_(k+1)) u_(k+1), whose
/// exponents are never positive.
struct LogCumulativeSumExp: ScanOperation {
  let axis: Int
  var keeps: Kept { .inputs.and(.outputs(0)) }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    _ = try normalizedAxis(axis, rank: max(inputs.spec(0).shape.rank, 1))
    return Specs(inputs.spec(0))
  }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let line = AxisLine(x.shape, axis)
    return Tensors(
      Tensor(x.spec) { y in
        x.withMemory {
          tapestry_cumulative_log_sum_exp(
            x.dtype.code, line.outer, line.count, line.inner, $0, y)
        }
      })
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let (x, y) = (node.input(0), node.output())
    // Where there was nothing but -infinity yet, nothing has a share: 0 in the place of infinity - infinity.
    let (isVoid, zero) = (y .== -.infinity, Tensor(0, dtype: y.dtype))
    let next = y.shifted(along: axis, backwards: true, entering: 0)
    var factors = select(where: isVoid, zero, else: exp(y - next))
    var shares = select(where: isVoid, zero, else: exp(x - y))
    if !y.isPlaceholder, y.firstNonFinite != nil {
      // From the first infinity on, infinities share evenly, and nothing else has a share.
      let infinite = (x .== .infinity).converted(to: x.dtype)
      let number = infinite.cumulativeSum(along: axis)
      let nextNumber = number.shifted(along: axis, backwards: true, entering: 1)
      let one = Tensor(1, dtype: x.dtype)
      factors = select(where: y .== .infinity, number / maximum(nextNumber, one), else: factors)
      shares = select(where: y .== .infinity, infinite / maximum(number, one), else: shares)
    }
    let recurrence = LinearRecurrence(axis: axis, isReversed: true, takesPreviousFactor: false)
    let sums = apply(recurrence, to: Tensors(factors, node.cotangent))[0]
    return Tensors(shares * sums)
  }
}

/// y_i = max x_j for j <= i, and where it stood last; the gradient goes there.
struct CumulativeMax: ChoosingOperation {
  let axis: Int
  var keepsDimensions: Bool { true }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let spec = inputs.spec(0)
    _ = try normalizedAxis(axis, rank: spec.shape.rank)
    try requireOrder(spec.dtype)
    return [spec, TensorSpec(spec.shape, .int64)]
  }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let line = AxisLine(x.shape, axis)
    var y: Tensor?
    let indices = Tensor(x.shape, .int64) { places in
      y = Tensor(x.spec) { y in
        x.withMemory {
          tapestry_cumulative_max(
            x.dtype.code, line.outer, line.count, line.inner, $0, y,
            places.assumingMemoryBound(to: Int64.self))
        }
      }
    }
    return Tensors(y, indices)
  }
  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].orderKink(along: axis) }
}

extension Tensor {
  /// The running sum along an axis: y_i = Σ x_j for j <= i. Integers wrap around.
  ///
  /// The sums run in double precision and are rounded once each.
  ///
  /// - Parameter axis: counted from 0, or from the end if negative.
  /// - Precondition: the axis exists; not bool.
  public func cumulativeSum(
    along axis: Int, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    apply(CumulativeSum(axis: axis), to: Tensors(self), file: file, line: line)[0]
  }

  /// The running product along an axis: y_i = Π x_j for j <= i. Integers wrap around.
  ///
  /// The gradient is right where elements are 0 too, also that of the gradient.
  ///
  /// - Parameter axis: counted from 0, or from the end if negative.
  /// - Precondition: the axis exists; not bool.
  public func cumulativeProduct(
    along axis: Int, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    apply(CumulativeProduct(axis: axis), to: Tensors(self), file: file, line: line)[0]
  }

  /// The running ln Σ e^x along an axis, without overflow.
  ///
  /// - Parameter axis: counted from 0, or from the end if negative.
  /// - Precondition: the axis exists; float32 or float64.
  public func logCumulativeSumExp(
    along axis: Int, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    apply(LogCumulativeSumExp(axis: axis), to: Tensors(self), file: file, line: line)[0]
  }

  /// The largest element so far along an axis, and where it stood last, as int64. NaN stays once it was met.
  ///
  /// The gradient goes to that position.
  ///
  /// - Parameter axis: counted from 0, or from the end if negative.
  /// - Precondition: the axis exists; not bool.
  public func cumulativeMax(
    along axis: Int, file: StaticString = #fileID, line: UInt = #line
  ) -> (values: Tensor, indices: Tensor) {
    let results = apply(CumulativeMax(axis: axis), to: Tensors(self), file: file, line: line)
    return (results[0], results[1])
  }
}
