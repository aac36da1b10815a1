/// How images of one size are placed on a canvas of another: enlarged by the largest whole number that
/// fits, each pixel repeated to a square block, then centred on black.
///
/// 8 x 8 to 32 x 32 repeats each pixel to a 4 x 4 block; 28 x 28 to 32 x 32 pads two black pixels on each
/// side. Where the free rows or columns are odd in number, the extra one is at the bottom or right.
public struct ImageScaling: Hashable, Sendable {
  /// The number of rows of the original images.
  public let sourceHeight: Int
  /// The number of columns of the original images.
  public let sourceWidth: Int
  /// The number of rows of the canvas.
  public let height: Int
  /// The number of columns of the canvas.
  public let width: Int

  /// The placement of images of `sourceHeight` x `sourceWidth` on `height` x `width`.
  ///
  /// - Throws: `ImageScalingError` when a size is not positive or the images are larger than the canvas.
  public init(
    sourceHeight: Int, sourceWidth: Int, height: Int, width: Int
  ) throws(ImageScalingError) {
    guard sourceHeight > 0, sourceWidth > 0, sourceHeight <= height, sourceWidth <= width else {
      throw ImageScalingError(
        sourceHeight: sourceHeight, sourceWidth: sourceWidth, height: height, width: width)
    }
    self.sourceHeight = sourceHeight
    self.sourceWidth = sourceWidth
    self.height = height
    self.width = width
  }

  /// The side of the block that each pixel becomes.
  public var factor: Int { min(height / sourceHeight, width / sourceWidth) }
  /// The number of black rows above the image.
  public var top: Int { (height - sourceHeight * factor) / 2 }
  /// The number of black columns to the left of the image.
  public var left: Int { (width - sourceWidth * factor) / 2 }
}

/// Images that do not fit on a canvas.
public struct ImageScalingError: Error, Hashable, Sendable, CustomStringConvertible {
  public let sourceHeight: Int
  public let sourceWidth: Int
  public let height: Int
  public let width: Int

  /// Both sizes, and the smallest that would do.
  public var description: String {
    let sizes = "images of \(sourceHeight) x \(sourceWidth) do not fit into \(height) x \(width)"
    guard sourceHeight > 0, sourceWidth > 0 else { return sizes + ": sizes must be positive" }
    return sizes + ": they can be enlarged and padded, not reduced;"
      + " the target must be at least \(sourceHeight) x \(sourceWidth)"
  }
}
