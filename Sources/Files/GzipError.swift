/// Why compressed data could not be inflated.
public enum GzipError: Error, Equatable, Sendable {
  /// The data does not begin with the bytes 1f 8b.
  case notGzip
  /// The data ends in the middle.
  case truncated(byteCount: Int)
  /// The data breaks the format near this offset; the words are zlib's.
  case corrupt(offset: Int, reason: String)
  /// What was inflated does not match the checksum or the length stored with it.
  case checksumMismatch(offset: Int)
  /// Something else follows the compressed data.
  case trailingBytes(offset: Int, count: Int)
  /// The data inflates to more bytes than the caller allows.
  case tooLarge(limit: Int)
  /// The data inflates to more than so many times its size.
  case bomb(byteCount: Int, limit: Int)
  /// The system has no memory for zlib's state.
  case outOfMemory
}

extension GzipError: CustomStringConvertible {
  /// What is wrong, and the remedy where there is one.
  public var description: String {
    switch self {
    case .notGzip:
      "the data is not compressed by gzip (it must begin with the bytes 1f 8b)"
    case .truncated(let byteCount):
      "the compressed data is truncated: it ends after \(byteCount) bytes, in the middle; "
        + "copy or download the file again"
    case .corrupt(let offset, let reason):
      "the compressed data is corrupt near byte \(offset) (\(reason)); "
        + "copy or download the file again"
    case .checksumMismatch(let offset):
      "the inflated data does not match its checksum (stored before byte \(offset)); "
        + "copy or download the file again"
    case .trailingBytes(let offset, let count):
      "\(count) bytes that are not gzip data follow the end at byte \(offset)"
    case .tooLarge(let limit):
      "the data inflates to more than the \(limit) bytes that are expected here"
    case .bomb(let byteCount, let limit):
      ResourceError(
        subject: "the compressed data of \(byteCount) bytes", resource: .inflation, needed: nil,
        limit: limit
      ).description
    case .outOfMemory:
      "zlib has no memory"
    }
  }
}
