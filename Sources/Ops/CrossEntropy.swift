import CTapestryKernels
import TapestryGraph

// Softmax and cross-entropy in one, for integer labels without weights or smoothing: one pass over
// the logits forward, one backward.

/// Losses -logSoftmax(x)[label] per position, or their sum, times `scale`; 0 where the label is
/// negative.
struct SoftmaxCrossEntropy: TensorOperation {
  static var inputNames: [String] { ["logits", "labels"] }
  let scale: Double
  let isSummed: Bool

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireLabels(inputs[1], for: inputs[0])
    return Specs(isSummed ? [] : inputs.spec(1).shape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, labels) = (inputs[0], inputs[1])
    let layout = AxisLayout(x.shape, axis: 1)
    let losses = Tensor(labels.shape, x.dtype) { losses in
      withMemory(x, labels) { x, labels in
        tapestry_cross_entropy(
          inputs.spec(0).dtype.code, Int64(layout.outer), Int64(layout.size), Int64(layout.inner),
          x,
          labels.assumingMemoryBound(to: Int64.self), losses, nil)
      }
    }
    guard isSummed else { return Tensors(losses) }
    let count = Int64(losses.count)
    return Tensors(
      Tensor([], x.dtype) { sum in
        losses.withMemory {
          tapestry_reduce(Int32(TAPESTRY_SUM), x.dtype.code, 1, count, 1, $0, sum)
        }
        tapestry_unary(Int32(TAPESTRY_AFFINE), x.dtype.code, 1, sum, sum, scale, 0)
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(gradient(node.input(0), node.input(1), node.cotangent), nil)
  }

  private func gradient(_ x: Tensor, _ labels: Tensor, _ g: Tensor) -> Tensor {
    apply(
      SoftmaxCrossEntropyGradient(scale: scale, isSummed: isSummed), to: Tensors(x, labels, g))[0]
  }
}

/// f(x, g) = scale g (softmax(x) - onehot(label)), and 0 where the label is negative; g is a scalar
/// if the losses were summed, otherwise one number per position.
struct SoftmaxCrossEntropyGradient: TensorOperation {
  static var inputNames: [String] { ["logits", "labels", "cotangent"] }
  let scale: Double
  let isSummed: Bool

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireLabels(inputs[1], for: inputs[0])
    guard inputs.spec(2) == TensorSpec(isSummed ? [] : inputs.spec(1).shape, inputs.spec(0).dtype)
    else {
      throw Misuse("the cotangent \(inputs.spec(2)) is not that of the losses")
    }
    return Specs(inputs.spec(0))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, labels, g) = (inputs[0], inputs[1], inputs[2])
    let layout = AxisLayout(x.shape, axis: 1)
    let scales = Tensor(labels.shape, x.dtype) { scales in
      if isSummed {
        tapestry_fill(x.dtype.code, Int64(labels.count), scale * g.item, scales)
      } else {
        g.withMemory {
          tapestry_unary(
            Int32(TAPESTRY_AFFINE), x.dtype.code, Int64(labels.count), $0, scales, scale, 0)
        }
      }
    }
    return Tensors(
      Tensor(x.spec) { gx in
        withMemory(x, labels, scales) { x, labels, scales in
          tapestry_cross_entropy_gradient(
            inputs.spec(0).dtype.code, Int64(layout.outer), Int64(layout.size), Int64(layout.inner),
            x,
            labels.assumingMemoryBound(to: Int64.self), scales, gx)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (x, labels, g, h) = (node.input(0), node.input(1), node.input(2), node.cotangent)
    var gradientX: Tensor?
    var gradientG: Tensor?
    if node.needs(0) {
      // The derivative of scale g softmax(x), where a position counts.
      let classes = perPosition(isSummed ? g : g.withClassAxis(), labels)
      gradientX =
        apply(SoftmaxGradient(axis: 1), to: Tensors(h * (classes * scale), softmax(x, axis: 1)))[0]
    }
    if node.needs(2) {
      // f is linear in g: what it gives for g = 1.
      let unit = apply(self, to: Tensors(x, labels, .ones(g.shape, dtype: g.dtype)))[0]
      gradientG = isSummed ? (h * unit).sum() : (h * unit).sum(along: 1)
    }
    return Tensors(gradientX, nil, gradientG)
  }

  /// g, and 0 at ignored positions.
  private func perPosition(_ g: Tensor, _ labels: Tensor) -> Tensor {
    if labels.isPlaceholder { return g }
    let values = labels.integers()
    guard values.contains(where: { $0 < 0 }) else { return g }
    let mask = Tensor(values.map { $0 < 0 ? 0 : 1 }, shape: labels.shape, dtype: g.dtype)
    return g * mask.withClassAxis()
  }
}

extension Tensor {
  /// `[N, ...]` as `[N, 1, ...]`, which broadcasts over classes.
  func withClassAxis() -> Tensor {
    var target = TensorShape([shape[0], 1])
    for axis in 1..<rank { target.append(shape[axis]) }
    return reshaped(to: target)
  }
}
