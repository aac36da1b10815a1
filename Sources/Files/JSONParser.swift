extension JSONValue {
  /// The value of the JSON text `bytes`, which must be UTF-8 without a byte order mark.
  ///
  /// Strict: nothing may follow the value, no key may be repeated, nesting is limited to
  /// `maximumDepth` and the text to ten million values, numbers must be finite.
  ///
  /// - Throws: `JSONError` with the place; repeated keys are reported together.
  package init(parsing bytes: [UInt8]) throws(JSONError) {
    var parser = JSONParser(bytes)
    self = try parser.wholeText()
  }

  /// The value of the JSON text `text`.
  package init(parsing text: String) throws(JSONError) {
    try self.init(parsing: Array(text.utf8))
  }

  /// The value of the JSON text in the file at `path`, of at most `limit` bytes.
  package init(contentsOf path: String, limit: Int = 100_000_000) throws(FileError) {
    let bytes = try readPossiblyCompressed(path, limit: limit)
    do throws(JSONError) {
      try self.init(parsing: bytes)
    } catch {
      throw FileError(path: path, cause: .json(error))
    }
  }
}

/// One pass over the bytes; recursion follows the nesting of the text, which is limited.
struct JSONParser {
  let bytes: [UInt8]
  var position = 0
  private var depth = 0
  private var valueCount = 0
  private var repeatedKeys: [(key: String, offset: Int)] = []

  /// A value takes several times the memory of its text, so that a bound on the text is no bound
  /// on the memory.
  private static let maximumValueCount = 10_000_000

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  mutating func wholeText() throws(JSONError) -> JSONValue {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      throw error("begins with a byte order mark, which JSON does not allow", at: 0)
    }
    skipSpace()
    let value = try value()
    skipSpace()
    guard position == bytes.count else {
      throw error("expected the end of the text, found \(found())")
    }
    if let first = repeatedKeys.first {
      let keys = repeatedKeys.map { quoted($0.key) }
      let shown = keys.prefix(20).joined(separator: ", ")
      let rest = keys.count > 20 ? " and \(keys.count - 20) more" : ""
      throw error("repeated \(keys.count == 1 ? "key" : "keys") \(shown)\(rest)", at: first.offset)
    }
    return value
  }

  private mutating func value() throws(JSONError) -> JSONValue {
    valueCount += 1
    guard valueCount <= Self.maximumValueCount else {
      throw error("more than \(Self.maximumValueCount) values")
    }
    switch current {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: throw error("expected a value, found \(found())")
    }
  }

  private mutating func object() throws(JSONError) -> JSONValue {
    try enter()
    var object = JSONObject()
    if skipIf("}") { return leave(.object(object)) }
    while true {
      let offset = position
      guard current == UInt8(ascii: "\"") else {
        throw error("expected a key in double quotes, found \(found())")
      }
      let key = try string()
      skipSpace()
      guard skipIf(":") else { throw error("expected ':' after the key, found \(found())") }
      let value = try value()
      if !object.append(key, value) { repeatedKeys.append((key, offset)) }
      skipSpace()
      if skipIf("}") { return leave(.object(object)) }
      guard skipIf(",") else { throw error("expected ',' or '}', found \(found())") }
    }
  }

  private mutating func array() throws(JSONError) -> JSONValue {
    try enter()
    var elements: [JSONValue] = []
    if skipIf("]") { return leave(.array(elements)) }
    while true {
      elements.append(try value())
      skipSpace()
      if skipIf("]") { return leave(.array(elements)) }
      guard skipIf(",") else { throw error("expected ',' or ']', found \(found())") }
    }
  }

  private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONError)
    -> JSONValue
  {
    let end = position + text.utf8CodeUnitCount
    guard end <= bytes.count, bytes[position..<end].elementsEqual("\(text)".utf8) else {
      throw error("expected '\(text)'")
    }
    position = end
    return value
  }

  private mutating func enter() throws(JSONError) {
    depth += 1
    guard depth <= JSONValue.maximumDepth else {
      throw error("nested deeper than \(JSONValue.maximumDepth) levels")
    }
    position += 1
    skipSpace()
  }

  private mutating func leave(_ value: JSONValue) -> JSONValue {
    depth -= 1
    return value
  }
}

extension JSONParser {
  /// The byte at the position, or nil at the end.
  var current: UInt8? {
    position < bytes.count ? bytes[position] : nil
  }

  mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  /// Steps over `character` and the space behind it, or returns false.
  private mutating func skipIf(_ character: Unicode.Scalar) -> Bool {
    guard current == UInt8(ascii: character) else { return false }
    position += 1
    skipSpace()
    return true
  }

  func error(_ reason: String, at offset: Int? = nil) -> JSONError {
    JSONError(reason, at: offset ?? position, of: bytes)
  }

  /// What stands at the position, in words for a message.
  func found() -> String {
    guard let byte = current else { return "the end of the text" }
    guard (0x21...0x7E).contains(byte) else {
      return "byte 0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return "'\(Character(Unicode.Scalar(byte)))'"
  }
}
