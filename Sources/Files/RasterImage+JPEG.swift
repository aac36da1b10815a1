extension RasterImage {
  /// Whether JPEG images can be read here: whether the library libturbojpeg is installed.
  public static var canReadJPEG: Bool { TurboJPEG.shared != nil }

  /// The image in the JPEG file `bytes`: one channel for gray ones, else red, green and blue.
  ///
  /// The system's libturbojpeg decodes, loaded when the first such image is read. Colours stored as cyan,
  /// magenta, yellow and black are converted. The orientation that a camera notes beside the pixels is ignored.
  ///
  /// - Parameter pixelLimit: the largest number of pixels the image may have. Default 2^26.
  /// - Throws: ``JPEGError``; `libraryMissing` names the package to install.
  public init(jpeg bytes: [UInt8], pixelLimit: Int = defaultPixelLimit) throws(JPEGError) {
    try self.init(jpeg: bytes, pixelLimit: pixelLimit, library: .shared)
  }

  /// The image in the JPEG file `bytes`, decoded by `library`.
  package init(jpeg bytes: [UInt8], pixelLimit: Int, library: TurboJPEG?) throws(JPEGError) {
    guard let library else { throw .libraryMissing }
    guard bytes.count <= Int(Int32.max) else { throw .tooLong(byteCount: bytes.count) }
    guard let decoder = library.initialize() else { throw .corrupt(reason: "no memory") }
    defer { _ = library.destroy(decoder) }
    func failure() -> JPEGError {
      let text = library.errorText(decoder).map { String(cString: $0) } ?? "unknown error"
      return .corrupt(reason: text)
    }
    let length = CUnsignedLong(bytes.count)
    var (width, height, subsampling, colorspace): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    let status = bytes.withUnsafeBufferPointer {
      library.header(
        decoder, $0.baseAddress, length, &width, &height, &subsampling, &colorspace)
    }
    guard status == 0 else { throw failure() }
    guard width > 0, height > 0 else { throw .corrupt(reason: "the header states no size") }
    // A JPEG file states sizes of 16 bits: the product cannot overflow.
    let pixels = Int(width) * Int(height)
    guard pixels <= pixelLimit else {
      throw .tooManyPixels(width: Int(width), height: Int(height), limit: pixelLimit)
    }
    typealias Code = TurboJPEG.Code
    let isInk = colorspace == Code.colorspaceCMYK || colorspace == Code.colorspaceYCCK
    let isGray = colorspace == Code.colorspaceGray
    let (stored, format) =
      isInk ? (4, Code.pixelsCMYK) : isGray ? (1, Code.pixelsGray) : (3, Code.pixelsRGB)
    var decoded = [UInt8](repeating: 0, count: pixels * stored)
    let result = bytes.withUnsafeBufferPointer { bytes in
      decoded.withUnsafeMutableBufferPointer { decoded in
        library.decompress(
          decoder, bytes.baseAddress, length, decoded.baseAddress, width, 0, height, format,
          Code.stopOnWarning | Code.accurateDCT | Code.limitScans)
      }
    }
    guard result == 0 else { throw failure() }
    if isInk { decoded = Self.colors(ofInks: decoded) }
    self.init(
      width: Int(width), height: Int(height), channels: isGray ? 1 : 3, bytes: decoded)
  }

  /// Red, green and blue of pixels of four inks, which such files store inverted (255 is no ink).
  private static func colors(ofInks inks: [UInt8]) -> [UInt8] {
    var colors: [UInt8] = []
    colors.reserveCapacity(inks.count / 4 * 3)
    for first in stride(from: 0, to: inks.count, by: 4) {
      let black = Int(inks[first + 3])
      for ink in inks[first..<first + 3] { colors.append(UInt8((Int(ink) * black + 127) / 255)) }
    }
    return colors
  }
}
