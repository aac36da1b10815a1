import TapestryGraph

// Pools of volumes. Maxima and means of a box are those of its columns' maxima and means, so a pool of planes is followed
// by one along the depth: fewer comparisons and sums than box by box, and the kernels and gradients of images. Of equal
// voxels the first in scan order wins, as the first of a plane and then the first plane does.

/// The largest voxel of each window of each channel.
///
/// Padding never wins. Where voxels of a window tie, the gradient goes to the first in scan order (planes from the
/// front, rows from the top, each from the left). A NaN wins.
///
/// - Parameters:
///   - input: volumes `[N, C, D, H, W]`.
///   - window: the size of the window, one number or `[depth, height, width]`.
///   - stride: voxels between neighbouring windows. Default: the window's size.
///   - padding: planes, rows and columns around the volume. Default: none.
///   - dilation: voxels between neighbouring elements of a window. Default: 1.
///   - ceilMode: as in `maxPool2d`. Default: false.
/// - Returns: `[N, C, depth, height, width]`, each size as by `maxPool2d`.
/// - Precondition: a window fits into the padded volume, and each one meets a voxel.
public func maxPool3d(
  _ input: Tensor, window: Triple, stride: Triple? = nil, padding: Padding3d = 0,
  dilation: Triple = 1, ceilMode: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let sliding = SlidingWindow3d(
    size: window, stride: stride ?? window, padding: padding, dilation: dilation,
    isRoundingUp: ceilMode)
  if let refused = refusedPool(
    "maxPool3d", input, file, line,
    rule: { (volume) throws(Misuse) in
      try sliding.requirePool(over: volume, needsPixels: true)
      try requireVolumePlaces(volume)
    })
  {
    return refused
  }
  let isRecorded = isRecording && input.isTracked
  return VolumePool(file: file, line: line).run(
    input, planes: MaxPool2d(window: sliding.plane, isRecorded: isRecorded),
    depth: MaxPool2d(window: sliding.depth, isRecorded: isRecorded)
  ).output
}

/// As `maxPool3d`, with the places of the winners: (plane · H + row) · W + column in the unpadded volume, from 0 in
/// each channel.
///
/// - Returns: the maxima, and their places as int32, both `[N, C, depth, height, width]`.
public func maxPool3dWithIndices(
  _ input: Tensor, window: Triple, stride: Triple? = nil, padding: Padding3d = 0,
  dilation: Triple = 1, ceilMode: Bool = false, file: StaticString = #fileID, line: UInt = #line
) -> (output: Tensor, indices: Tensor) {
  let sliding = SlidingWindow3d(
    size: window, stride: stride ?? window, padding: padding, dilation: dilation,
    isRoundingUp: ceilMode)
  if let refused = refusedPool(
    "maxPool3dWithIndices", input, file, line,
    rule: { (volume) throws(Misuse) in
      try sliding.requirePool(over: volume, needsPixels: true)
      try requireVolumePlaces(volume)
    })
  {
    return (refused, refused)
  }
  return VolumePool(file: file, line: line).runIndexed(
    input, planes: MaxPool2d(window: sliding.plane, winners: .places),
    depth: MaxPool2d(window: sliding.depth, winners: .places))
}

/// The mean of each window of each channel.
///
/// - Parameters:
///   - input: volumes `[N, C, D, H, W]`.
///   - window: the size of the window, one number or `[depth, height, width]`.
///   - stride: voxels between neighbouring windows. Default: the window's size.
///   - padding: planes, rows and columns of zeros around the volume. Default: none.
///   - ceilMode: as in `averagePool2d`. Default: false.
///   - countingPadding: whether padding counts in the divisor. Default: true.
/// - Returns: `[N, C, depth, height, width]`, each size as by `maxPool2d`.
/// - Precondition: a window fits into the padded volume; without `countingPadding` each one meets a voxel.
public func averagePool3d(
  _ input: Tensor, window: Triple, stride: Triple? = nil, padding: Padding3d = 0,
  ceilMode: Bool = false, countingPadding: Bool = true, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  let sliding = SlidingWindow3d(
    size: window, stride: stride ?? window, padding: padding, isRoundingUp: ceilMode)
  if let refused = refusedPool(
    "averagePool3d", input, file, line,
    rule: { (volume) throws(Misuse) in
      try sliding.requirePool(over: volume, needsPixels: !countingPadding)
    })
  {
    return refused
  }
  let divisor = countingPadding ? PoolDivisor.pixelsAndPadding : .pixels
  return VolumePool(file: file, line: line).run(
    input, planes: AveragePool2d(window: sliding.plane, divisor: divisor),
    depth: AveragePool2d(window: sliding.depth, divisor: divisor)
  ).output
}

/// The means of `outputSize` bins that cover each channel evenly; bins as in `adaptiveAveragePool2d`.
///
/// - Parameters:
///   - input: volumes `[N, C, D, H, W]`.
///   - outputSize: one number or `[depth, height, width]`.
/// - Returns: `[N, C, depth, height, width]`.
/// - Precondition: five axes, voxels, and at least one bin each way.
public func adaptiveAveragePool3d(
  _ input: Tensor, outputSize: Triple, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusedPool(
    "adaptiveAveragePool3d", input, file, line,
    rule: { (volume) throws(Misuse) in try requireVolumeBins(volume, outputSize) })
  {
    return refused
  }
  let columns = Pair(height: outputSize.depth, width: outputSize.height * outputSize.width)
  return VolumePool(file: file, line: line).run(
    input, planes: AdaptiveAveragePool2d(size: outputSize.plane),
    depth: AdaptiveAveragePool2d(size: columns)
  ).output
}

/// The maxima of `outputSize` bins that cover each channel evenly; bins as in `adaptiveAveragePool2d`, ties as in
/// `maxPool3d`.
///
/// - Precondition: five axes, voxels, and at least one bin each way.
public func adaptiveMaxPool3d(
  _ input: Tensor, outputSize: Triple, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  if let refused = refusedPool(
    "adaptiveMaxPool3d", input, file, line,
    rule: { (volume) throws(Misuse) in
      try requireVolumeBins(volume, outputSize)
      try requireVolumePlaces(volume)
    })
  {
    return refused
  }
  let columns = Pair(height: outputSize.depth, width: outputSize.height * outputSize.width)
  let isIndexed = isRecording && input.isTracked
  return VolumePool(file: file, line: line).run(
    input, planes: AdaptiveMaxPool2d(size: outputSize.plane, isIndexed: isIndexed),
    depth: AdaptiveMaxPool2d(size: columns, isIndexed: isIndexed)
  ).output
}

/// As `adaptiveMaxPool3d`, with the places of the winners as int32, numbered as by `maxPool3dWithIndices`.
public func adaptiveMaxPool3dWithIndices(
  _ input: Tensor, outputSize: Triple, file: StaticString = #fileID, line: UInt = #line
) -> (output: Tensor, indices: Tensor) {
  if let refused = refusedPool(
    "adaptiveMaxPool3dWithIndices", input, file, line,
    rule: { (volume) throws(Misuse) in
      try requireVolumeBins(volume, outputSize)
      try requireVolumePlaces(volume)
    })
  {
    return (refused, refused)
  }
  let columns = Pair(height: outputSize.depth, width: outputSize.height * outputSize.width)
  return VolumePool(file: file, line: line).runIndexed(
    input, planes: AdaptiveMaxPool2d(size: outputSize.plane, isIndexed: true),
    depth: AdaptiveMaxPool2d(size: columns, isIndexed: true))
}
