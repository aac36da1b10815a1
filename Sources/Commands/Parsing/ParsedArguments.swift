/// The options and arguments of a command line, already checked against the command's description.
///
/// Each accessor gives what was typed, else the default. To ask for a name that the command does
/// not declare, or as another kind, is a mistake in the program and traps.
package struct ParsedArguments: Sendable {
  let command: CommandDescription
  private let values: [String: String]
  private let positional: [String: [String]]

  init(command: CommandDescription, values: [String: String], positional: [String: [String]]) {
    self.command = command
    self.values = values
    self.positional = positional
  }

  /// The options that were typed, with their values as typed.
  package var typedOptions: [String: String] { values }

  /// The same with further options, each as it would be typed; those that were typed win.
  ///
  /// - Precondition: the options are declared, and their values of their kinds.
  package func filled(with values: [String: String]) -> ParsedArguments {
    ParsedArguments(
      command: command, values: self.values.merging(values) { typed, _ in typed },
      positional: positional)
  }

  /// Whether the flag or option `name` was typed.
  package func has(_ name: String, file: StaticString = #fileID, line: UInt = #line) -> Bool {
    _ = declared(name, file, line)
    return values[name] != nil
  }

  /// The text of the option `name`.
  ///
  /// - Throws: `UsageError` when it was not typed and has no default.
  package func string(_ name: String, file: StaticString = #fileID, line: UInt = #line)
    throws(UsageError) -> String
  {
    try required(name, optionalString(name, file: file, line: line))
  }

  /// The text of the option `name`, or nil when it was not typed and has no default.
  package func optionalString(_ name: String, file: StaticString = #fileID, line: UInt = #line)
    -> String?
  {
    text(name, "a text", file, line) { $0 }
  }

  /// The whole number of the option `name`.
  ///
  /// - Throws: `UsageError` when it was not typed and has no default.
  package func int(_ name: String, file: StaticString = #fileID, line: UInt = #line)
    throws(UsageError) -> Int
  {
    try required(name, optionalInt(name, file: file, line: line))
  }

  /// The whole number of the option `name`, or nil when it was not typed and has no default.
  package func optionalInt(_ name: String, file: StaticString = #fileID, line: UInt = #line)
    -> Int?
  {
    text(name, "a whole number", file, line) { Int($0) }
  }

  /// The number of the option `name`.
  ///
  /// - Throws: `UsageError` when it was not typed and has no default.
  package func double(_ name: String, file: StaticString = #fileID, line: UInt = #line)
    throws(UsageError) -> Double
  {
    try required(name, optionalDouble(name, file: file, line: line))
  }

  /// The number of the option `name`, or nil when it was not typed and has no default.
  package func optionalDouble(_ name: String, file: StaticString = #fileID, line: UInt = #line)
    -> Double?
  {
    text(name, "a number", file, line) { Double($0) }
  }

  /// The texts of the list `name`; empty when it was not typed and has no default.
  package func list(_ name: String, file: StaticString = #fileID, line: UInt = #line) -> [String] {
    text(name, "a list", file, line) { listItems($0) } ?? []
  }

  /// The whole numbers of the list `name`; empty when it was not typed and has no default.
  package func ints(_ name: String, file: StaticString = #fileID, line: UInt = #line) -> [Int] {
    let numbers = text(name, "a list of whole numbers", file, line) { text in
      let items = listItems(text)
      let numbers = items.compactMap { Int($0) }
      return numbers.count == items.count ? numbers : nil
    }
    return numbers ?? []
  }

  /// The words given for the argument `name`: none, one or several.
  package func arguments(_ name: String, file: StaticString = #fileID, line: UInt = #line)
    -> [String]
  {
    guard let words = positional[name] else {
      fatalError("\(command.invocation) declares no argument \(name)", file: file, line: line)
    }
    return words
  }

  /// The word given for the argument `name`, or nil when it is optional and was not given.
  package func argument(_ name: String, file: StaticString = #fileID, line: UInt = #line)
    -> String?
  {
    arguments(name, file: file, line: line).first
  }

  /// An error in the use of this command that only the command itself can see.
  package func misuse(_ text: String) -> UsageError {
    UsageError(.other(text), command: command.invocation)
  }

  private func required<Value>(_ name: String, _ value: Value?) throws(UsageError) -> Value {
    if let value { return value }
    let placeholder = command.option(name)?.placeholder ?? ""
    throw UsageError(
      .missingOption(option: "--\(name)", placeholder: placeholder), command: command.invocation)
  }

  private func declared(_ name: String, _ file: StaticString, _ line: UInt) -> CommandOption {
    guard let option = command.option(name) else {
      fatalError("\(command.invocation) declares no option --\(name)", file: file, line: line)
    }
    return option
  }

  private func text<Value>(
    _ name: String, _ kind: String, _ file: StaticString, _ line: UInt, _ read: (String) -> Value?
  ) -> Value? {
    let option = declared(name, file, line)
    guard let text = values[name] ?? option.defaultText else { return nil }
    guard let value = read(text), option.kind.expectation(violatedBy: text) == nil else {
      fatalError(
        "\(command.invocation) declares --\(name) '\(text)', which is not \(kind)", file: file,
        line: line)
    }
    return value
  }
}
