/// Why bytes are not a PNG image that can be read.
public enum PNGError: Error, Equatable, Sendable {
  /// The first eight bytes are not those of every PNG file.
  case notPNG
  /// The bytes end inside of a chunk, or before the chunk `IEND`.
  case truncated(byteCount: Int)
  /// The pixels in the file end early.
  case pixelsMissing(row: Int, height: Int)
  /// A chunk does not match its checksum.
  case checksumMismatch(chunk: String, offset: Int)
  /// A chunk that every PNG file needs is not there.
  case missing(chunk: String)
  /// A chunk breaks the rules.
  case malformed(chunk: String, offset: Int, reason: String)
  /// The header states more pixels than the caller allows.
  case tooManyPixels(width: Int, height: Int, limit: Int)
  /// The header states more pixels than the compressed bytes can possibly hold.
  case implausibleSize(width: Int, height: Int, byteCount: Int)
  /// The compressed pixels are damaged; the words are zlib's.
  case corruptPixels(reason: String)
  /// A pixel names a colour that the palette does not have.
  case noSuchColor(index: Int, count: Int)
  /// The system has no memory for zlib's state.
  case outOfMemory
}

extension PNGError: CustomStringConvertible {
  /// What is wrong, and the remedy where there is one.
  public var description: String {
    let again = "copy or download the file again"
    return switch self {
    case .notPNG:
      "does not begin with the eight bytes of every PNG file"
    case .truncated(let byteCount):
      "ends after \(byteCount) bytes, in the middle; \(again)"
    case .pixelsMissing(let row, let height):
      "its pixels end in row \(row) of \(height); \(again)"
    case .checksumMismatch(let chunk, let offset):
      "the chunk \(quoted(chunk)) at byte \(offset) does not match its checksum; \(again)"
    case .missing(let chunk):
      "has no chunk \(quoted(chunk))"
    case .malformed(let chunk, let offset, let reason):
      "the chunk \(quoted(chunk)) at byte \(offset) \(reason)"
    case .tooManyPixels(let width, let height, let limit):
      "the header states \(width) x \(height) pixels, more than the \(limit) that are read at most"
    case .implausibleSize(let width, let height, let byteCount):
      "the header states \(width) x \(height) pixels, which \(byteCount) bytes of compressed data"
        + " cannot hold; \(again)"
    case .corruptPixels(let reason):
      "the compressed pixels are corrupt (\(reason)); \(again)"
    case .noSuchColor(let index, let count):
      "a pixel has the colour \(index), but the palette has \(count)"
    case .outOfMemory:
      "zlib has no memory"
    }
  }
}
