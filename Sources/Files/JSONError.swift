/// Why a text is not JSON, and where.
public struct JSONError: Error, Equatable, Sendable {
  /// What is wrong there.
  public let reason: String
  /// The offset of the offending byte, from 0.
  public let offset: Int
  /// The line of the offending byte, from 1.
  public let line: Int
  /// The column of the offending byte in characters (Unicode scalars), from 1.
  public let column: Int

  /// An error at `offset` of `bytes`.
  init(_ reason: String, at offset: Int, of bytes: [UInt8]) {
    self.reason = reason
    self.offset = offset
    var line = 1
    var column = 1
    for byte in bytes.prefix(offset) {
      if byte == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    self.line = line
    self.column = column
  }
}

extension JSONError: CustomStringConvertible {
  /// The reason and the place.
  public var description: String {
    "\(reason) (line \(line), column \(column), byte \(offset))"
  }
}

/// Why a value has no form in JSON, and where in the value.
public struct JSONWritingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong there.
  public let reason: String
  /// The way to the place from the root, which is `$`: `$.layers[3].weight`.
  public let path: String

  /// The place and the reason.
  public var description: String {
    "\(path): \(reason)"
  }
}
