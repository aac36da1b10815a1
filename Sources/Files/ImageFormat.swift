/// The formats of images that are read, told by their first bytes, whatever the file is called.
public enum ImageFormat: String, CaseIterable, Sendable {
  case png = "PNG"
  case jpeg = "JPEG"
  /// PGM (gray) or PPM (colour), with numbers as text or as bytes.
  case portableMap = "PGM or PPM"

  /// The format of a file that begins with `bytes`; `nil` for another one.
  public init?(of bytes: some Collection<UInt8>) {
    let start = Array(bytes.prefix(8))
    if start == PNGChunks.signature {
      self = .png
    } else if start.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if start.count >= 2, start[0] == UInt8(ascii: "P"), "2356".utf8.contains(start[1]) {
      self = .portableMap
    } else {
      return nil
    }
  }
}

extension RasterImage {
  /// The image in `bytes`, which may be a PNG, JPEG, PGM or PPM file: the content decides.
  ///
  /// - Parameters:
  ///   - path: what the error speaks of.
  ///   - pixelLimit: the largest number of pixels the image may have. Default 2^26.
  /// - Throws: `FileError`
  public init(
    encoded bytes: [UInt8], path: String = "image", pixelLimit: Int = defaultPixelLimit
  ) throws(FileError) {
    switch ImageFormat(of: bytes) {
    case .png:
      do throws(PNGError) {
        try self.init(png: bytes, pixelLimit: pixelLimit)
      } catch {
        throw FileError(path: path, cause: .png(error))
      }
    case .jpeg:
      do throws(JPEGError) {
        try self.init(jpeg: bytes, pixelLimit: pixelLimit)
      } catch {
        throw FileError(path: path, cause: .jpeg(error))
      }
    case .portableMap:
      do throws(PortableMapError) {
        try self.init(portableMap: bytes, pixelLimit: pixelLimit)
      } catch {
        throw FileError(path: path, cause: .image(error))
      }
    case nil:
      throw FileError(
        path: path,
        cause: .malformed(
          format: "image",
          problems: [
            bytes.isEmpty
              ? "is empty"
              : "its first bytes are those of neither PNG, JPEG, PGM nor PPM; convert it to one of these"
          ]))
    }
  }

  /// The image in the file at `path`, which may be a PNG, JPEG, PGM or PPM file, also compressed by gzip:
  /// the content decides, not the name.
  ///
  /// - Parameters:
  ///   - limit: the largest number of bytes (inflated) the file may have. Default 2^30.
  ///   - pixelLimit: the largest number of pixels the image may have. Default 2^26.
  /// - Throws: `FileError`
  public init(
    contentsOf path: String, limit: Int = 1 << 30, pixelLimit: Int = defaultPixelLimit
  ) throws(FileError) {
    let bytes = try readPossiblyCompressed(path, limit: limit)
    try self.init(encoded: bytes, path: path, pixelLimit: pixelLimit)
  }
}
