import CTapestryKernels
import TapestryGraph

/// The transpose of a convolution of volumes: every voxel of x adds the filter times its value to the output.
struct ConvolutionTranspose3d: TensorOperation {
  static var name: String { "convTranspose3d" }
  static var inputNames: [String] { ["input", "weight", "bias"] }
  private static let kept = Kept.inputs(0, 1)
  /// The geometry of the convolution that leads from the output to the input.
  let geometry: VolumeConvolutionGeometry
  let outputPadding: Triple

  var keeps: Kept { Self.kept }
  var label: String { geometry.label }

  /// The convolution from the output back to the input.
  private func plan(_ x: TensorShape, _ weight: TensorShape) throws(Misuse) -> VolumeConvolutionPlan
  {
    guard x.rank == 5 else {
      throw Misuse(
        "the input needs 5 axes, [batch, channels, depth, height, width], not \(x.rank)")
    }
    guard weight.rank == 5 else {
      throw Misuse(
        "the weight needs 5 axes, [channels, outputs / groups, depth, height, width], not \(weight.rank)"
      )
    }
    guard x[1] == weight[0] else {
      throw Misuse("input has \(counted(x[1], "channel")), but the filters expect \(weight[0])")
    }
    let size = try computedSize(x)
    let channels = try checkedProduct(
      weight[1], max(geometry.groups, 1), "the number of output channels")
    let output = try TensorShape(checked: [x[0], channels, size.depth, size.height, size.width])
    let plan = try geometry.plan(input: output, weight: weight)
    guard plan.output == x else {
      throw Misuse("an output of \(size) belongs to an input \(plan.output), not \(x)")
    }
    return plan
  }

  private func computedSize(_ x: TensorShape) throws(Misuse) -> Triple {
    let window = geometry.window
    try window.requireSizes()
    let (stride, dilation, added) = (window.stride, window.dilation, outputPadding)
    guard min(added.depth, added.height, added.width) >= 0,
      added.depth < max(stride.depth, dilation.depth),
      added.height < max(stride.height, dilation.height),
      added.width < max(stride.width, dilation.width)
    else {
      throw Misuse(
        "outputPadding \(added) must be at least 0 and smaller than the stride \(stride)"
          + " or the dilation \(dilation)")
    }
    guard x[2] > 0, x[3] > 0, x[4] > 0 else { throw Misuse("the input has no voxels") }
    if window.padding.plane.isSame {
      // In range: a product of two sizes.
      return Triple(
        depth: x[2] * stride.depth, height: x[3] * stride.height, width: x[4] * stride.width)
    }
    let (padding, sides) = (window.padding, window.padding.plane.sides)
    // In range: two products of two sizes, and three sizes.
    let size = Triple(
      depth: (x[2] - 1) * stride.depth - padding.front - padding.back + window.depth.extent.height
        + added.depth,
      height: (x[3] - 1) * stride.height - sides.top - sides.bottom + window.plane.extent.height
        + added.height,
      width: (x[4] - 1) * stride.width - sides.left - sides.right + window.plane.extent.width
        + added.width)
    guard min(size.depth, size.height, size.width) > 0 else {
      throw Misuse(
        "nothing is left of the output: with padding \(window.padding) its size is \(size)")
    }
    return size
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let plan = try self.plan(inputs.spec(0).shape, inputs.spec(1).shape)
    try requireSameType(inputs)
    try requireBias(inputs, channels: plan.input[1])
    return Specs(plan.input, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, weight) = (inputs[0], inputs[1])
    let plan = accepted { () throws(Misuse) in try self.plan(x.shape, weight.shape) }
    let product = withoutGradients {
      plan.volumes(plan.transposed(plan.outputImages(x), plan.filters(weight)))
    }
    guard let bias = inputs.at(2) else { return Tensors(product) }
    let perChannel = bias.sharing([1, bias.count, 1, 1, 1])
    return Tensors(product.combined(TAPESTRY_ADD, with: perChannel))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (input, weight) = (node.inputSpec(0).shape, node.inputSpec(1).shape)
    let plan = accepted { () throws(Misuse) in try self.plan(input, weight) }
    let g = plan.images(node.cotangent)
    let bias =
      node.inputCount > 2 && node.needs(2)
      ? channelSum(node.cotangent.reshaped(to: plan.input.columns)) : nil
    return Tensors(
      node.needs(0) ? plan.outputVolumes(plan.convolved(g, plan.filters(node.input(1)))) : nil,
      node.needs(1)
        ? weightGradient(g, plan.outputImages(node.input(0)), plan.geometry).reshaped(to: weight)
        : nil, bias)
  }

  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    let plan = try? self.plan(inputs.spec(0).shape, inputs.spec(1).shape)
    return productCost(plan?.multiplyAccumulates ?? 0, inputs, outputs)
  }
}

/// The transposed convolution (also "deconvolution") of feature volumes with filters.
///
/// Each input voxel (z, i, j) adds the filter times its value to y at (z·stride + r·dilation - front, i·stride +
/// p·dilation - top, j·stride + q·dilation - left). Each size of the output is (size - 1) stride - padding on both
/// sides + dilation (k - 1) + outputPadding + 1.
///
/// - Parameters:
///   - input: feature volumes `[N, C, D, H, W]`.
///   - weight: filters `[C, out / groups, kD, kH, kW]`: the input's channels come first.
///   - bias: one number per output channel, `[out]`. Default: none.
///   - stride: voxels between the places of neighbouring input voxels. Default: 1.
///   - padding: what is cut off the output. With `.same` the output is the input's size times the stride. Default:
///     none.
///   - outputPadding: planes added behind, rows at the bottom and columns at the right; filters may reach them.
///     Default: 0.
///   - dilation: voxels between neighbouring filter elements. Default: 1.
///   - groups: as in `conv2d`. Default: 1.
/// - Returns: volumes `[N, out, depth, height, width]`.
/// - Precondition: the filters' first axis is `C`, and `outputPadding` is less than the stride or the dilation, as in
///   PyTorch.
public func convTranspose3d(
  _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: Triple = 1,
  padding: Padding3d = 0, outputPadding: Triple = 0, dilation: Triple = 1, groups: Int = 1,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  var (input, outputPadding) = (input, outputPadding)
  // As for images: places that a window of the convolution back could begin at behind the input's last.
  if input.rank == 5, !padding.plane.isSame {
    let behind = Triple(
      depth: placesBehind(outputPadding.depth, stride.depth, dilation.depth),
      height: placesBehind(outputPadding.height, stride.height, dilation.height),
      width: placesBehind(outputPadding.width, stride.width, dilation.width))
    if behind != 0 {
      input = input.padded(
        [(0, 0), (0, 0), (0, behind.depth), (0, behind.height), (0, behind.width)], file: file,
        line: line)
      outputPadding.depth -= behind.depth * stride.depth
      outputPadding.height -= behind.height * stride.height
      outputPadding.width -= behind.width * stride.width
    }
  }
  let operation = ConvolutionTranspose3d(
    geometry: VolumeConvolutionGeometry(
      window: SlidingWindow3d(
        size: filterSize3d(weight), stride: stride, padding: padding, dilation: dilation),
      groups: groups), outputPadding: outputPadding)
  let inputs = bias.map { Tensors(input, weight, $0) } ?? Tensors(input, weight)
  return apply(operation, to: inputs, file: file, line: line)[0]
}
