/// An option of a command with the type of its value: declared once, with name, kind and reading.
///
/// ```swift
/// static let count: Option<Int> = .int("count", default: 16, in: 1...1000, help: "How many.")
/// ...
/// options: declared(count)   // in the description of the command
/// arguments[count]           // an Int
/// ```
/// The type of an option without a default is optional; a command that cannot do without it says
/// `try arguments.required(option)`.
package struct Option<Value: Sendable>: Sendable {
  /// What parsing and help need to know.
  package let declaration: CommandOption
  /// The value of a text of its kind: what was typed, or else the default, or else `nil`.
  let value: @Sendable (String?) -> Value?
}

/// The declarations of options, for the description of a command.
package func declared<each Value>(_ options: repeat Option<each Value>) -> [CommandOption] {
  var declarations: [CommandOption] = []
  for option in repeat each options { declarations.append(option.declaration) }
  return declarations
}

extension Option where Value == Bool {
  /// An option that is present or not.
  package static func flag(_ name: String, help: String) -> Option {
    Option(declaration: .flag(name, help: help)) { $0 != nil }
  }
}

extension Option where Value == String {
  /// An option with any text.
  package static func string(
    _ name: String, _ placeholder: String, default value: String, help: String
  ) -> Option {
    Option(declaration: .string(name, placeholder, default: value, help: help)) { $0 }
  }

  /// An option with one of the texts `choices`.
  package static func choice(
    _ name: String, _ placeholder: String, of choices: [String], default value: String,
    help: String
  ) -> Option {
    Option(declaration: .choice(name, placeholder, of: choices, default: value, help: help)) { $0 }
  }

  /// The option `--model` with the name of a model of the catalog.
  package static func model(default name: String, help: String) -> Option {
    Option(declaration: .model(default: name, help: help)) { $0 }
  }
}

extension Option where Value == String? {
  /// An option with any text.
  package static func string(_ name: String, _ placeholder: String, help: String) -> Option {
    Option(declaration: .string(name, placeholder, help: help)) { .some($0) }
  }

  /// An option with one of the texts `choices`.
  package static func choice(
    _ name: String, _ placeholder: String, of choices: [String], help: String
  ) -> Option {
    Option(declaration: .choice(name, placeholder, of: choices, help: help)) { .some($0) }
  }

  /// The option `--model` with the name of a model of the catalog.
  package static func model(help: String) -> Option {
    Option(declaration: .model(help: help)) { .some($0) }
  }
}

extension Option where Value == Int {
  /// An option with a whole number.
  package static func int(
    _ name: String, _ placeholder: String = "N", default value: Int,
    in range: ClosedRange<Int> = .min ... .max, help: String
  ) -> Option {
    Option(declaration: .int(name, placeholder, default: value, in: range, help: help)) {
      $0.flatMap { Int($0) }
    }
  }
}

extension Option where Value == Int? {
  /// An option with a whole number.
  package static func int(
    _ name: String, _ placeholder: String = "N", in range: ClosedRange<Int> = .min ... .max,
    help: String
  ) -> Option {
    Option(declaration: .int(name, placeholder, in: range, help: help)) {
      .some($0.flatMap { Int($0) })
    }
  }
}

extension Option where Value == Double {
  /// An option with a finite number.
  package static func double(
    _ name: String, _ placeholder: String = "X", default value: Double,
    in range: ClosedRange<Double> = -.infinity ... .infinity, help: String
  ) -> Option {
    Option(declaration: .double(name, placeholder, default: value, in: range, help: help)) {
      $0.flatMap { Double($0) }
    }
  }
}

extension Option where Value == Double? {
  /// An option with a finite number.
  package static func double(
    _ name: String, _ placeholder: String = "X",
    in range: ClosedRange<Double> = -.infinity ... .infinity, help: String
  ) -> Option {
    Option(declaration: .double(name, placeholder, in: range, help: help)) {
      .some($0.flatMap { Double($0) })
    }
  }
}

extension Option where Value == [String] {
  /// An option with texts, commas between them; none when it is not typed and has no default.
  package static func list(
    _ name: String, _ placeholder: String = "A,B,...", default text: String? = nil, help: String
  ) -> Option {
    Option(declaration: .list(name, placeholder, default: text, help: help)) {
      $0.map(listItems) ?? []
    }
  }
}

extension Option where Value == [Int] {
  /// An option with whole numbers, commas between them; none when it is not typed and has no default.
  package static func intList(
    _ name: String, _ placeholder: String = "N,N,...", default values: [Int]? = nil,
    in range: ClosedRange<Int> = .min ... .max, help: String
  ) -> Option {
    Option(declaration: .intList(name, placeholder, default: values, in: range, help: help)) {
      $0.map { listItems($0).compactMap { Int($0) } } ?? []
    }
  }
}
