extension JSONParser {
  /// The number at the position: `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`.
  mutating func number() throws(JSONError) -> JSONValue {
    let start = position
    if current == UInt8(ascii: "-") { position += 1 }
    if current == UInt8(ascii: "0") {
      position += 1
      if currentIsDigit { throw error("a number must not begin with 0", at: start) }
    } else {
      try digits()
    }
    var isInteger = true
    if current == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      try digits()
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      isInteger = false
      position += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    // Minus zero has a sign that Int cannot keep.
    if isInteger, text != "-0", let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      throw error("the number is too large", at: start)
    }
    return .number(value)
  }

  private var currentIsDigit: Bool {
    guard let byte = current else { return false }
    return (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private mutating func digits() throws(JSONError) {
    guard currentIsDigit else { throw error("expected a digit, found \(found())") }
    while currentIsDigit { position += 1 }
  }

  /// The string whose opening quote is at the position.
  mutating func string() throws(JSONError) -> String {
    let start = position
    position += 1
    var decoded: [UInt8] = []
    var plainStart = position
    while let byte = current {
      switch byte {
      case UInt8(ascii: "\""):
        decoded += bytes[plainStart..<position]
        position += 1
        return String(decoding: decoded, as: UTF8.self)
      case UInt8(ascii: "\\"):
        decoded += bytes[plainStart..<position]
        try escape(into: &decoded)
        plainStart = position
      case 0..<0x20:
        throw error("a control character in a string must be escaped, found \(found())")
      case 0x80...:
        guard let length = utf8SequenceLength(bytes[position...]) else {
          throw error("invalid UTF-8, found \(found())")
        }
        position += length
      default:
        position += 1
      }
    }
    throw error("the string that begins here is not closed", at: start)
  }

  private mutating func escape(into decoded: inout [UInt8]) throws(JSONError) {
    let start = position
    position += 1
    let byte: UInt8
    switch current {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): byte = bytes[position]
    case UInt8(ascii: "b"): byte = 0x08
    case UInt8(ascii: "f"): byte = 0x0C
    case UInt8(ascii: "n"): byte = 0x0A
    case UInt8(ascii: "r"): byte = 0x0D
    case UInt8(ascii: "t"): byte = 0x09
    case UInt8(ascii: "u"):
      decoded += String(try unicodeEscape(from: start)).utf8
      return
    default: throw error("invalid escape: '\\' followed by \(found())", at: start)
    }
    decoded.append(byte)
    position += 1
  }

  /// The character of `\uXXXX`, or of two of them that are a surrogate pair; `start` is the
  /// offset of the backslash.
  private mutating func unicodeEscape(from start: Int) throws(JSONError) -> Character {
    let high = try hexadecimalUnit()
    if let scalar = Unicode.Scalar(high) { return Character(scalar) }
    guard high < 0xDC00, current == UInt8(ascii: "\\"), position + 1 < bytes.count,
      bytes[position + 1] == UInt8(ascii: "u")
    else { throw error("lone surrogate in an escape", at: start) }
    position += 1
    let low = try hexadecimalUnit()
    guard (0xDC00...0xDFFF).contains(low),
      let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
    else { throw error("lone surrogate in an escape", at: start) }
    return Character(scalar)
  }

  /// The number of the four hexadecimal digits behind the `u` at the position.
  private mutating func hexadecimalUnit() throws(JSONError) -> UInt32 {
    position += 1
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = current,
        let digit = Character(Unicode.Scalar(byte)).hexDigitValue
      else { throw error("expected four hexadecimal digits after '\\u', found \(found())") }
      unit = unit << 4 + UInt32(digit)
      position += 1
    }
    return unit
  }
}

/// The number of bytes of the character of two to four bytes that `bytes` begins with, or nil when
/// it is not one that UTF-8 allows (cut short, too long a form, a surrogate, beyond U+10FFFF).
private func utf8SequenceLength(_ bytes: ArraySlice<UInt8>) -> Int? {
  let length: Int
  let second: ClosedRange<UInt8>
  switch bytes[bytes.startIndex] {
  case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
  case 0xE0: (length, second) = (3, 0xA0...0xBF)
  case 0xED: (length, second) = (3, 0x80...0x9F)
  case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
  case 0xF0: (length, second) = (4, 0x90...0xBF)
  case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
  case 0xF4: (length, second) = (4, 0x80...0x8F)
  default: return nil
  }
  let sequence = bytes.prefix(length)
  guard sequence.count == length, second.contains(sequence[sequence.startIndex + 1]),
    sequence.dropFirst(2).allSatisfy({ $0 & 0xC0 == 0x80 })
  else { return nil }
  return length
}
