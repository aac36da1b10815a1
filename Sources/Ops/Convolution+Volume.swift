import TapestryGraph

// Three-dimensional convolution: a two-dimensional one of images whose channels are the planes that a filter sees. The
// filters [out, C / groups, kD, kH, kW] are those of the images, [out, C / groups kD, kH, kW], as they lie in memory.

/// What fixes a three-dimensional convolution besides its operands.
struct VolumeConvolutionGeometry: Hashable, Sendable {
  var window: SlidingWindow3d
  var groups: Int

  /// `3x3x3, stride 2, groups 2`
  var label: String { window.description + (groups == 1 ? "" : ", groups \(groups)") }

  /// How volumes of shape `input` meet filters of shape `weight`.
  func plan(input: TensorShape, weight: TensorShape) throws(Misuse) -> VolumeConvolutionPlan {
    guard input.rank == 5 else {
      throw Misuse(
        "the input needs 5 axes, [batch, channels, depth, height, width], not \(input.rank)")
    }
    guard weight.rank == 5 else {
      throw Misuse(
        "the weight needs 5 axes, [filters, channels / groups, depth, height, width], not \(weight.rank)"
      )
    }
    guard groups > 0, weight[0] % groups == 0, weight[0] > 0 else {
      throw Misuse("\(weight[0]) filters cannot be split into \(groups) groups")
    }
    // In range: the groups are no more than the filters.
    guard input[1] == weight[1] * groups else {
      throw Misuse(
        "input has \(counted(input[1], "channel")), but the filters expect \(weight[1] * groups) (groups \(groups))"
      )
    }
    let place = try window.placement(in: input, noun: "filter")
    let outputs = place.depth.outputHeight
    let output = try TensorShape(
      checked: [input[0], weight[0], outputs, place.plane.outputHeight, place.plane.outputWidth])
    let taps = DepthTaps(
      taps: weight[2], stride: window.stride.depth, dilation: window.dilation.depth,
      front: place.depth.sides.top, outputs: outputs, size: input[2])
    var plane = window.plane
    plane.padding = Padding2d(place.plane.sides)
    let isFlat =
      window.size == 1 && window.stride == 1 && plane.padding == 0 && outputs == input[2]
    let images: TensorShape
    if isFlat {
      // In range: fewer than the elements of the input.
      images = try TensorShape(checked: input[0], input[1], input[2] * input[3], input[4])
    } else {
      images = try taps.images(input)
    }
    let channels = try checkedProduct(weight[1], weight[2], "the number of planes of a filter")
    let filters = try TensorShape(checked: weight[0], channels, weight[3], weight[4])
    let geometry = ConvolutionGeometry(window: plane, groups: groups)
    let problem = try geometry.problem(input: images, weight: filters)
    return VolumeConvolutionPlan(
      input: input, weight: weight, output: output, taps: taps, isFlat: isFlat, imageShape: images,
      filterShape: filters, geometry: geometry, multiplyAccumulates: problem.multiplyAccumulates)
  }
}

/// A three-dimensional convolution as a two-dimensional one.
struct VolumeConvolutionPlan {
  let input: TensorShape
  let weight: TensorShape
  let output: TensorShape
  let taps: DepthTaps
  /// Whether a filter is one pixel: then planes need not be told apart.
  let isFlat: Bool
  let imageShape: TensorShape
  let filterShape: TensorShape
  let geometry: ConvolutionGeometry
  let multiplyAccumulates: Int

  /// Volumes shaped like the input, as images.
  func images(_ x: Tensor) -> Tensor {
    isFlat ? x.reshaped(to: imageShape) : apply(DepthUnfold(taps: taps), to: Tensors(x))[0]
  }

  /// The transpose of ``images(_:)``.
  func volumes(_ images: Tensor) -> Tensor {
    isFlat
      ? images.reshaped(to: input) : apply(DepthFold(taps: taps), to: Tensors(images))[0]
  }

  func filters(_ weight: Tensor) -> Tensor { weight.reshaped(to: filterShape) }

  /// Volumes shaped like the output, as the images that the two-dimensional convolution makes.
  func outputImages(_ y: Tensor) -> Tensor {
    let s = output
    if isFlat { return y.reshaped(to: [s[0], s[1], s[2] * s[3], s[4]]) }
    return y.reshaped(to: s.columns).transposed([0, 2, 1, 3])
      .reshaped(to: [s[0] * s[2], s[1], s[3], s[4]])
  }

  /// The inverse of ``outputImages(_:)``.
  func outputVolumes(_ images: Tensor) -> Tensor {
    let s = output
    if isFlat { return images.reshaped(to: s) }
    return images.reshaped(to: [s[0], s[2], s[1], s[3] * s[4]]).transposed([0, 2, 1, 3])
      .reshaped(to: s)
  }

  /// Σ over the filters' outputs: images of the output to images of the input.
  func transposed(_ outputImages: Tensor, _ filters: Tensor) -> Tensor {
    transposedConvolution(
      outputImages, filters, geometry, size: Pair(height: imageShape[2], width: imageShape[3]))
  }

  func convolved(_ images: Tensor, _ filters: Tensor, bias: Tensor? = nil) -> Tensor {
    let operands = bias.map { Tensors(images, filters, $0) } ?? Tensors(images, filters)
    return apply(Convolution2d(geometry: geometry), to: operands)[0]
  }
}

/// y = x * weight (+ bias): cross-correlation of volumes.
struct Convolution3d: TensorOperation {
  static var name: String { "conv3d" }
  static var inputNames: [String] { ["input", "weight", "bias"] }
  private static let kept = Kept.inputs(0, 1)
  let geometry: VolumeConvolutionGeometry

  var keeps: Kept { Self.kept }
  var label: String { geometry.label }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let plan = try geometry.plan(input: inputs.spec(0).shape, weight: inputs.spec(1).shape)
    try requireSameType(inputs)
    try requireBias(inputs, channels: plan.output[1])
    return Specs(plan.output, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, weight, bias) = (inputs[0], inputs[1], inputs.at(2))
    let plan = accepted { () throws(Misuse) in
      try geometry.plan(input: x.shape, weight: weight.shape)
    }
    return withoutGradients {
      let y = plan.convolved(plan.images(x), plan.filters(weight), bias: bias)
      return Tensors(plan.outputVolumes(y))
    }
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (input, weight) = (node.inputSpec(0).shape, node.inputSpec(1).shape)
    let plan = accepted { () throws(Misuse) in try geometry.plan(input: input, weight: weight) }
    let g = plan.outputImages(node.cotangent)
    return Tensors(
      node.needs(0)
        ? plan.volumes(plan.transposed(g, plan.filters(node.input(1)))) : nil,
      node.needs(1)
        ? weightGradient(plan.images(node.input(0)), g, plan.geometry).reshaped(to: weight) : nil,
      node.inputCount > 2 && node.needs(2) ? channelSum(g) : nil)
  }

  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    let plan = try? geometry.plan(input: inputs.spec(0).shape, weight: inputs.spec(1).shape)
    return productCost(plan?.multiplyAccumulates ?? 0, inputs, outputs)
  }
}

/// The convolution of volumes with filters, which are not flipped (cross-correlation).
///
/// y[n, o, z, i, j] = bias[o] + Σ over c, r, p, q of weight[o, c, r, p, q] · x[n, c', z·stride + r·dilation - front,
/// i·stride + p·dilation - top, j·stride + q·dilation - left], c' being the c-th channel of o's group. Sizes are as by
/// `conv2d`. It is computed as a two-dimensional convolution of images whose channels are the planes that a filter
/// sees, a copy of the input as large as the filters are deep.
///
/// - Parameters:
///   - input: volumes `[N, C, D, H, W]`.
///   - weight: filters `[out, C / groups, kD, kH, kW]`.
///   - bias: one number per filter, `[out]`. Default: none.
///   - stride: voxels between neighbouring windows, one number or `[depth, height, width]`. Default: 1.
///   - padding: zeros around the volume. Default: none.
///   - dilation: voxels between neighbouring filter elements. Default: 1.
///   - groups: as in `conv2d`. Default: 1.
/// - Returns: feature volumes `[N, out, depth, height, width]`.
/// - Precondition: the filters' channels are the input's divided by `groups`, and the dilated filter fits into the
///   padded volume.
///
/// Ji, Xu, Yang, Yu, "3D convolutional neural networks for human action recognition", 2010.
public func conv3d(
  _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: Triple = 1,
  padding: Padding3d = 0, dilation: Triple = 1, groups: Int = 1, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  let operation = Convolution3d(
    geometry: VolumeConvolutionGeometry(
      window: SlidingWindow3d(
        size: filterSize3d(weight), stride: stride, padding: padding, dilation: dilation),
      groups: groups))
  let inputs = bias.map { Tensors(input, weight, $0) } ?? Tensors(input, weight)
  return apply(operation, to: inputs, file: file, line: line)[0]
}

/// Depth, height and width of the filters; the shape rule refuses a weight that has none.
func filterSize3d(_ weight: Tensor) -> Triple {
  let shape = weight.shape
  return shape.rank == 5 ? Triple(depth: shape[2], height: shape[3], width: shape[4]) : 1
}
