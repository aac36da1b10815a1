import TapestryFiles
import TapestryModels

extension CommandDescription {
  /// What a command line asks for.
  package enum Request: Sendable {
    /// To show the help, in the text.
    case help(String)
    /// To run the command with these arguments.
    case run(ParsedArguments)
  }

  /// What the command line `words`, without program and command, asks for.
  ///
  /// Options are written `--name value` or `--name=value`, before, between or behind the arguments;
  /// behind `--` everything is an argument. A value that begins with two dashes must be written
  /// with `=`. `-h` or `--help` anywhere before `--` asks for the help, whatever else is wrong.
  /// - Throws: `UsageError` for the first word that does not fit.
  package func parse(_ words: [String]) throws(UsageError) -> Request {
    if words.prefix(while: { $0 != "--" }).contains(where: { $0 == "-h" || $0 == "--help" }) {
      return .help(help())
    }
    var parser = OptionParser(self, words)
    return .run(try parser.parse())
  }
}

private struct OptionParser {
  let command: CommandDescription
  private var words: ArraySlice<String>
  private var values: [String: String] = [:]
  private var positional: [String] = []

  init(_ command: CommandDescription, _ words: [String]) {
    self.command = command
    self.words = words[...]
  }

  mutating func parse() throws(UsageError) -> ParsedArguments {
    while let word = words.popFirst() {
      if word == "--" {
        positional += words
        break
      } else if word.hasPrefix("--") {
        try takeOption(word)
      } else if word.hasPrefix("-"), word != "-" {
        throw unknown(word)
      } else {
        positional.append(word)
      }
    }
    return ParsedArguments(command: command, values: values, positional: try assignedPositional())
  }

  private mutating func takeOption(_ word: String) throws(UsageError) {
    let parts = word.dropFirst(2).split(
      separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    let attached = parts.count == 2 ? String(parts[1]) : nil
    guard let option = command.option(name) else { throw unknown("--\(name)") }
    guard values[name] == nil else { throw error(.repeatedOption(option: "--\(name)")) }
    if option.kind == .flag {
      if let attached { throw error(.unneededValue(option: "--\(name)", value: attached)) }
      values[name] = ""
      return
    }
    guard let value = attached ?? words.first, attached != nil || !value.hasPrefix("--") else {
      throw error(.missingValue(option: "--\(name)", placeholder: option.placeholder))
    }
    if attached == nil { words.removeFirst() }
    if let expected = option.kind.expectation(violatedBy: value) {
      let near: String? =
        switch option.kind {
        case .choice(let choices): nearest(value, in: choices)
        case .model: ModelCatalog.suggestion(for: value)
        default: nil
        }
      throw error(
        .badValue(name: "--\(name)", value: value, expected: expected, nearest: near))
    }
    values[name] = value
  }

  /// The words for each argument of the command, in the order of its description.
  private func assignedPositional() throws(UsageError) -> [String: [String]] {
    var rest = positional[...]
    var assigned: [String: [String]] = [:]
    for argument in command.arguments {
      let isRepeated = argument.count == .many || argument.count == .any
      let taken = isRepeated ? rest : rest.prefix(1)
      if taken.isEmpty, argument.count == .one || argument.count == .many {
        throw error(.missingArgument(name: argument.name))
      }
      assigned[argument.name] = Array(taken)
      rest = rest.dropFirst(taken.count)
    }
    if let surplus = rest.first { throw error(.unexpectedArgument(value: surplus)) }
    return assigned
  }

  private func unknown(_ word: String) -> UsageError {
    let name = String(word.drop { $0 == "-" })
    let near = nearest(name, in: command.options.map(\.name) + ["help"]).map { "--\($0)" }
    return error(.unknownOption(option: word, nearest: near))
  }

  private func error(_ problem: UsageError.Problem) -> UsageError {
    UsageError(problem, command: command.invocation)
  }
}
