import TapestryGraph

/// The transpose of a convolution along one axis: that of images one row high.
struct ConvolutionTranspose1d: TensorOperation {
  static var name: String { "convTranspose1d" }
  static var inputNames: [String] { ["input", "weight", "bias"] }
  private static let kept = Kept.inputs(0, 1)
  let geometry: ConvolutionGeometry
  let outputPadding: Int

  var keeps: Kept { Self.kept }
  var label: String { geometry.label }

  /// The same of images.
  var imageOperation: ConvolutionTranspose2d {
    ConvolutionTranspose2d(
      geometry: geometry, outputPadding: Pair(height: 0, width: outputPadding), outputSize: nil)
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (x, weight) = (inputs.spec(0).shape, inputs.spec(1).shape)
    guard x.rank == 3 else {
      throw Misuse("the input needs 3 axes, [batch, channels, length], not \(x.rank)")
    }
    guard weight.rank == 3 else {
      throw Misuse(
        "the weight needs 3 axes, [channels, outputs / groups, length], not \(weight.rank)")
    }
    let problem = try imageOperation.convolution(x.asImage, weight.asImage)
    try requireSameType(inputs)
    try requireBias(inputs, channels: Int(problem.channels))
    return Specs(
      try TensorShape(checked: [x[0], Int(problem.channels), Int(problem.width)]),
      inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors, _ specs: borrowing Specs) -> Tensors {
    let (x, weight) = (inputs[0], inputs[1])
    var operands = Tensors(x.sharing(x.shape.asImage), weight.sharing(weight.shape.asImage))
    if let bias = inputs.at(2) { operands.append(bias) }
    return Tensors(imageOperation.forward(operands)[0].sharing(specs[0].shape))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (input, weight) = (node.inputSpec(0).shape, node.inputSpec(1).shape)
    let output = node.outputSpec().shape.asImage
    let g = node.cotangent.reshaped(to: output)
    let geometry = geometry.resolved(for: output)
    return Tensors(
      node.needs(0)
        ? apply(
          Convolution2d(geometry: geometry),
          to: Tensors(g, node.input(1).reshaped(to: weight.asImage)))[0].reshaped(to: input) : nil,
      node.needs(1)
        ? weightGradient(g, node.input(0).reshaped(to: input.asImage), geometry)
          .reshaped(to: weight) : nil,
      node.inputCount > 2 && node.needs(2) ? channelSum(g) : nil)
  }

  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    guard outputs[0].shape.rank == 3, inputs[1].rank == 3 else {
      return OperationCost(arithmetic: 0, bytes: 0)
    }
    return convolutionCost(
      geometry, outputs[0].shape.asImage, inputs.spec(1).shape.asImage, inputs, outputs)
  }
}

extension TensorShape {
  /// `[a, b, c]` as `[a, b, 1, c]`.
  var asImage: TensorShape { TensorShape(self[0], self[1], 1, self[2]) }
}

/// The transposed convolution of signals with filters: the gradient of `conv1d` by its input, as an op of its own.
///
/// Each input sample i adds the filter times its value to y at i·stride + p·dilation - before.
///
/// - Parameters:
///   - input: signals `[N, C, L]`.
///   - weight: filters `[C, out / groups, k]`: the input's channels come first.
///   - bias: one number per output channel, `[out]`. Default: none.
///   - stride: samples between the places of neighbouring input samples. Default: 1.
///   - padding: samples cut off the output's ends. With `.same` the output is the input's length times the stride.
///     Default: none.
///   - outputPadding: samples added at the end; filters may reach them. Default: 0.
///   - dilation: samples between neighbouring filter elements. Default: 1.
///   - groups: as in `conv2d`. Default: 1.
/// - Returns: `[N, out, (L - 1) stride - before - after + dilation (k - 1) + outputPadding + 1]`.
/// - Precondition: the filters' first axis is `C`, and `outputPadding` is less than the stride or the dilation, as in
///   PyTorch.
public func convTranspose1d(
  _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Padding1d = 0,
  outputPadding: Int = 0, dilation: Int = 1, groups: Int = 1, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  var (input, outputPadding) = (input, outputPadding)
  let behind =
    input.rank != 3 || padding.rows.isSame ? 0 : placesBehind(outputPadding, stride, dilation)
  if behind > 0 {
    input = input.padded([(0, 0), (0, 0), (0, behind)], file: file, line: line)
    outputPadding %= stride
  }
  let length = weight.rank == 3 ? weight.shape[2] : 1
  let operation = ConvolutionTranspose1d(
    geometry: ConvolutionGeometry(
      window: SlidingWindow(
        size: Pair(height: 1, width: length), stride: Pair(height: 1, width: stride),
        padding: padding.rows, dilation: Pair(height: 1, width: dilation)), groups: groups),
    outputPadding: outputPadding)
  let inputs = bias.map { Tensors(input, weight, $0) } ?? Tensors(input, weight)
  return apply(operation, to: inputs, file: file, line: line)[0]
}
