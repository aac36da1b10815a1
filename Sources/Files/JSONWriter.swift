extension JSONValue {
  /// The JSON text of this value: the same value gives the same text, and reading the text gives
  /// the same value.
  ///
  /// Objects keep their order. Doubles are written with the fewest digits that read back the same.
  /// - Parameter isPretty: One member or element a line, indented by two spaces; otherwise there is
  ///   no space at all.
  /// - Throws: `JSONWritingError` for a number that is not finite and for nesting beyond
  ///   `maximumDepth`.
  package func text(isPretty: Bool = false) throws(JSONWritingError) -> String {
    var writer = JSONWriter(isPretty: isPretty)
    try writer.write(self)
    return writer.text
  }

  /// Puts the JSON text of this value at `path`, all or nothing.
  package func write(to path: String, isPretty: Bool = false) throws(FileError) {
    let json: String
    do throws(JSONWritingError) {
      json = try text(isPretty: isPretty)
    } catch {
      throw FileError(path: path, cause: .unwritableJSON(error))
    }
    try AtomicFile.write(isPretty ? json + "\n" : json, to: path)
  }
}

private struct JSONWriter {
  let isPretty: Bool
  var text = ""
  /// The way from the root to what is being written, for messages.
  private var path: [String] = []

  init(isPretty: Bool) {
    self.isPretty = isPretty
  }

  mutating func write(_ value: JSONValue) throws(JSONWritingError) {
    switch value {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .number(let value):
      guard value.isFinite else { throw error("\(value) is not a number that JSON has") }
      text += "\(value)"
    case .string(let value): write(value)
    case .array(let elements):
      try list("[", "]", count: elements.count) { writer, index throws(JSONWritingError) in
        writer.path.append("[\(index)]")
        try writer.write(elements[index])
      }
    case .object(let object):
      try list("{", "}", count: object.count) { writer, index throws(JSONWritingError) in
        let member = object.members[index]
        writer.path.append("." + member.key)
        writer.write(member.key)
        writer.text += writer.isPretty ? ": " : ":"
        try writer.write(member.value)
      }
    }
  }

  private mutating func list(
    _ open: String, _ close: String, count: Int,
    item: (inout JSONWriter, Int) throws(JSONWritingError) -> Void
  ) throws(JSONWritingError) {
    guard path.count < JSONValue.maximumDepth else {
      throw error("nested deeper than \(JSONValue.maximumDepth) levels")
    }
    text += open
    for index in 0..<count {
      if index > 0 { text += "," }
      newLine(depth: path.count + 1)
      try item(&self, index)
      path.removeLast()
    }
    if count > 0 { newLine(depth: path.count) }
    text += close
  }

  private mutating func newLine(depth: Int) {
    guard isPretty else { return }
    text += "\n" + String(repeating: "  ", count: depth)
  }

  private mutating func write(_ string: String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{08}": text += "\\b"
      case "\u{0C}": text += "\\f"
      case "\u{00}"..<"\u{20}":
        text += (scalar.value < 16 ? "\\u000" : "\\u00") + String(scalar.value, radix: 16)
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }

  private func error(_ reason: String) -> JSONWritingError {
    JSONWritingError(reason: reason, path: "$" + path.joined())
  }
}
