import CTapestryKernels
import TapestryGraph

// The standard deviation and norms of any order.

/// y = √variance; y' = (x - mean) / ((n - correction) y), and 0 where y is 0.
struct StandardDeviation: ReducingOperation {
  let axes: [Int]
  let keepsDimensions: Bool
  let isUnbiased: Bool
  var keeps: Kept { .inputs.and(.outputs(0)) }
  var label: String { isUnbiased ? "unbiased" : "biased" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    return Specs(try reducedShape(inputs.spec(0).shape), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let variance = Variance(axes: axes, keepsDimensions: keepsDimensions, isUnbiased: isUnbiased)
    let x = inputs[0]
    return Tensors(
      inUnits(variance.direct(x).mapped(TAPESTRY_SQRT), of: x) {
        variance.direct($0).mapped(TAPESTRY_SQRT)
      } restoring: {
        $0.combined(TAPESTRY_MULTIPLY, with: $1)
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (x, y) = (node.input(0), node.output())
    let mean = x.mean(along: axes.isEmpty ? Array(0..<x.rank) : axes, keepingDimensions: true)
    let divisor = Double(max(0, reducedCount(x.shape) - (isUnbiased ? 1 : 0)))
    let one = Tensor(1, dtype: y.dtype)
    let share = node.cotangent / (select(where: y .== 0, one, else: y) * divisor)
    return Tensors(restored(share, of: x.shape) * (x - mean))
  }

  func kink(at inputs: borrowing Tensors) -> Kink? {
    var finder = KinkFinder()
    for (group, deviation) in forward(inputs)[0].scalars().enumerated() {
      finder.note(index: group, distance: deviation, side: deviation == 0 ? 0 : 1)
    }
    return finder.result
  }
}

/// y = (Σ |x|^p)^(1/p), in units of the largest |x|; y' = sign x (|x| / y)^(p - 1), and 0 where y is 0.
struct PNorm: ReducingOperation {
  let order: Double
  let axes: [Int]
  let keepsDimensions: Bool
  static var name: String { "norm" }
  var keeps: Kept { .inputs.and(.outputs(0)) }
  var label: String { "order \(order)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    guard order > 0, order < .infinity else {
      throw Misuse("the order is \(order), but must be positive")
    }
    return Specs(try reducedShape(inputs.spec(0).shape), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let set = axisSet(x.shape)
    let magnitudes = x.mapped(TAPESTRY_ABS)
    if order == 1 || x.count == 0 {
      return Tensors(shaped(magnitudes.reduced(TAPESTRY_SUM, along: set), of: x.shape))
    }
    let largest = magnitudes.reduced(TAPESTRY_MAX, along: set)
    let unit = largest.combined(TAPESTRY_ADD, with: largest.mapped(TAPESTRY_ZERO_MASK))
    let sum = magnitudes.combined(TAPESTRY_DIVIDE, with: unit).mapped(TAPESTRY_POWER, order)
      .reduced(TAPESTRY_SUM, along: set)
    let scaled = sum.mapped(TAPESTRY_POWER, 1 / order).combined(TAPESTRY_MULTIPLY, with: unit)
    let result = withoutGradients { select(where: largest .== .infinity, largest, else: scaled) }
    return Tensors(shaped(result, of: x.shape))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (x, y) = (node.input(0), node.output())
    let g = restored(node.cotangent, of: x.shape)
    if order == 1 { return Tensors(g * sign(x)) }
    let divisor = select(where: y .== 0, Tensor(1, dtype: y.dtype), else: y)
    var shares = abs(x) / restored(divisor, of: x.shape)
    if !y.isPlaceholder, y.firstNonFinite != nil {
      // Infinities alone count where there are some.
      let infinite = (abs(x) .== .infinity).converted(to: x.dtype)
      let number = infinite.sum(along: axes, keepingDimensions: true)
      let length = pow(maximum(number, Tensor(1, dtype: x.dtype)), 1 / order)
      shares = select(where: number .> 0, infinite / length, else: shares)
    }
    return Tensors(g * sign(x) * pow(shares, order - 1))
  }

  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].elementwiseKink(at: 0) }
}

extension Tensor {
  /// The standard deviation along some axes, or of all elements: the root of the variance with the divisor n - 1, or n if not
  /// `unbiased`. Of one element NaN, or 0.
  ///
  /// The gradient of a deviation that is 0 is 0.
  ///
  /// - Precondition: the axes exist, none is named twice; float32 or float64.
  public func standardDeviation(
    along axes: Int..., unbiased: Bool = true, keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    standardDeviation(
      along: axes, unbiased: unbiased, keepingDimensions: keepingDimensions, file: file, line: line)
  }

  /// The standard deviation along these axes; along all if there are none.
  ///
  /// - Precondition: the axes exist, none is named twice; float32 or float64.
  public func standardDeviation(
    along axes: [Int], unbiased: Bool = true, keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let deviation = StandardDeviation(
      axes: axes, keepsDimensions: keepingDimensions, isUnbiased: unbiased)
    return apply(deviation, to: Tensors(self), file: file, line: line)[0]
  }

  /// The norm (Σ |x|^p)^(1/p) of order p along some axes, or of all elements, without overflow of the powers.
  ///
  /// The gradient of a norm that is 0 is 0.
  ///
  /// - Parameter order: p; 1 for the sum of magnitudes, 2 for the Euclidean norm, `.infinity` for the largest magnitude, whose
  ///   gradient equals share evenly.
  /// - Precondition: the order is positive; the axes exist, none is named twice; float32 or float64.
  public func norm(
    order: Double, along axes: Int..., keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    norm(order: order, along: axes, keepingDimensions: keepingDimensions, file: file, line: line)
  }

  /// The norm of this order along these axes; along all if there are none.
  ///
  /// - Precondition: the order is positive; the axes exist, none is named twice; float32 or float64.
  public func norm(
    order: Double, along axes: [Int], keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    if order == 2 {
      return norm(along: axes, keepingDimensions: keepingDimensions, file: file, line: line)
    }
    if order == .infinity {
      return abs(self, file: file, line: line).max(
        along: axes, keepingDimensions: keepingDimensions, file: file, line: line)
    }
    let norm = PNorm(order: order, axes: axes, keepsDimensions: keepingDimensions)
    return apply(norm, to: Tensors(self), file: file, line: line)[0]
  }
}
