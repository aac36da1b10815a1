import TapestryGraph

// Pools of signals: those of images one row high.

/// What `pool` makes of the signals as images, as signals again.
private func pooledImages(
  _ name: String, _ input: Tensor, _ file: StaticString, _ line: UInt,
  rule: (TensorShape) throws(Misuse) -> Void, pool: (Tensor) -> Tensors
) -> [Tensor] {
  if let refused = refusal(
    of: name, [("input", input)], file: file, line: line,
    rule: { () throws(Misuse) in
      guard input.rank == 3 else {
        throw Misuse("the input needs 3 axes, [batch, channels, length], not \(input.rank)")
      }
      try rule(input.shape.asImage)
      try requireSameType(Tensors(input))
    })
  {
    return [refused, refused]
  }
  let results = pool(input.reshaped(to: input.shape.asImage, file: file, line: line))
  return (0..<results.count).map { index in
    let shape = results[index].shape
    guard shape.rank == 4 else { return results[index] }
    return results[index].reshaped(to: [shape[0], shape[1], shape[3]], file: file, line: line)
  }
}

private func lineWindow(
  _ window: Int, _ stride: Int?, _ padding: Padding1d, _ dilation: Int, _ ceilMode: Bool
) -> SlidingWindow {
  SlidingWindow(
    size: Pair(height: 1, width: window), stride: Pair(height: 1, width: stride ?? window),
    padding: padding.rows, dilation: Pair(height: 1, width: dilation), isRoundingUp: ceilMode)
}

/// The largest sample of each window of each channel; padding, ties and NaN as in `maxPool2d`.
///
/// - Parameters:
///   - input: signals `[N, C, L]`.
///   - window: the length of the window.
///   - stride: samples between neighbouring windows. Default: the window's length.
///   - padding: samples at the ends, which never win. Default: none.
///   - dilation: samples between neighbouring elements of a window. Default: 1.
///   - ceilMode: as in `maxPool2d`. Default: false.
/// - Returns: `[N, C, length]`.
/// - Precondition: a window fits into the padded signal, and each one meets a sample.
public func maxPool1d(
  _ input: Tensor, window: Int, stride: Int? = nil, padding: Padding1d = 0, dilation: Int = 1,
  ceilMode: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let sliding = lineWindow(window, stride, padding, dilation, ceilMode)
  return pooledImages("maxPool1d", input, file, line) { (image) throws(Misuse) in
    _ = try sliding.pool(over: image, needsPixels: true)
  } pool: { images in
    apply(
      MaxPool2d(window: sliding, isRecorded: isRecording && images.isTracked), to: Tensors(images),
      file: file, line: line)
  }[0]
}

/// As `maxPool1d`, with the places of the winners in the unpadded signal as int32.
public func maxPool1dWithIndices(
  _ input: Tensor, window: Int, stride: Int? = nil, padding: Padding1d = 0, dilation: Int = 1,
  ceilMode: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> (output: Tensor, indices: Tensor) {
  let sliding = lineWindow(window, stride, padding, dilation, ceilMode)
  let results = pooledImages("maxPool1dWithIndices", input, file, line) {
    (image) throws(Misuse) in
    _ = try sliding.pool(over: image, needsPixels: true)
    try requirePlaces(image)
  } pool: { images in
    apply(
      MaxPool2d(window: sliding, winners: .places), to: Tensors(images), file: file, line: line)
  }
  return (results[0], results[1])
}

/// The mean of each window of each channel.
///
/// - Parameters:
///   - input: signals `[N, C, L]`.
///   - window: the length of the window.
///   - stride: samples between neighbouring windows. Default: the window's length.
///   - padding: zeros at the ends. Default: none.
///   - ceilMode: as in `averagePool2d`. Default: false.
///   - countingPadding: whether padding counts in the divisor. Default: true.
/// - Returns: `[N, C, length]`.
/// - Precondition: a window fits into the padded signal; without `countingPadding` each one meets a sample.
public func averagePool1d(
  _ input: Tensor, window: Int, stride: Int? = nil, padding: Padding1d = 0,
  ceilMode: Bool = false, countingPadding: Bool = true, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  let sliding = lineWindow(window, stride, padding, 1, ceilMode)
  let divisor = countingPadding ? PoolDivisor.pixelsAndPadding : .pixels
  return pooledImages("averagePool1d", input, file, line) { (image) throws(Misuse) in
    _ = try sliding.pool(over: image, needsPixels: !countingPadding)
  } pool: { images in
    apply(
      AveragePool2d(window: sliding, divisor: divisor), to: Tensors(images), file: file, line: line)
  }[0]
}

/// The means of `outputSize` bins that cover each channel evenly; bins as in `adaptiveAveragePool2d`.
///
/// - Parameters:
///   - input: signals `[N, C, L]`.
///   - outputSize: how many bins.
/// - Returns: `[N, C, outputSize]`.
/// - Precondition: three axes, samples, and at least one bin.
public func adaptiveAveragePool1d(
  _ input: Tensor, outputSize: Int, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let bins = Pair(height: 1, width: outputSize)
  return pooledImages("adaptiveAveragePool1d", input, file, line) { (image) throws(Misuse) in
    try requireLineBins(image, outputSize)
  } pool: { images in
    apply(AdaptiveAveragePool2d(size: bins), to: Tensors(images), file: file, line: line)
  }[0]
}

/// The maxima of `outputSize` bins that cover each channel evenly; bins as in `adaptiveAveragePool2d`, ties as in
/// `maxPool2d`.
///
/// - Precondition: three axes, samples, and at least one bin.
public func adaptiveMaxPool1d(
  _ input: Tensor, outputSize: Int, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let bins = Pair(height: 1, width: outputSize)
  return pooledImages("adaptiveMaxPool1d", input, file, line) { (image) throws(Misuse) in
    try requireLineBins(image, outputSize)
    try requirePlaces(image)
  } pool: { images in
    apply(
      AdaptiveMaxPool2d(size: bins, isIndexed: isRecording && images.isTracked),
      to: Tensors(images), file: file, line: line)
  }[0]
}

/// As `adaptiveMaxPool1d`, with the places of the winners as int32.
public func adaptiveMaxPool1dWithIndices(
  _ input: Tensor, outputSize: Int, file: StaticString = #fileID, line: UInt = #line
) -> (output: Tensor, indices: Tensor) {
  let bins = Pair(height: 1, width: outputSize)
  let results = pooledImages("adaptiveMaxPool1dWithIndices", input, file, line) {
    (image) throws(Misuse) in
    try requireLineBins(image, outputSize)
    try requirePlaces(image)
  } pool: { images in
    apply(
      AdaptiveMaxPool2d(size: bins, isIndexed: true), to: Tensors(images), file: file, line: line)
  }
  return (results[0], results[1])
}

private func requireLineBins(_ image: TensorShape, _ size: Int) throws(Misuse) {
  guard size > 0 else { throw Misuse("the output size is at least 1, not \(size)") }
  guard image[3] > 0 else { throw Misuse("the input has no samples") }
  _ = try TensorShape(checked: image[0], image[1], 1, size)
}
