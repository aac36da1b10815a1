import TapestryGraph

/// Each pixel divided by a power of its energy in neighbouring channels.
///
/// y[c] = x[c] / (k + alpha / size · Σ x[c']²)^beta, the sum over the channels c' from c - size/2
/// to c + (size - 1)/2 (whole-number divisions) that exist. **alpha is divided by the window's
/// size**, as in PyTorch, Caffe and ONNX; the paper and TensorFlow do not divide, so the paper's
/// alpha = 1e-4 with size 5 is 5e-4 here.
///
/// - Parameters:
///   - x: `[N, C, ...]`.
///   - size: channels in a window, at least 1.
///   - alpha: weight of the mean square. Default: 1e-4.
///   - beta: the power. Default: 0.75.
///   - k: what is added; 2 in the paper. Default: 1.
/// - Returns: shaped like `x`.
/// - Precondition: at least two axes, `size` at least 1.
///
/// Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural
/// networks", 2012, section 3.3.
public func localResponseNormalization(
  _ x: Tensor, size: Int, alpha: Double = 1e-4, beta: Double = 0.75, k: Double = 1,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusal(
    of: "localResponseNormalization", [("input", x)], file: file, line: line,
    rule: { () throws(Misuse) in
      guard x.rank >= 2 else {
        throw Misuse("the input needs at least 2 axes, [batch, channels, ...], not \(x.rank)")
      }
      guard size >= 1 else { throw Misuse("the size is at least 1, not \(size)") }
      guard x.shape[1] > 0 else { throw Misuse("the input has no channels") }
      try requireSameType(Tensors(x))
    })
  {
    return refused
  }
  // Channels become the rows of an image that has one column per pixel, over which a window slides.
  let pixels = x.count / max(x.shape[0] * x.shape[1], 1)
  if x.count == 0 { return x }
  let squares = square(x, file: file, line: line).reshaped(to: [x.shape[0], 1, x.shape[1], pixels])
  let sums = sumPool2d(
    squares, window: Pair(height: size, width: 1), stride: 1,
    padding: Padding2d(top: size / 2, left: 0, bottom: (size - 1) / 2, right: 0), file: file,
    line: line)
  let energy = (sums * (alpha / Double(size)) + k).reshaped(to: x.shape)
  return x * pow(energy, -beta, file: file, line: line)
}
