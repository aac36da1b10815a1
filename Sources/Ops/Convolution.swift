import CTapestryKernels
import TapestryGraph

// Two-dimensional convolution and its two transposes. Each of the three ops is linear in either
// operand, and their derivatives are one another, so derivatives of every order close within this
// file.

/// What fixes a convolution besides its operands.
struct ConvolutionGeometry: Hashable, Sendable {
  var window: SlidingWindow
  var groups: Int

  /// The kernels' description of the convolution of an image of shape `input` with filters of shape
  /// `weight`.
  func problem(input: TensorShape, weight: TensorShape) throws(Misuse) -> tapestry_convolution {
    guard input.rank == 4 else {
      throw Misuse("the input needs 4 axes, [batch, channels, height, width], not \(input.rank)")
    }
    guard weight.rank == 4 else {
      throw Misuse(
        "the weight needs 4 axes, [filters, channels / groups, height, width], not \(weight.rank)")
    }
    guard weight[0] > 0 else { throw Misuse("there are no filters: the weight is \(weight)") }
    guard groups > 0, weight[0] % groups == 0 else {
      throw Misuse("\(weight[0]) filters cannot be split into \(groups) groups")
    }
    // In range: the groups are no more than the filters.
    guard input[1] == weight[1] * groups else {
      throw Misuse(
        "input has \(counted(input[1], "channel")), but the filters expect \(weight[1] * groups) (groups \(groups))"
      )
    }
    let place = try window.placement(height: input[2], width: input[3], noun: "filter")
    _ = try TensorShape(checked: input[0], weight[0], place.outputHeight, place.outputWidth)
    // Kernels copy images with the padding around them, and may round rows up.
    let sides = place.sides
    _ = try TensorShape(
      checked: input[0], input[1],
      try checkedSum([input[2], sides.top, sides.bottom], "the padded height"),
      try checkedSum([input[3], sides.left, sides.right], "the padded width"))
    return tapestry_convolution(
      batch: Int64(input[0]), channels: Int64(input[1]), height: Int64(input[2]),
      width: Int64(input[3]), filters: Int64(weight[0]), kernel_height: Int64(weight[2]),
      kernel_width: Int64(weight[3]), output_height: Int64(place.outputHeight),
      output_width: Int64(place.outputWidth),
      stride_height: Int64(
        SlidingWindow.Placement.effectiveStride(
          window.stride.height, outputs: place.outputHeight)),
      stride_width: Int64(
        SlidingWindow.Placement.effectiveStride(window.stride.width, outputs: place.outputWidth)),
      top: Int64(place.sides.top),
      left: Int64(place.sides.left), bottom: Int64(place.sides.bottom),
      right: Int64(place.sides.right), dilation_height: Int64(window.dilation.height),
      dilation_width: Int64(window.dilation.width), groups: Int64(groups))
  }

  /// The same geometry with its padding in numbers, fixed for images of this shape.
  func resolved(for input: TensorShape) -> ConvolutionGeometry {
    guard window.padding.isSame else { return self }
    var geometry = self
    // The shape rule has accepted this image before.
    if let place = try? window.placement(height: input[2], width: input[3], noun: "filter") {
      geometry.window.padding = Padding2d(place.sides)
    }
    return geometry
  }

  /// `5x5, stride 2, groups 2`
  var label: String { window.description + (groups == 1 ? "" : ", groups \(groups)") }
}

/// `1 channel`, `3 channels`
func counted(_ count: Int, _ noun: String, _ plural: String? = nil) -> String {
  "\(count) \(count == 1 ? noun : plural ?? noun + "s")"
}

extension tapestry_convolution {
  var outputShape: TensorShape {
    TensorShape(Int(batch), Int(filters), Int(output_height), Int(output_width))
  }

  /// The products of a pixel and a weight, padding included.
  var multiplyAccumulates: Int {
    Int(
      batch * filters * output_height * output_width * (channels / groups) * kernel_height
        * kernel_width)
  }
}

/// A bias has one number per channel of the output.
func requireBias(_ inputs: borrowing Tensors, channels: Int) throws(Misuse) {
  guard inputs.count > 2 else { return }
  let shape = inputs.spec(2).shape
  guard shape.rank == 1, shape[0] == channels else {
    throw Misuse("the bias needs one number per output channel, shape [\(channels)], not \(shape)")
  }
}

/// y = x * weight (+ bias): cross-correlation.
struct Convolution2d: TensorOperation {
  static var name: String { "conv2d" }
  static var inputNames: [String] { ["input", "weight", "bias"] }
  private static let kept = Kept.inputs(0, 1)
  let geometry: ConvolutionGeometry

  var keeps: Kept { Self.kept }
  var label: String { geometry.label }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let problem = try geometry.problem(input: inputs.spec(0).shape, weight: inputs.spec(1).shape)
    try requireSameType(inputs)
    try requireBias(inputs, channels: Int(problem.filters))
    return Specs(problem.outputShape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, weight, bias) = (inputs[0], inputs[1], inputs.at(2))
    var problem = accepted { () throws(Misuse) in
      try geometry.problem(input: x.shape, weight: weight.shape)
    }
    return Tensors(
      Tensor(problem.outputShape, x.dtype) { y in
        withMemory(x, weight, bias ?? weight) { x, w, b in
          var epilogue = tapestry_convolution_epilogue()
          epilogue.bias = bias == nil ? nil : b
          tapestry_convolution_forward(inputs.spec(0).dtype.code, &problem, x, w, &epilogue, y)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    let input = node.inputSpec(0).shape
    let geometry = geometry.resolved(for: input)
    return Tensors(
      node.needs(0)
        ? transposedConvolution(
          g, node.input(1), geometry, size: Pair(height: input[2], width: input[3])) : nil,
      node.needs(1) ? weightGradient(node.input(0), g, geometry) : nil,
      node.inputCount > 2 && node.needs(2) ? channelSum(g) : nil)
  }

  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    convolutionCost(geometry, inputs.spec(0).shape, inputs.spec(1).shape, inputs, outputs)
  }
}

extension Convolution2d: SpatialOperation {
  package func spatialReading(of input: TensorShape) -> SpatialReading {
    .reading(geometry.window, input)
  }
}

/// The arithmetic of the convolution of such operands; bytes as by default.
func convolutionCost(
  _ geometry: ConvolutionGeometry, _ input: TensorShape, _ weight: TensorShape,
  _ inputs: borrowing Tensors, _ outputs: borrowing Specs
) -> OperationCost {
  let problem = try? geometry.problem(input: input, weight: weight)
  return productCost(problem?.multiplyAccumulates ?? 0, inputs, outputs)
}

/// The cost of an op that does nothing but multiply and add up.
func productCost(
  _ multiplyAccumulates: Int, _ inputs: borrowing Tensors, _ outputs: borrowing Specs
) -> OperationCost {
  OperationCost(
    arithmetic: 2 * multiplyAccumulates, bytes: trafficBytes(inputs, outputs),
    multiplyAccumulates: multiplyAccumulates)
}

/// Every input and output byte once.
func trafficBytes(_ inputs: borrowing Tensors, _ outputs: borrowing Specs) -> Int {
  var bytes = 0
  for index in 0..<inputs.count { bytes += inputs[index].spec.byteCount }
  for index in 0..<outputs.count { bytes += outputs[index].byteCount }
  return bytes
}

/// The gradient of a convolution by its weight: for each filter element the sum over all pixels
/// that it meets of x g.
struct Convolution2dWeightGradient: TensorOperation {
  static var name: String { "conv2dWeightGradient" }
  static var inputNames: [String] { ["input", "cotangent"] }
  let geometry: ConvolutionGeometry

  var label: String { geometry.label }

  private func weightShape(_ x: TensorShape, _ g: TensorShape) throws(Misuse) -> TensorShape {
    guard x.rank == 4, g.rank == 4, geometry.groups > 0 else {
      throw Misuse("input and cotangent need 4 axes, not \(x.rank) and \(g.rank)")
    }
    return try TensorShape(
      checked: g[1], x[1] / geometry.groups, geometry.window.size.height,
      geometry.window.size.width)
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (x, g) = (inputs.spec(0).shape, inputs.spec(1).shape)
    let weight = try weightShape(x, g)
    let problem = try geometry.problem(input: x, weight: weight)
    try requireSameType(inputs)
    guard g == problem.outputShape else {
      throw Misuse(
        "the cotangent has shape \(g), but the convolution's output is \(problem.outputShape)")
    }
    return Specs(weight, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, g) = (inputs[0], inputs[1])
    let shape = accepted { () throws(Misuse) in try weightShape(x.shape, g.shape) }
    var problem = accepted { () throws(Misuse) in
      try geometry.problem(input: x.shape, weight: shape)
    }
    return Tensors(
      Tensor(shape, x.dtype) { gw in
        withMemory(x, g) { x, g in
          tapestry_convolution_weight_gradient(inputs.spec(0).dtype.code, &problem, x, g, gw)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let h = node.cotangent
    let input = node.inputSpec(0).shape
    let geometry = geometry.resolved(for: input)
    return Tensors(
      node.needs(0)
        ? transposedConvolution(
          node.input(1), h, geometry, size: Pair(height: input[2], width: input[3])) : nil,
      node.needs(1)
        ? apply(Convolution2d(geometry: geometry), to: Tensors(node.input(0), h))[0] : nil)
  }

  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    convolutionCost(geometry, inputs.spec(0).shape, outputs[0].shape, inputs, outputs)
  }
}

func weightGradient(_ x: Tensor, _ g: Tensor, _ geometry: ConvolutionGeometry) -> Tensor {
  apply(Convolution2dWeightGradient(geometry: geometry), to: Tensors(x, g))[0]
}

/// y[c] = Σ x[n, c, i, j]: the gradient of a bias per channel.
struct ChannelSum: TensorOperation {
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs[0].rank == 4 else { throw Misuse("needs 4 axes, not \(inputs[0].rank)") }
    try requireSameType(inputs)
    return Specs(TensorShape([inputs.spec(0).shape[1]]), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    var problem = tapestry_convolution()
    problem.batch = Int64(x.shape[0])
    problem.filters = Int64(x.shape[1])
    problem.output_height = Int64(x.shape[2])
    problem.output_width = Int64(x.shape[3])
    return Tensors(
      Tensor(TensorShape([x.shape[1]]), x.dtype) { y in
        x.withMemory { tapestry_convolution_bias_gradient(x.dtype.code, &problem, $0, y) }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let shape = node.inputSpec(0).shape
    return Tensors(
      node.cotangent.reshaped(to: TensorShape(1, shape[1], 1, 1)).broadcast(to: shape))
  }
}

func channelSum(_ x: Tensor) -> Tensor { apply(ChannelSum(), to: Tensors(x))[0] }

/// The two-dimensional convolution of images with filters, which are not flipped
/// (cross-correlation).
///
/// y[n, o, i, j] = bias[o] + Σ over c, p, q of weight[o, c, p, q] · x[n, c', i·stride + p·dilation
/// - top, j·stride + q·dilation - left], c' being the c-th channel of o's group. The output's
/// height is floor((H + top + bottom - dilation (kH - 1) - 1) / stride) + 1, its width likewise.
///
/// - Parameters:
///   - input: images `[N, C, H, W]`.
///   - weight: filters `[out, C / groups, kH, kW]`.
///   - bias: one number per filter, `[out]`. Default: none.
///   - stride: pixels between neighbouring windows, one number or `[height, width]`. Default: 1.
///   - padding: zeros around the image. Default: none.
///   - dilation: pixels between neighbouring filter elements. Default: 1.
///   - groups: channels and filters are split into so many consecutive groups that do not see one
///     another; `C` for a depthwise convolution. Default: 1.
/// - Returns: feature maps `[N, out, height, width]`.
/// - Precondition: the filters' channels are the input's divided by `groups`, and the dilated
///   filter fits into the padded image.
///
/// LeCun et al., "Gradient-based learning applied to document recognition", 1998; groups as in
/// Krizhevsky et al., 2012; dilation: Yu and Koltun, 2015.
public func conv2d(
  _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: Pair = 1, padding: Padding2d = 0,
  dilation: Pair = 1, groups: Int = 1, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let operation = Convolution2d(
    geometry: ConvolutionGeometry(
      window: SlidingWindow(
        size: filterSize(weight), stride: stride, padding: padding, dilation: dilation),
      groups: groups))
  let inputs = bias.map { Tensors(input, weight, $0) } ?? Tensors(input, weight)
  return apply(operation, to: inputs, file: file, line: line)[0]
}

/// Height and width of the filters; the shape rule refuses a weight that has none.
func filterSize(_ weight: Tensor) -> Pair {
  let shape = weight.shape
  return shape.rank == 4 ? Pair(height: shape[2], width: shape[3]) : 1
}
