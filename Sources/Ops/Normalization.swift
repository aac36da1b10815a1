import CTapestryKernels
import TapestryGraph

// Normalisation to mean 0 and variance 1, over axes that differ from family to family.

/// y = (x - m) / sqrt(V + epsilon), m and V the mean and the biased variance over `axes`; m and V
/// are results too.
///
/// The backward reads y and V alone, so x need not be kept, and is written with them as results of
/// this node: its own derivatives flow back through their cotangents.
struct Standardize: TensorOperation {
  private static let kept = Kept.outputs(0, 2)
  let axes: [Int]
  let epsilon: Double
  var keeps: Kept { Self.kept }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    let x = inputs.spec(0)
    let set = try AxisSet(axes, rank: x.shape.rank)
    var reduced = x.shape
    for axis in 0..<x.shape.rank where set.contains(axis) { reduced[axis] = 1 }
    return [x, TensorSpec(reduced, x.dtype), TensorSpec(reduced, x.dtype)]
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let set = accepted { () throws(Misuse) in try AxisSet(axes, rank: x.rank) }
    let count = Double(reducedCount(x.shape))
    let mean = x.reduced(TAPESTRY_SUM, along: set).divided(by: count)
    let centred = x.combined(TAPESTRY_SUBTRACT, with: mean)
    let variance = centred.reduced(TAPESTRY_SUM_OF_SQUARES, along: set).divided(by: count)
    let scale = variance.mapped(TAPESTRY_AFFINE, 1, epsilon).mapped(TAPESTRY_POWER, -0.5)
    return Tensors(centred.combined(TAPESTRY_MULTIPLY, with: scale), mean, variance)
  }

  /// How many elements share a mean; at least 1.
  private func reducedCount(_ shape: TensorShape) -> Int {
    var count = 1
    for axis in axes { count *= shape[axis] }
    return max(count, 1)
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let shape = node.inputSpec(0).shape
    let count = Double(reducedCount(shape))
    let y = node.output(0)
    var gradient: Tensor?
    if let g = node.cotangent(0) {
      let scale = pow(node.output(2) + epsilon, -0.5)
      let mean = g.mean(along: axes, keepingDimensions: true)
      let projection = (g * y).mean(along: axes, keepingDimensions: true)
      gradient = (g - mean - y * projection) * scale
    }
    if let g = node.cotangent(1) {
      gradient = sum(gradient, (g / count).broadcast(to: shape))
    }
    if let g = node.cotangent(2) {
      // x - m is y sqrt(V + epsilon).
      gradient = sum(gradient, y * (g * sqrt(node.output(2) + epsilon) * (2 / count)))
    }
    return Tensors(gradient)
  }

  private func sum(_ a: Tensor?, _ b: Tensor) -> Tensor { a.map { $0 + b } ?? b }
}

private func standardized(
  _ x: Tensor, _ axes: [Int], _ epsilon: Double, file: StaticString, line: UInt
) -> Tensors {
  apply(Standardize(axes: axes, epsilon: epsilon), to: Tensors(x), file: file, line: line)
}

/// x · scale + shift, where both are numbers per channel or shaped like the last axes.
private func scaled(_ x: Tensor, _ scale: Tensor?, _ shift: Tensor?, _ shape: TensorShape) -> Tensor
{
  var y = x
  if let scale { y = y * (scale.shape == shape ? scale : scale.reshaped(to: shape)) }
  if let shift { y = y + (shift.shape == shape ? shift : shift.reshaped(to: shape)) }
  return y
}

/// `[1, C, 1, ...]`: a number per channel of an image or a row, to broadcast.
private func channelShape(_ x: TensorShape) -> TensorShape {
  var shape = TensorShape()
  for axis in 0..<x.rank { shape.append(axis == 1 ? x[1] : 1) }
  return shape
}

/// The operands that are there, named.
private func operands(_ all: [(name: String, tensor: Tensor?)]) -> [(name: String, tensor: Tensor)]
{
  all.compactMap { entry in entry.tensor.map { (name: entry.name, tensor: $0) } }
}

private func requireVectors(
  _ vectors: [(name: String, tensor: Tensor)], like x: Tensor, shape: TensorShape, per noun: String
) throws(Misuse) {
  for (name, tensor) in vectors {
    guard tensor.shape == shape else {
      throw Misuse("\(name) needs one number per \(noun), shape \(shape), not \(tensor.shape)")
    }
    guard tensor.dtype == x.dtype else {
      throw Misuse("\(name) is \(tensor.dtype), but the input is \(x.dtype)")
    }
  }
}

/// Each channel normalised over batch and space, then scaled and shifted.
///
/// y = (x - m) / sqrt(V + epsilon) · scale + shift per channel. In training m and V are the mean
/// and the **biased** variance of this batch, gradients flow through both, and the running
/// statistics move: running = (1 - momentum) running + momentum new, the variance recorded being
/// the **unbiased** one. Under ``inference(_:)`` m and V are the running ones, constants. In dry
/// runs and recomputation nothing is written.
///
/// - Parameters:
///   - x: `[N, C, ...]`.
///   - runningMean: `[C]`.
///   - runningVariance: `[C]`.
///   - scale: a factor per channel, `[C]`. Default: 1.
///   - shift: a number per channel, `[C]`. Default: 0.
///   - momentum: the weight of the new batch, in 0 ... 1. Default: 0.1.
///   - epsilon: keeps the root away from 0. Default: 1e-5.
/// - Returns: shaped like `x`.
/// - Precondition: shapes as above; in training more than one value per channel.
///
/// Ioffe and Szegedy, "Batch normalization", 2015; momentum as in PyTorch.
public func batchNorm(
  _ x: Tensor, runningMean: Buffer, runningVariance: Buffer, scale: Tensor? = nil,
  shift: Tensor? = nil, momentum: Double = 0.1, epsilon: Double = 1e-5,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let vectors = operands([
    ("runningMean", runningMean), ("runningVariance", runningVariance), ("scale", scale),
    ("shift", shift),
  ])
  let isTraining = isTraining
  if let refused = refusal(
    of: "batchNorm", [("input", x)] + vectors, file: file, line: line,
    rule: { () throws(Misuse) in
      guard x.rank >= 2 else {
        throw Misuse("the input needs at least 2 axes, [batch, channels, ...], not \(x.rank)")
      }
      try requireSameType(Tensors(x))
      try requireVectors(vectors, like: x, shape: [x.shape[1]], per: "channel")
      guard !isTraining || x.count != x.shape[1] else {
        throw Misuse(
          "one value per channel has no variance to train with; use a larger batch or inference { }"
        )
      }
    })
  {
    return refused
  }
  let shape = channelShape(x.shape)
  guard isTraining else {
    let mean = (runningMean as Tensor).reshaped(to: shape)
    let factor = pow(runningVariance + epsilon, -0.5).reshaped(to: shape)
    return scaled((x - mean) * factor, scale, shift, shape)
  }
  let axes = (0..<x.rank).filter { $0 != 1 }
  let results = standardized(x, axes, epsilon, file: file, line: line)
  let count = Double(x.count / max(x.shape[1], 1))
  update(runningMean, results[1], momentum)
  update(runningVariance, results[2], momentum, factor: count / (count - 1))
  return scaled(results[0], scale, shift, shape)
}

/// running = (1 - momentum) running + momentum · factor · new.
private func update(_ running: Buffer, _ new: Tensor, _ momentum: Double, factor: Double = 1) {
  let old = running.value
  if new.isPlaceholder { return }
  let flat = new.detached().sharing(old.shape)
  let value = flat.dtype == old.dtype ? flat : flat.converted(to: old.dtype)
  running.value = withoutGradients { old * (1 - momentum) + value * (momentum * factor) }
}

/// Each sample normalised over its last axes, then scaled and shifted.
///
/// y = (x - m) / sqrt(V + epsilon) · scale + shift with mean and biased variance over the last
/// axes.
///
/// - Parameters:
///   - x: `[..., normalizedShape]`.
///   - normalizedShape: the sizes of the axes that share a mean.
///   - scale: factors, `normalizedShape`. Default: 1.
///   - shift: `normalizedShape`. Default: 0.
///   - epsilon: keeps the root away from 0. Default: 1e-5.
/// - Returns: shaped like `x`.
/// - Precondition: the last axes of `x` are `normalizedShape`, at least one.
///
/// Ba, Kiros, Hinton, "Layer normalization", 2016.
public func layerNorm(
  _ x: Tensor, normalizedShape: TensorShape, scale: Tensor? = nil, shift: Tensor? = nil,
  epsilon: Double = 1e-5, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let vectors = operands([("scale", scale), ("shift", shift)])
  let first = x.rank - normalizedShape.rank
  if let refused = refusal(
    of: "layerNorm", [("input", x)] + vectors, file: file, line: line,
    rule: { () throws(Misuse) in
      guard normalizedShape.rank > 0, first >= 0,
        x.shape.dropFirst(first).elementsEqual(normalizedShape)
      else { throw Misuse("the input \(x.shape) does not end in \(normalizedShape)") }
      try requireSameType(Tensors(x))
      try requireVectors(vectors, like: x, shape: normalizedShape, per: "element")
    })
  {
    return refused
  }
  let y = standardized(x, Array(first..<x.rank), epsilon, file: file, line: line)[0]
  return scaled(y, scale, shift, normalizedShape)
}

/// Each sample normalised over groups of channels and space, then scaled and shifted per channel.
///
/// - Parameters:
///   - x: `[N, C, ...]`.
///   - groups: into how many groups of consecutive channels each sample is split; `C` is instance
///     normalisation.
///   - scale: a factor per channel, `[C]`. Default: 1.
///   - shift: a number per channel, `[C]`. Default: 0.
///   - epsilon: keeps the root away from 0. Default: 1e-5.
/// - Returns: shaped like `x`.
/// - Precondition: `groups` divides the channels.
///
/// Wu and He, "Group normalization", 2018.
public func groupNorm(
  _ x: Tensor, groups: Int, scale: Tensor? = nil, shift: Tensor? = nil, epsilon: Double = 1e-5,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let vectors = operands([("scale", scale), ("shift", shift)])
  if let refused = refusal(
    of: "groupNorm", [("input", x)] + vectors, file: file, line: line,
    rule: { () throws(Misuse) in
      guard x.rank >= 2 else {
        throw Misuse("the input needs at least 2 axes, [batch, channels, ...], not \(x.rank)")
      }
      guard groups > 0, x.shape[1] % groups == 0 else {
        throw Misuse("\(counted(x.shape[1], "channel")) cannot be split into \(groups) groups")
      }
      try requireSameType(Tensors(x))
      try requireVectors(vectors, like: x, shape: [x.shape[1]], per: "channel")
    })
  {
    return refused
  }
  let perGroup = x.count / max(x.shape[0] * groups, 1)
  let rows = x.reshaped(to: [x.shape[0], groups, perGroup], file: file, line: line)
  let y = standardized(rows, [2], epsilon, file: file, line: line)[0]
  return scaled(y.reshaped(to: x.shape), scale, shift, channelShape(x.shape))
}
