import TapestryGraph

/// Some images of a set as tensors.
public struct Batch: Sendable {
  /// The images, `[N, C, H, W]`.
  public let images: Tensor
  /// The classes, `[N]` int64.
  public let labels: Tensor
  /// The probability of each class, `[N, classes]`, where ``Transform/mixup(alpha:)`` or
  /// ``Transform/cutmix(alpha:)`` mixed images; else `nil`. Rows sum to 1, and `labels` holds the class of the
  /// larger share. For a loss: `softmaxCrossEntropy(_:probabilities:)`.
  public let probabilities: Tensor?
  /// Where the images are in the set.
  public let indices: [Int]

  /// The number of images.
  public var count: Int { indices.count }
}

extension ImageSet {
  /// The images at these positions, in this order, as tensors.
  ///
  /// Of a set that is decoded on demand, images that cannot be read are left out.
  ///
  /// - Parameters:
  ///   - positions: of the images; one may come twice.
  ///   - height: to enlarge and pad to, see ``ImageScaling``. Default: that of the images.
  ///   - width: likewise.
  ///   - normalization: applied to the values in 0 ... 1, padding included. Default none.
  ///   - dtype: `float32` or `float64`. Default `float32`.
  /// - Precondition: every position is in `0 ..< count`.
  /// - Throws: `ImageScalingError` when the images are larger than `height` x `width`.
  public func batch(
    of positions: some Collection<Int>, height: Int? = nil, width: Int? = nil,
    normalization: Normalization? = nil, dtype: DType = .float32,
    file: StaticString = #fileID, line: UInt = #line
  ) throws(ImageScalingError) -> Batch {
    for position in positions { requirePosition(position, "batch", file: file, line: line) }
    let conversion = try ImageConversion(
      self, height: height, width: width, normalization: normalization, dtype: dtype,
      file: file, line: line)
    return conversion.prepare(Array(positions)).batch
  }
}
