import CTapestryKernels
import TapestryGraph

// Reductions over any axes: sums and what is made of them here, extrema in Reduction+Extremum.swift.

/// What reductions have in common: over which axes, and whether these stay with size 1.
protocol ReducingOperation: TensorOperation {
  /// As the user named them; empty for all.
  var axes: [Int] { get }
  var keepsDimensions: Bool { get }
}

extension ReducingOperation {
  var label: String { axes.isEmpty ? "" : "along \(axes)" }

  /// The shape that remains.
  func reducedShape(_ shape: TensorShape) throws(Misuse) -> TensorShape {
    // The most frequent case of all, the sum of a loss, takes no detour.
    if axes.isEmpty && !keepsDimensions { return [] }
    let set = try AxisSet(axes, rank: shape.rank)
    var result = TensorShape()
    for axis in 0..<shape.rank {
      if !set.contains(axis) {
        result.append(shape[axis])
      } else if keepsDimensions {
        result.append(1)
      }
    }
    return result
  }

  /// The axes of a tensor whose shape has passed the rule.
  func axisSet(_ shape: TensorShape) -> AxisSet {
    guard let set = try? AxisSet(axes, rank: shape.rank) else {
      trapAtCaller("the shape rule was passed over")
    }
    return set
  }

  /// How many elements are reduced to one.
  func reducedCount(_ shape: TensorShape) -> Int {
    let set = axisSet(shape)
    return shape.indices.reduce(1) { set.contains($1) ? $0 * shape[$1] : $0 }
  }

  /// A reduced tensor with its axes back, as size 1.
  func restored(_ reduced: Tensor, of shape: TensorShape) -> Tensor {
    if keepsDimensions || axes.isEmpty { return reduced }
    let set = axisSet(shape)
    var sizes = shape
    for axis in 0..<shape.rank where set.contains(axis) { sizes[axis] = 1 }
    return reduced.reshaped(to: sizes)
  }

  /// A reduced tensor repeated along the axes that were reduced.
  func expanded(_ reduced: Tensor, to shape: TensorShape) -> Tensor {
    restored(reduced, of: shape).broadcast(to: shape)
  }

  /// The kernel's reduction in the shape that the rule announced.
  func reduced(_ x: Tensor, _ reduction: Int) -> Tensor {
    guard let shape = try? reducedShape(x.shape) else {
      trapAtCaller("the shape rule was passed over")
    }
    return x.reduced(reduction, along: axisSet(x.shape), to: shape)
  }

  /// `direct`, or where sums or squares left the range of finite numbers the reduction of x in units of its largest
  /// elements.
  ///
  /// - Parameters:
  ///   - reduce: the reduction, of x / unit.
  ///   - restoring: the reduction of x, from that and the unit in its shape.
  func inUnits(
    _ direct: Tensor, of x: Tensor, reduce: (Tensor) -> Tensor,
    restoring: (Tensor, Tensor) -> Tensor
  ) -> Tensor {
    if x.count == 0 || direct.firstNonFinite == nil { return direct }
    let largest = x.mapped(TAPESTRY_ABS).reduced(TAPESTRY_MAX, along: axisSet(x.shape))
    let unit = largest.combined(TAPESTRY_ADD, with: largest.mapped(TAPESTRY_ZERO_MASK))
    let scaled = restoring(
      reduce(x.combined(TAPESTRY_DIVIDE, with: unit)), unit.sharing(direct.shape))
    // A set with an infinity or a NaN keeps what the direct way gave.
    return withoutGradients {
      select(
        where: largest.sharing(direct.shape) .<= largestFinite(x.dtype), scaled, else: direct)
    }
  }

  /// A result whose reduced axes have size 1, in the shape that the rule announced.
  func shaped(_ reduced: Tensor, of shape: TensorShape) -> Tensor {
    guard let shape = try? reducedShape(shape) else {
      trapAtCaller("the shape rule was passed over")
    }
    return reduced.shape == shape ? reduced : reduced.sharing(shape)
  }
}

/// y = Σ x. Integers too.
struct Sum: ReducingOperation {
  let axes: [Int]
  let keepsDimensions: Bool
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs.spec(0).dtype != .bool else {
      throw Misuse("bool masks have no sum; count with converted(to: .int64).sum()")
    }
    return Specs(try reducedShape(inputs.spec(0).shape), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    return Tensors(reduced(x, TAPESTRY_SUM))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(expanded(node.cotangent, to: node.inputSpec(0).shape))
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0)?.sum(along: axes, keepingDimensions: keepsDimensions))
  }
}

/// y = Σ x / n.
struct Mean: ReducingOperation {
  let axes: [Int]
  let keepsDimensions: Bool
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    return Specs(try reducedShape(inputs.spec(0).shape), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let direct = reduced(x, TAPESTRY_SUM).divided(by: Double(reducedCount(x.shape)))
    return Tensors(
      inUnits(direct, of: x) { scaled in
        reduced(scaled, TAPESTRY_SUM).divided(by: Double(reducedCount(x.shape)))
      } restoring: {
        $0.combined(TAPESTRY_MULTIPLY, with: $1)
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let shape = node.inputSpec(0).shape
    return Tensors(expanded(node.cotangent / Double(reducedCount(shape)), to: shape))
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0)?.mean(along: axes, keepingDimensions: keepsDimensions))
  }
}

/// y = Σ (x - mean)² / (n - correction), in two passes; y' = 2 (x - mean) / (n - correction).
struct Variance: ReducingOperation {
  let axes: [Int]
  let keepsDimensions: Bool
  let isUnbiased: Bool
  var label: String { isUnbiased ? "unbiased" : "biased" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    return Specs(try reducedShape(inputs.spec(0).shape), inputs.spec(0).dtype)
  }

  private func divisor(_ shape: TensorShape) -> Double {
    Double(max(0, reducedCount(shape) - (isUnbiased ? 1 : 0)))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    return Tensors(
      inUnits(direct(x), of: x) {
        direct($0)
      } restoring: { variance, unit in
        variance.combined(TAPESTRY_MULTIPLY, with: unit).combined(TAPESTRY_MULTIPLY, with: unit)
      })
  }

  /// The variance, as far as the squares are in range.
  func direct(_ x: Tensor) -> Tensor {
    let set = axisSet(x.shape)
    let mean = x.reduced(TAPESTRY_SUM, along: set).divided(by: Double(reducedCount(x.shape)))
    let squares = x.combined(TAPESTRY_SUBTRACT, with: mean)
      .reduced(TAPESTRY_SUM_OF_SQUARES, along: set)
    return shaped(squares.divided(by: divisor(x.shape)), of: x.shape)
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let x = node.input(0)
    let centered =
      x - x.mean(along: axes.isEmpty ? Array(0..<x.rank) : axes, keepingDimensions: true)
    let g = restored(node.cotangent, of: x.shape)
    return Tensors(g * (2 / divisor(x.shape)) * centered)
  }
}

private func largestFinite(_ dtype: DType) -> Double {
  dtype == .float32 ? Double(Float.greatestFiniteMagnitude) : .greatestFiniteMagnitude
}

/// y = ln Σ e^x, shifted by the maximum; y' = e^(x - y).
struct LogSumExp: ReducingOperation {
  let axes: [Int]
  let keepsDimensions: Bool
  var keeps: Kept { .inputs.and(.outputs(0)) }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    try requireElements(inputs.spec(0).shape)
    return Specs(try reducedShape(inputs.spec(0).shape), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let set = axisSet(x.shape)
    // An infinite shift would leave ∞ - ∞; the largest finite number leaves what is meant.
    let bound = largestFinite(x.dtype)
    let shift = x.reduced(TAPESTRY_MAX, along: set).mapped(TAPESTRY_CLIP, -bound, bound)
    let sum = x.combined(TAPESTRY_SUBTRACT, with: shift).mapped(TAPESTRY_EXP)
      .reduced(TAPESTRY_SUM, along: set)
    return Tensors(
      shaped(sum.mapped(TAPESTRY_LOG).combined(TAPESTRY_ADD, with: shift), of: x.shape))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let x = node.input(0)
    let y = restored(node.output(), of: x.shape)
    let weights =
      y.isPlaceholder || y.firstNonFinite == nil ? exp(x - y) : limits(of: x, y)
    return Tensors(restored(node.cotangent, of: x.shape) * weights)
  }

  /// e^(x - y) and its limits: infinities share 1 evenly, and where all are -infinity each gets 0.
  private func limits(of x: Tensor, _ y: Tensor) -> Tensor {
    let infinite = (x .== .infinity).converted(to: x.dtype)
    let share = infinite / infinite.sum(along: axes, keepingDimensions: true)
    let bound = largestFinite(x.dtype)
    return select(
      where: y .== .infinity, share, else: exp(x - clip(y, min: -bound, max: bound)))
  }
}

/// y = √Σ x²; y' = x / y, and 0 where y is 0.
struct Norm: ReducingOperation {
  let axes: [Int]
  let keepsDimensions: Bool
  var keeps: Kept { .inputs.and(.outputs(0)) }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    return Specs(try reducedShape(inputs.spec(0).shape), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let set = axisSet(x.shape)
    let direct = x.reduced(TAPESTRY_SUM_OF_SQUARES, along: set).mapped(TAPESTRY_SQRT)
    // Squares overflow or vanish long before the norm does: then in units of the largest element.
    let isSafe = direct.scalars().allSatisfy { isInRange($0, x.dtype) }
    if isSafe || x.count == 0 { return Tensors(shaped(direct, of: x.shape)) }
    let largest = x.mapped(TAPESTRY_ABS).reduced(TAPESTRY_MAX, along: set)
    let unit = largest.combined(TAPESTRY_ADD, with: largest.mapped(TAPESTRY_ZERO_MASK))
    let scaled = x.combined(TAPESTRY_DIVIDE, with: unit)
      .reduced(TAPESTRY_SUM_OF_SQUARES, along: set).mapped(TAPESTRY_SQRT)
    let isInfinite = largest.scalars().contains(.infinity)
    let result = isInfinite ? direct : scaled.combined(TAPESTRY_MULTIPLY, with: unit)
    return Tensors(shaped(result, of: x.shape))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (x, y) = (node.input(0), node.output())
    if !y.isPlaceholder, !y.scalars().allSatisfy({ $0 == 0 || isInRange($0, y.dtype) }) {
      return Tensors(restored(node.cotangent, of: x.shape) * direction(of: x))
    }
    let divisor = select(where: y .== 0, Tensor(1, dtype: y.dtype), else: y)
    return Tensors(restored(node.cotangent / divisor, of: x.shape) * x)
  }

  /// Whether squares of numbers up to this norm neither overflow nor vanish.
  private func isInRange(_ norm: Double, _ dtype: DType) -> Bool {
    dtype == .float32 ? norm >= 1e-15 && norm <= 1e18 : norm >= 1e-140 && norm <= 1e150
  }

  /// x / y by way of x in units of its largest element; infinities alone count where there are some; 0 where all are 0.
  private func direction(of x: Tensor) -> Tensor {
    let largest = abs(x).max(along: axes, keepingDimensions: true).detached()
    let isInfinite = largest .== .infinity
    let one = Tensor(1, dtype: x.dtype)
    let unit = select(
      where: (largest .== 0), one, else: select(where: isInfinite, one, else: largest))
    let infinities = sign(x) * (abs(x) .== .infinity).converted(to: x.dtype)
    let scaled = select(where: isInfinite, infinities, else: x / unit)
    let length = sqrt(square(scaled).sum(along: axes, keepingDimensions: true))
    return scaled / select(where: largest .== 0, one, else: length)
  }

  func kink(at inputs: borrowing Tensors) -> Kink? {
    let x = inputs[0]
    var finder = KinkFinder()
    for (group, norm) in forward(Tensors(x))[0].scalars().enumerated() {
      finder.note(index: group, distance: norm, side: norm == 0 ? 0 : 1)
    }
    return finder.result
  }
}

extension ReducingOperation {
  /// Extrema need at least one element to choose from.
  func requireElements(_ shape: TensorShape) throws(Misuse) {
    let set = try AxisSet(axes, rank: shape.rank)
    for axis in 0..<shape.rank where set.contains(axis) && shape[axis] == 0 {
      throw Misuse("axis \(axis) of \(shape) has no elements")
    }
  }
}
