import TapestryGraph

/// Convolution along one axis: a two-dimensional one of images one row high.
struct Convolution1d: TensorOperation {
  static var name: String { "conv1d" }
  static var inputNames: [String] { ["input", "weight", "bias"] }
  private static let kept = Kept.inputs(0, 1)
  let geometry: ConvolutionGeometry

  var keeps: Kept { Self.kept }
  var label: String { geometry.label }

  /// `[a, b, c]` as `[a, b, 1, c]`
  private static func image(_ shape: TensorShape) -> TensorShape {
    TensorShape(shape[0], shape[1], 1, shape[2])
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (x, weight) = (inputs.spec(0).shape, inputs.spec(1).shape)
    guard x.rank == 3 else {
      throw Misuse("the input needs 3 axes, [batch, channels, length], not \(x.rank)")
    }
    guard weight.rank == 3 else {
      throw Misuse(
        "the weight needs 3 axes, [filters, channels / groups, length], not \(weight.rank)")
    }
    let problem = try geometry.problem(input: Self.image(x), weight: Self.image(weight))
    try requireSameType(inputs)
    try requireBias(inputs, channels: Int(problem.filters))
    return Specs(
      try TensorShape(checked: [x[0], weight[0], Int(problem.output_width)]),
      inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, weight) = (inputs[0], inputs[1])
    var operands = Tensors(
      x.sharing(Self.image(x.shape)), weight.sharing(Self.image(weight.shape)))
    if let bias = inputs.at(2) { operands.append(bias) }
    let y = Convolution2d(geometry: geometry).forward(operands)[0]
    return Tensors(y.sharing(TensorShape([y.shape[0], y.shape[1], y.shape[3]])))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (input, weight) = (node.inputSpec(0).shape, node.inputSpec(1).shape)
    let image = Self.image(input)
    let g = node.cotangent.reshaped(to: Self.image(node.outputSpec().shape))
    let geometry = geometry.resolved(for: image)
    return Tensors(
      node.needs(0)
        ? transposedConvolution(
          g, node.input(1).reshaped(to: Self.image(weight)), geometry,
          size: Pair(height: 1, width: input[2])
        ).reshaped(to: input) : nil,
      node.needs(1)
        ? weightGradient(node.input(0).reshaped(to: image), g, geometry).reshaped(to: weight) : nil,
      node.inputCount > 2 && node.needs(2) ? channelSum(g) : nil)
  }

  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    guard inputs[0].rank == 3, inputs[1].rank == 3 else {
      return OperationCost(arithmetic: 0, bytes: 0)
    }
    return convolutionCost(
      geometry, Self.image(inputs.spec(0).shape), Self.image(inputs.spec(1).shape), inputs, outputs)
  }
}

/// How many zeros surround a signal.
public struct Padding1d: Hashable, Sendable, ExpressibleByIntegerLiteral {
  var rows: Padding2d

  /// A number for each end.
  public init(before: Int, after: Int) {
    rows = Padding2d(top: 0, left: before, bottom: 0, right: after)
  }

  /// As many at both ends.
  public init(_ both: Int) { self.init(before: both, after: both) }

  public init(integerLiteral value: Int) { self.init(value) }

  /// As much as makes the output's length the input's divided by the stride, rounded up; the larger
  /// half comes after.
  public static var same: Padding1d {
    var padding = Padding1d(0)
    padding.rows = .same
    return padding
  }
}

/// The convolution of signals with filters, which are not flipped (cross-correlation).
///
/// y[n, o, i] = bias[o] + Σ over c, p of weight[o, c, p] · x[n, c', i·stride + p·dilation -
/// before].
///
/// - Parameters:
///   - input: signals `[N, C, L]`.
///   - weight: filters `[out, C / groups, k]`.
///   - bias: one number per filter, `[out]`. Default: none.
///   - stride: samples between neighbouring windows. Default: 1.
///   - padding: zeros at the ends; `Padding1d(before: dilation * (k - 1), after: 0)` for a causal
///     filter. Default: none.
///   - dilation: samples between neighbouring filter elements. Default: 1.
///   - groups: as in `conv2d`. Default: 1.
/// - Returns: `[N, out, floor((L + before + after - dilation (k - 1) - 1) / stride) + 1]`.
/// - Precondition: the filters' channels are the input's divided by `groups`, and the dilated
///   filter fits into the padded signal.
public func conv1d(
  _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Padding1d = 0,
  dilation: Int = 1, groups: Int = 1, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let length = weight.rank == 3 ? weight.shape[2] : 1
  let operation = Convolution1d(
    geometry: ConvolutionGeometry(
      window: SlidingWindow(
        size: Pair(height: 1, width: length), stride: Pair(height: 1, width: stride),
        padding: padding.rows, dilation: Pair(height: 1, width: dilation)), groups: groups))
  let inputs = bias.map { Tensors(input, weight, $0) } ?? Tensors(input, weight)
  return apply(operation, to: inputs, file: file, line: line)[0]
}
