import TapestryFiles
import TapestryModels

/// The options of a command as a JSON object, their names as keys: to read with `--config`, and as it is stored with a
/// run.
struct CommandConfiguration {
  /// The options, each as it would be typed.
  private(set) var values: [String: String] = [:]

  /// Reads the file at `path`.
  ///
  /// - Parameters:
  ///   - command: whose options they are.
  ///   - excluded: options that cannot stand in a file.
  /// - Throws: `FileError` with every unknown key and every value that does not fit.
  init(path: String, of command: CommandDescription, except excluded: Set<String>)
    throws(FileError)
  {
    let bytes = try InputFile(path: path).readToEnd(limit: 1 << 20)
    let json: JSONValue
    do throws(JSONError) {
      json = try JSONValue(parsing: bytes)
    } catch {
      throw FileError(path: path, cause: .json(error))
    }
    guard let object = json.object else {
      throw Self.refused(path, ["it is \(json.kind), but an object of options is expected"])
    }
    let options = command.options.filter { !excluded.contains($0.name) }
    var problems: [String] = []
    for member in object.members {
      guard let option = options.first(where: { $0.name == member.key }) else {
        let near = nearest(member.key, in: options.map(\.name))
        problems.append(
          "\(quoted(member.key)) is no option of '\(command.invocation)'"
            + (near.map { " (did you mean \"\($0)\"?)" } ?? ""))
        continue
      }
      switch Self.text(member.value, for: option) {
      case .success(let text): values[option.name] = text
      case .failure(let mismatch):
        problems.append(
          "\(quoted(member.key)) is \(mismatch.found), but must be \(mismatch.expected)")
      }
    }
    guard problems.isEmpty else { throw Self.refused(path, problems) }
  }

  private static func refused(_ path: String, _ problems: [String]) -> FileError {
    FileError(path: path, cause: .malformed(format: "configuration", problems: problems))
  }

  private struct Mismatch: Error {
    let found: String
    let expected: String
  }

  /// The value as it would be typed; `nil` for a flag that is not set.
  private static func text(
    _ value: JSONValue, for option: CommandOption
  ) -> Result<String?, Mismatch> {
    func mismatch(_ expected: String, _ found: String? = nil) -> Result<String?, Mismatch> {
      .failure(Mismatch(found: found ?? value.kind, expected: expected))
    }
    let text: String
    switch (option.kind, value) {
    case (.flag, .bool(let isSet)): return .success(isSet ? "" : nil)
    case (.flag, _): return mismatch("true or false")
    case (.string, .string(let string)), (.choice, .string(let string)),
      (.model, .string(let string)),
      (.list, .string(let string)):
      text = string
    case (.int, .integer(let number)), (.double, .integer(let number)): text = String(number)
    case (.double, .number(let number)): text = "\(number)"
    case (.list, .array(let elements)), (.intList, .array(let elements)):
      let texts = elements.compactMap { $0.string ?? $0.int.map(String.init) }
      guard texts.count == elements.count else { return mismatch("an array of texts") }
      text = texts.joined(separator: ",")
    default: return mismatch(option.kind.expectation(violatedBy: "") ?? "a text")
    }
    if let expected = option.kind.expectation(violatedBy: text) {
      return mismatch(expected, quoted(text))
    }
    return .success(text)
  }

  /// The effective options of a command line as a JSON object: what was typed, what else is in force, and the
  /// defaults.
  ///
  /// - Parameter effective: values that the command has found by itself, as they would be typed.
  static func json(
    _ arguments: ParsedArguments, of command: CommandDescription, except excluded: Set<String>,
    effective: [String: String]
  ) -> JSONValue {
    var object = JSONObject()
    for option in command.options where !excluded.contains(option.name) {
      if option.kind == .flag {
        object[option.name] = .bool(arguments.typedOptions[option.name] != nil)
        continue
      }
      let text =
        arguments.typedOptions[option.name] ?? effective[option.name] ?? option.defaultText
      guard let text else { continue }
      switch option.kind {
      case .int: object[option.name] = Int(text).map { .integer($0) }
      case .double: object[option.name] = Double(text).map { .finite($0) }
      case .list, .intList: object[option.name] = .array(listItems(text).map { .string($0) })
      default: object[option.name] = .string(text)
      }
    }
    return .object(object)
  }
}
