/// Why a file is not a portable graymap (PGM) or pixmap (PPM).
public enum PortableMapError: Error, Equatable, Sendable {
  /// The first two bytes are none of P2, P3, P5 and P6.
  case unknownMagic
  /// A number is missing, is no number, or is out of its range.
  case badNumber(name: String, offset: Int, expected: String)
  /// The header states more pixels than the caller allows.
  case tooManyPixels(width: Int, height: Int, limit: Int)
  /// The content ends before the last pixel.
  case tooShort(header: String, needed: Int, actual: Int)
  /// The content goes on after the last pixel.
  case trailingBytes(header: String, count: Int)
  /// A value exceeds the maximum stated in the header.
  case tooBright(value: Int, maximum: Int, index: Int)
}

extension PortableMapError: CustomStringConvertible {
  /// What is wrong, expected and actual.
  public var description: String {
    switch self {
    case .unknownMagic:
      "begins with none of P2, P3, P5 and P6; convert the image to PGM (gray) or PPM (colour)"
    case .badNumber(let name, let offset, let expected):
      "the \(name) at byte \(offset) is not \(expected)"
    case .tooManyPixels(let width, let height, let limit):
      "the header states \(width) x \(height) pixels, more than the \(limit) that are read at most"
    case .tooShort(let header, let needed, let actual):
      "\(header) needs at least \(needed) bytes of pixels, but there are \(actual)"
    case .trailingBytes(let header, let count):
      "\(count) bytes follow the pixels of \(header)"
    case .tooBright(let value, let maximum, let index):
      "value \(index) is \(value), but the header says at most \(maximum)"
    }
  }
}
