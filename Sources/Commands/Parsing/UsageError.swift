/// A command line that cannot be understood: what is wrong with it and where help is.
package struct UsageError: Error, Equatable, Sendable {
  /// What is wrong.
  package let problem: Problem
  /// The command as typed to run it: `convnet train`.
  package let command: String

  /// An error in the use of `command`.
  package init(_ problem: Problem, command: String) {
    self.problem = problem
    self.command = command
  }

  /// The ways to get a command line wrong. `option` is with its dashes.
  package enum Problem: Equatable, Sendable {
    case noCommand
    case unknownCommand(name: String, nearest: String?)
    case unknownOption(option: String, nearest: String?)
    case missingValue(option: String, placeholder: String)
    case unneededValue(option: String, value: String)
    case repeatedOption(option: String)
    case missingOption(option: String, placeholder: String)
    case badValue(name: String, value: String, expected: String, nearest: String? = nil)
    case missingArgument(name: String)
    case unexpectedArgument(value: String)
    /// What only the command itself can tell, such as two options that exclude each other.
    case other(String)
  }
}

extension UsageError: CustomStringConvertible {
  /// What is wrong, the nearest name if there is one, and where help is.
  package var description: String {
    "\(problem); see '\(command) --help'"
  }
}

extension UsageError.Problem: CustomStringConvertible {
  /// What is wrong, without the reference to the help.
  package var description: String {
    switch self {
    case .noCommand:
      "no command given"
    case .unknownCommand(let name, let nearest):
      "unknown command '\(name)'" + Self.suggest(nearest)
    case .unknownOption(let option, let nearest):
      "unknown option '\(option)'" + Self.suggest(nearest)
    case .missingValue(let option, let placeholder):
      "option '\(option)' needs a value: \(option) \(placeholder)"
    case .unneededValue(let option, let value):
      "option '\(option)' takes no value, but '\(value)' was given"
    case .repeatedOption(let option):
      "option '\(option)' is given twice"
    case .missingOption(let option, let placeholder):
      "option '\(option) \(placeholder)' is required"
    case .badValue(let name, let value, let expected, let nearest):
      "'\(name)' is '\(value)', but must be \(expected)" + Self.suggest(nearest)
    case .missingArgument(let name):
      "argument \(name) is missing"
    case .unexpectedArgument(let value):
      "unexpected argument '\(value)'"
    case .other(let text):
      text
    }
  }

  private static func suggest(_ nearest: String?) -> String {
    nearest.map { " (did you mean '\($0)'?)" } ?? ""
  }
}
