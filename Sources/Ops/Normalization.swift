import CTapestryKernels
import TapestryGraph

// Normalisation to mean 0 and variance 1, over axes that differ from family to family.

/// `scale` and `shift`, or ones and zeros in their places.
func affineOperands(
  _ x: Tensor, _ scale: Tensor?, _ shift: Tensor?, _ shape: TensorShape
) -> Tensors {
  Tensors(
    x, scale ?? .ones([shape.elementCount], dtype: x.dtype),
    shift ?? .zeros([shape.elementCount], dtype: x.dtype))
}

/// The operands that are there, named.
func namedOperands(_ all: [(name: String, tensor: Tensor?)]) -> [(name: String, tensor: Tensor)] {
  all.compactMap { entry in entry.tensor.map { (name: entry.name, tensor: $0) } }
}

func requireVectors(
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
/// the **unbiased** one; a batch without images leaves them as they are. Under `inference(_:)` m and V are the running ones, constants. In dry
/// runs and recomputation nothing is written.
///
/// With `relu` the result is max(y, 0), and with an addend besides max(y + addend, 0), the end of a
/// residual block: the same values as `relu(batchNorm(...) + addend)`, but memory is passed over
/// once instead of three times, and the gradient's as often as without.
///
/// - Parameters:
///   - x: `[N, C, ...]`.
///   - runningMean: `[C]`.
///   - runningVariance: `[C]`.
///   - scale: a factor per channel, `[C]`. Default: 1.
///   - shift: a number per channel, `[C]`. Default: 0.
///   - momentum: the weight of the new batch, in 0 ... 1. Default: 0.1.
///   - epsilon: keeps the root away from 0. Default: 1e-5.
///   - addend: is added to y, shaped like `x`. Default: none.
///   - relu: whether negative results become 0. Default: `false`.
/// - Returns: shaped like `x`.
/// - Precondition: shapes as above; in training more than one value per channel.
///
/// Ioffe and Szegedy, "Batch normalization", 2015; momentum as in PyTorch.
public func batchNorm(
  _ x: Tensor, runningMean: Buffer, runningVariance: Buffer, scale: Tensor? = nil,
  shift: Tensor? = nil, momentum: Double = 0.1, epsilon: Double = 1e-5,
  adding addend: Tensor? = nil, relu: Bool = false,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let addend, !relu {
    return batchNorm(
      x, runningMean: runningMean, runningVariance: runningVariance, scale: scale, shift: shift,
      momentum: momentum, epsilon: epsilon, file: file, line: line) + addend
  }
  let vectors = namedOperands([
    ("runningMean", runningMean), ("runningVariance", runningVariance), ("scale", scale),
    ("shift", shift),
  ])
  let isTraining = isTraining && !runningMean.isFrozen
  if let refused = refusal(
    of: "batchNorm", [("input", x)] + vectors, file: file, line: line,
    rule: { () throws(Misuse) in
      guard x.rank >= 2 else {
        throw Misuse("the input needs at least 2 axes, [batch, channels, ...], not \(x.rank)")
      }
      try requireSameType(Tensors(x))
      try requireVectors(vectors, like: x, shape: [x.shape[1]], per: "channel")
      guard !isTraining || x.count == 0 || x.count != x.shape[1] else {
        throw Misuse(
          "one value per channel has no variance to train with; use a larger batch or inference { }"
        )
      }
    })
  {
    return refused
  }
  var inputs = affineOperands(x, scale, shift, [x.shape[1]])
  let ending: NormalizationEnding = addend != nil ? .residual : relu ? .relu : .plain
  guard isTraining else {
    inputs.append(runningMean)
    inputs.append(runningVariance)
    if let addend { inputs.append(addend) }
    return apply(
      NormalizeWithStatistics(family: .batch, epsilon: epsilon, ending: ending), to: inputs,
      file: file, line: line)[0]
  }
  if let addend { inputs.append(addend) }
  let results = apply(
    Normalize(family: .batch, epsilon: epsilon, ending: ending), to: inputs, file: file, line: line)
  // A batch of nothing has no statistics.
  if x.count == 0 { return results[0] }
  let count = Double(x.count / max(x.shape[1], 1))
  update(runningMean, results[1], momentum)
  update(runningVariance, results[2], momentum, factor: count / (count - 1))
  return results[0]
}

/// running = (1 - momentum) running + momentum · factor · new.
private func update(_ running: Buffer, _ new: Tensor, _ momentum: Double, factor: Double = 1) {
  let old = running.value
  if new.isPlaceholder { return }
  let new = new.detached()
  let value = new.dtype == old.dtype ? new : new.converted(to: old.dtype)
  // By kernels alone: who watches the ops sees the one that the user called.
  running.value = old.mapped(TAPESTRY_AFFINE, 1 - momentum)
    .combined(TAPESTRY_ADD, with: value.mapped(TAPESTRY_AFFINE, momentum * factor))
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
  let vectors = namedOperands([("scale", scale), ("shift", shift)])
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
  return apply(
    Normalize(family: .layer(width: normalizedShape.elementCount), epsilon: epsilon),
    to: affineOperands(x, scale, shift, normalizedShape), file: file, line: line)[0]
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
  let vectors = namedOperands([("scale", scale), ("shift", shift)])
  if let refused = refusal(
    of: "groupNorm", [("input", x)] + vectors, file: file, line: line,
    rule: { () throws(Misuse) in
      guard x.rank >= 2 else {
        throw Misuse("the input needs at least 2 axes, [batch, channels, ...], not \(x.rank)")
      }
      guard groups > 0, groups <= max(x.shape[1], 1), x.shape[1] % groups == 0 else {
        throw Misuse("\(counted(x.shape[1], "channel")) cannot be split into \(groups) groups")
      }
      try requireSameType(Tensors(x))
      try requireVectors(vectors, like: x, shape: [x.shape[1]], per: "channel")
    })
  {
    return refused
  }
  return apply(
    Normalize(family: .group(groups), epsilon: epsilon),
    to: affineOperands(x, scale, shift, [x.shape[1]]),
    file: file, line: line)[0]
}
