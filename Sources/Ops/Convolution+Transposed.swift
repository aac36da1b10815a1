import CTapestryKernels
import TapestryGraph

/// The transpose of a convolution: every pixel of x adds the filter times its value to the output.
///
/// It is the gradient of ``Convolution2d`` by its input as well; then `outputSize` says how large
/// that was.
struct ConvolutionTranspose2d: TensorOperation {
  static var name: String { "convTranspose2d" }
  static var inputNames: [String] { ["input", "weight", "bias"] }
  private static let kept = Kept.inputs(0, 1)
  /// The geometry of the convolution that leads from the output to the input.
  let geometry: ConvolutionGeometry
  let outputPadding: Pair
  let outputSize: Pair?

  var keeps: Kept { Self.kept }
  var label: String { geometry.label }

  /// The convolution from the output back to the input.
  func convolution(_ x: TensorShape, _ weight: TensorShape) throws(Misuse)
    -> tapestry_convolution
  {
    guard x.rank == 4 else {
      throw Misuse("the input needs 4 axes, [batch, channels, height, width], not \(x.rank)")
    }
    guard weight.rank == 4 else {
      throw Misuse(
        "the weight needs 4 axes, [channels, outputs / groups, height, width], not \(weight.rank)")
    }
    guard x[1] == weight[0] else {
      throw Misuse("input has \(counted(x[1], "channel")), but the filters expect \(weight[0])")
    }
    let size: Pair
    if let outputSize { size = outputSize } else { size = try computedSize(x) }
    let channels = try checkedProduct(
      weight[1], max(geometry.groups, 1), "the number of output channels")
    let output = try TensorShape(checked: x[0], channels, size.height, size.width)
    let problem = try geometry.problem(input: output, weight: weight)
    guard problem.output_height == Int64(x[2]), problem.output_width == Int64(x[3]) else {
      throw Misuse(
        "an output of \(size) belongs to an input of \(problem.output_height)x\(problem.output_width),"
          + " not \(x[2])x\(x[3])")
    }
    return problem
  }

  private func computedSize(_ x: TensorShape) throws(Misuse) -> Pair {
    let window = geometry.window
    try window.requireSizes()
    let bounds = Pair(
      height: max(window.stride.height, window.dilation.height),
      width: max(window.stride.width, window.dilation.width))
    guard outputPadding.height >= 0, outputPadding.width >= 0,
      outputPadding.height < bounds.height, outputPadding.width < bounds.width
    else {
      throw Misuse(
        "outputPadding \(outputPadding) must be at least 0 and smaller than the stride \(window.stride)"
          + " or the dilation \(window.dilation)")
    }
    guard x[2] > 0, x[3] > 0 else { throw Misuse("the input has no pixels") }
    if window.padding.isSame {
      // In range: a product of two sizes.
      return Pair(height: x[2] * window.stride.height, width: x[3] * window.stride.width)
    }
    let sides = window.padding.sides
    // In range: two products of two sizes, and three sizes.
    let size = Pair(
      height: (x[2] - 1) * window.stride.height - sides.top - sides.bottom + window.extent.height
        + outputPadding.height,
      width: (x[3] - 1) * window.stride.width - sides.left - sides.right + window.extent.width
        + outputPadding.width)
    guard size.height > 0, size.width > 0 else {
      throw Misuse(
        "nothing is left of the output: with padding \(window.padding) its size is \(size)")
    }
    // In range: a size that was computed above, and two sizes.
    let whole = Pair(
      height: size.height + sides.top + sides.bottom, width: size.width + sides.left + sides.right)
    try SlidingWindow.requireModest(whole, for: size)
    return size
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let problem = try convolution(inputs.spec(0).shape, inputs.spec(1).shape)
    try requireSameType(inputs)
    try requireBias(inputs, channels: Int(problem.channels))
    return Specs(problem.inputShape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, weight) = (inputs[0], inputs[1])
    var problem = accepted { () throws(Misuse) in try convolution(x.shape, weight.shape) }
    let product = Tensor(problem.inputShape, x.dtype) { y in
      withMemory(x, weight) { x, w in
        tapestry_convolution_input_gradient(inputs.spec(0).dtype.code, &problem, x, w, y)
      }
    }
    guard let bias = inputs.at(2) else { return Tensors(product) }
    return Tensors(
      product.combined(TAPESTRY_ADD, with: bias.sharing(TensorShape(1, bias.count, 1, 1))))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    let geometry = geometry.resolved(for: node.outputSpec().shape)
    return Tensors(
      node.needs(0)
        ? apply(Convolution2d(geometry: geometry), to: Tensors(g, node.input(1)))[0] : nil,
      node.needs(1) ? weightGradient(g, node.input(0), geometry) : nil,
      node.inputCount > 2 && node.needs(2) ? channelSum(g) : nil)
  }

  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    convolutionCost(geometry, outputs[0].shape, inputs.spec(1).shape, inputs, outputs)
  }
}

extension tapestry_convolution {
  var inputShape: TensorShape { TensorShape(Int(batch), Int(channels), Int(height), Int(width)) }
}

/// The gradient by its input of a convolution of images of this size.
func transposedConvolution(
  _ g: Tensor, _ weight: Tensor, _ geometry: ConvolutionGeometry, size: Pair
) -> Tensor {
  apply(
    ConvolutionTranspose2d(geometry: geometry, outputPadding: 0, outputSize: size),
    to: Tensors(g, weight))[0]
}

/// The transposed convolution (also "deconvolution") of feature maps with filters: the gradient of
/// `conv2d` by its input, as an op of its own.
///
/// Each input pixel (i, j) adds the filter times its value to y at (i·stride + p·dilation - top,
/// j·stride + q·dilation - left). The output's height is (H - 1) stride - top - bottom + dilation
/// (kH - 1) + outputPadding + 1, its width likewise.
///
/// - Parameters:
///   - input: feature maps `[N, C, H, W]`.
///   - weight: filters `[C, out / groups, kH, kW]`: the input's channels come first.
///   - bias: one number per output channel, `[out]`. Default: none.
///   - stride: pixels between the places of neighbouring input pixels. Default: 1.
///   - padding: rows and columns cut off the output. With `.same` the output is the input's size
///     times the stride. Default: none.
///   - outputPadding: rows added at the bottom and columns at the right; filters may reach them.
///     Default: 0.
///   - dilation: pixels between neighbouring filter elements. Default: 1.
///   - groups: as in `conv2d`. Default: 1.
/// - Returns: images `[N, out, height, width]`.
/// - Precondition: the filters' first axis is `C`, and `outputPadding` is less than the stride or
///   the dilation, as in PyTorch.
///
/// Zeiler et al., "Deconvolutional networks", 2010.
public func convTranspose2d(
  _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: Pair = 1, padding: Padding2d = 0,
  outputPadding: Pair = 0, dilation: Pair = 1, groups: Int = 1, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  // Places that a window of the convolution back could begin at behind the input's last: pixels of zeros there.
  let behind = placesBehind(input, stride, padding, outputPadding, dilation)
  if behind != 0 {
    let wider = input.padded(
      [(0, 0), (0, 0), (0, behind.height), (0, behind.width)], file: file, line: line)
    return convTranspose2d(
      wider, weight, bias: bias, stride: stride, padding: padding,
      outputPadding: Pair(
        height: outputPadding.height % stride.height, width: outputPadding.width % stride.width),
      dilation: dilation, groups: groups, file: file, line: line)
  }
  let operation = ConvolutionTranspose2d(
    geometry: ConvolutionGeometry(
      window: SlidingWindow(
        size: filterSize(weight), stride: stride, padding: padding, dilation: dilation),
      groups: groups), outputPadding: outputPadding, outputSize: nil)
  let inputs = bias.map { Tensors(input, weight, $0) } ?? Tensors(input, weight)
  return apply(operation, to: inputs, file: file, line: line)[0]
}

/// How often the stride fits into an output padding that only the dilation allows; 0 where the rule has to speak.
func placesBehind(_ added: Int, _ stride: Int, _ dilation: Int) -> Int {
  added >= stride && added < dilation && stride > 0 && dilation <= largestSize
    ? added / stride : 0
}

/// The same for both axes of images.
private func placesBehind(
  _ input: Tensor, _ stride: Pair, _ padding: Padding2d, _ outputPadding: Pair, _ dilation: Pair
) -> Pair {
  if input.rank != 4 || padding.isSame { return 0 }
  return Pair(
    height: placesBehind(outputPadding.height, stride.height, dilation.height),
    width: placesBehind(outputPadding.width, stride.width, dilation.width))
}
