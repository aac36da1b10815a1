import CTapestryKernels
import TapestryGraph

// The middle and any other fraction of the order along an axis, or of all elements.

/// y = x[⌊p⌋] + (p - ⌊p⌋) (x[⌊p⌋ + 1] - x[⌊p⌋]) of the rising order, p = q (n - 1); further results are the positions of both.
struct Quantile: TensorOperation {
  let axis: Int
  let fraction: Double
  let keepsDimensions: Bool
  var keeps: Kept { .outputs(1, 2) }
  var label: String { "\(fraction) along \(axis)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    let spec = inputs.spec(0)
    let axis = try normalizedAxis(axis, rank: spec.shape.rank)
    guard fraction >= 0, fraction <= 1 else {
      throw Misuse("the fraction is \(fraction), but must be in 0 ... 1")
    }
    guard spec.shape[axis] > 0 else {
      throw Misuse("axis \(axis) of \(spec.shape) has no elements")
    }
    let result = shape(spec.shape, without: axis, keeping: keepsDimensions)
    return [
      TensorSpec(result, spec.dtype), TensorSpec(result, .int64), TensorSpec(result, .int64),
    ]
  }

  /// The lower of the two places, and how far it is from there to the next.
  private func place(_ shape: TensorShape) -> (lower: Int, share: Double) {
    let count = shape[AxisLine(shape, axis).axis]
    let place = fraction * Double(count - 1)
    let lower = min(Int(place), count - 1)
    return (lower, place - Double(lower))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let (lower, share) = place(x.shape)
    let low = x.selected(lower, along: axis, keeping: keepsDimensions, passingNaN: true)
    if share == 0 { return Tensors(low.values, low.indices, low.indices) }
    let high = x.selected(lower + 1, along: axis, keeping: keepsDimensions, passingNaN: true)
    let y = withoutGradients { low.values + (high.values - low.values) * share }
    return Tensors(y, low.indices, high.indices)
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let shape = node.inputSpec(0).shape
    let share = place(shape).share
    guard let g = node.cotangent(0) else { return Tensors(nil) }
    var sizes = shape
    sizes[AxisLine(shape, axis).axis] = 1
    let put = PutAlongAxis(axis: axis, shape: shape, site: node.site)
    func placed(_ g: Tensor, _ indices: Tensor) -> Tensor {
      apply(put, to: Tensors(g.reshaped(to: sizes), indices.reshaped(to: sizes)))[0]
    }
    if share == 0 { return Tensors(placed(g, node.output(1))) }
    return Tensors(placed(g * (1 - share), node.output(1)) + placed(g * share, node.output(2)))
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    let shape = node.inputSpec(0).shape
    let share = place(shape).share
    guard let t = node.tangent(0) else { return Tensors(nil, nil, nil) }
    var sizes = shape
    sizes[AxisLine(shape, axis).axis] = 1
    let take = TakeAlongAxis(axis: axis, site: node.site)
    let (low, high) = (node.output(1), node.output(2))
    let first = apply(take, to: Tensors(t, low.reshaped(to: sizes)))[0]
    let second = apply(take, to: Tensors(t, high.reshaped(to: sizes)))[0]
    let tangent = first * (1 - share) + second * share
    return Tensors(tangent.reshaped(to: node.outputSpec(0).shape), nil, nil)
  }

  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].orderKink(along: axis) }
}

extension Tensor {
  /// The lower of the middle elements along an axis, or of all elements, as PyTorch has it; NaN where there is one.
  ///
  /// Most others take the mean of the two middle ones: that is `quantile(0.5)`. The gradient goes to the chosen element.
  ///
  /// - Parameter axis: counted from 0, or from the end if negative; by default all elements.
  /// - Precondition: there are elements; not bool.
  public func median(
    along axis: Int? = nil, keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let x = axis == nil ? reshaped(to: [count], file: file, line: line) : self
    let choice = KthSmallest(axis: axis ?? 0, k: nil, keepsDimensions: keepingDimensions)
    let y = apply(choice, to: Tensors(x), file: file, line: line)[0]
    return axis == nil && keepingDimensions ? y.withAxes(of: self, file, line) : y
  }

  /// The element at a fraction of the rising order along an axis, or of all elements, interpolated between neighbours.
  ///
  /// At the place p = fraction (n - 1): x[⌊p⌋] + (p - ⌊p⌋) (x[⌊p⌋ + 1] - x[⌊p⌋]). NaN where there is one.
  ///
  /// - Parameters:
  ///   - fraction: 0 for the smallest, 0.5 for the middle, 1 for the largest.
  ///   - axis: counted from 0, or from the end if negative; by default all elements.
  /// - Precondition: the fraction is in 0 ... 1; there are elements; float32 or float64.
  public func quantile(
    _ fraction: Double, along axis: Int? = nil, keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let x = axis == nil ? reshaped(to: [count], file: file, line: line) : self
    let choice = Quantile(axis: axis ?? 0, fraction: fraction, keepsDimensions: keepingDimensions)
    let y = apply(choice, to: Tensors(x), file: file, line: line)[0]
    return axis == nil && keepingDimensions ? y.withAxes(of: self, file, line) : y
  }

  /// A single number with as many axes as `other`.
  private func withAxes(of other: Tensor, _ file: StaticString, _ line: UInt) -> Tensor {
    reshaped(to: [Int](repeating: 1, count: other.rank), file: file, line: line)
  }
}
