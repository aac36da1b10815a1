/// The options and arguments of a command line, already checked against the command's description.
///
/// To ask for an option that the command does not declare is a mistake in the program and traps.
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

  /// The value of an option: what was typed, else the default, else `nil`, `false` or an empty list.
  package subscript<Value>(
    option: Option<Value>, file file: StaticString = #fileID, line line: UInt = #line
  ) -> Value {
    checkDeclared(option, file, line)
    let name = option.declaration.name
    guard let value = option.value(values[name] ?? option.declaration.defaultText) else {
      fatalError("\(command.invocation): --\(name) has no value", file: file, line: line)
    }
    return value
  }

  /// The value of an option that the command needs.
  ///
  /// - Throws: `UsageError` when it was not typed.
  package func required<Value>(
    _ option: Option<Value?>, file: StaticString = #fileID, line: UInt = #line
  ) throws(UsageError) -> Value {
    if let value = self[option, file: file, line: line] { return value }
    throw UsageError(
      .missingOption(
        option: "--\(option.declaration.name)", placeholder: option.declaration.placeholder),
      command: command.invocation)
  }

  /// Whether an option was typed, or stands in a configuration.
  package func isTyped<Value>(
    _ option: Option<Value>, file: StaticString = #fileID, line: UInt = #line
  ) -> Bool {
    checkDeclared(option, file, line)
    return values[option.declaration.name] != nil
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

  private func checkDeclared<Value>(
    _ option: Option<Value>, _ file: StaticString, _ line: UInt
  ) {
    var declared = command.option(option.declaration.name)
    declared?.group = option.declaration.group
    guard declared == option.declaration else {
      fatalError(
        "\(command.invocation) declares no option --\(option.declaration.name)", file: file,
        line: line)
    }
  }
}
