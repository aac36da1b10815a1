extension RasterImage {
  /// The largest number of pixels that is read unless said otherwise: 2^26, a square of 8,192.
  public static let defaultPixelLimit = 1 << 26

  /// The image in the PNG file `bytes`: of every color type and depth, interlaced or not.
  ///
  /// Samples keep the depth of the file (`maximum` is 1, 3, 15, 255 or 65535). The colours of a palette
  /// become red, green and blue of 8 bits; an opacity, as a channel, in the palette or as one transparent
  /// colour, becomes the last channel. Gamma and colour profiles are ignored. Every checksum is compared.
  ///
  /// - Parameter pixelLimit: the largest number of pixels the image may have. Default 2^26. Nothing is
  ///   allocated before it is known that the size is within it, and that as many pixels can be in the file.
  /// - Throws: ``PNGError``
  ///
  /// Source: Portable Network Graphics (PNG) Specification, second edition, W3C 2003.
  public init(png bytes: [UInt8], pixelLimit: Int = defaultPixelLimit) throws(PNGError) {
    self = try bytes.withUnsafeBufferPointer { bytes throws(PNGError) in
      try PNGReader(UnsafeRawBufferPointer(bytes), pixelLimit: pixelLimit).image()
    }
  }

  /// The image as the bytes of a PNG file, of 16 bits a sample where `maximum` exceeds 255, else of 8.
  ///
  /// Samples are scaled to 0 ... 255 or 0 ... 65535. The same image gives the same bytes.
  ///
  /// - Parameter compression: 0 (none) ... 9 (smallest). Default 6.
  public func png(compression: Int = 6) -> [UInt8] {
    PNGWriter(self).file(compression: compression)
  }

  /// Puts the image at `path`, all or nothing: as PNG where the name ends in `.png`, else as a portable
  /// graymap or pixmap.
  public func write(to path: String) throws(FileError) {
    let isPNG = path.lowercased().hasSuffix(".png")
    try AtomicFile.write(isPNG ? png() : portableMap, to: path)
  }
}
