import TapestryModels

/// An option of a command: `--name VALUE`, or `--name` alone for a flag.
package struct CommandOption: Equatable, Sendable {
  /// The values an option accepts.
  package enum Kind: Equatable, Sendable {
    /// Present or not; takes no value.
    case flag
    /// Any text.
    case string
    /// One of these texts.
    case choice([String])
    /// The name of a model of the catalog.
    case model
    /// A whole number in a range.
    case int(ClosedRange<Int>)
    /// A finite number in a range.
    case double(ClosedRange<Double>)
    /// Texts with commas between them: `a,b,c`.
    case list
    /// Whole numbers in a range with commas between them.
    case intList(ClosedRange<Int>)
  }

  /// The name without dashes.
  package let name: String
  /// What stands for the value in the help: `NUMBER`; empty for a flag.
  package let placeholder: String
  /// The values it accepts.
  package let kind: Kind
  /// The value when the option is not given, as it would be typed; nil when there is none.
  package let defaultText: String?
  /// What it does, for the help.
  package let help: String
  /// The heading that it stands under in the help; empty for the common one.
  package var group = ""

  /// An option that is present or not.
  package static func flag(_ name: String, help: String) -> CommandOption {
    CommandOption(name: name, placeholder: "", kind: .flag, defaultText: nil, help: help)
  }

  /// An option with any text.
  package static func string(
    _ name: String, _ placeholder: String, default defaultText: String? = nil, help: String
  ) -> CommandOption {
    CommandOption(
      name: name, placeholder: placeholder, kind: .string, defaultText: defaultText, help: help)
  }

  /// The option `--model` with the name of a model, of which there are too many for the help to list.
  package static func model(default name: String? = nil, help: String) -> CommandOption {
    CommandOption(
      name: "model", placeholder: "NAME", kind: .model, defaultText: name,
      help: help + " 'convnet models' lists them.")
  }

  /// An option with one of the texts `choices`.
  package static func choice(
    _ name: String, _ placeholder: String, of choices: [String], default defaultText: String? = nil,
    help: String
  ) -> CommandOption {
    CommandOption(
      name: name, placeholder: placeholder, kind: .choice(choices), defaultText: defaultText,
      help: help)
  }

  /// An option with a whole number.
  package static func int(
    _ name: String, _ placeholder: String = "N", default value: Int? = nil,
    in range: ClosedRange<Int> = .min ... .max, help: String
  ) -> CommandOption {
    CommandOption(
      name: name, placeholder: placeholder, kind: .int(range),
      defaultText: value.map(String.init), help: help)
  }

  /// An option with a finite number.
  package static func double(
    _ name: String, _ placeholder: String = "X", default value: Double? = nil,
    in range: ClosedRange<Double> = -.infinity ... .infinity, help: String
  ) -> CommandOption {
    CommandOption(
      name: name, placeholder: placeholder, kind: .double(range),
      defaultText: value.map(shortText), help: help)
  }

  /// An option with texts, commas between them.
  package static func list(
    _ name: String, _ placeholder: String = "A,B,...", default defaultText: String? = nil,
    help: String
  ) -> CommandOption {
    CommandOption(
      name: name, placeholder: placeholder, kind: .list, defaultText: defaultText, help: help)
  }

  /// An option with whole numbers, commas between them.
  package static func intList(
    _ name: String, _ placeholder: String = "N,N,...", default values: [Int]? = nil,
    in range: ClosedRange<Int> = .min ... .max, help: String
  ) -> CommandOption {
    CommandOption(
      name: name, placeholder: placeholder, kind: .intList(range),
      defaultText: values.map { $0.map(String.init).joined(separator: ",") }, help: help)
  }
}

extension [CommandOption] {
  /// The same options under a heading of their own in the help.
  package func titled(_ group: String) -> [CommandOption] {
    map { option in
      var option = option
      option.group = group
      return option
    }
  }
}

extension CommandOption.Kind {
  /// What is expected instead of `text`, or nil when `text` is a value of this kind.
  func expectation(violatedBy text: String) -> String? {
    switch self {
    case .flag, .string, .list:
      return nil
    case .choice(let choices):
      return choices.contains(text) ? nil : "one of \(choices.joined(separator: ", "))"
    case .model:
      return ModelCatalog.entry(named: text) == nil
        ? "one of the models that 'convnet models' lists" : nil
    case .int(let range):
      return Int(text).map(range.contains) == true ? nil : "a whole number\(limits(range))"
    case .double(let range):
      guard let value = Double(text), value.isFinite, range.contains(value) else {
        return "a number\(limits(range))"
      }
      return nil
    case .intList(let range):
      let isGood = listItems(text).allSatisfy { Int($0).map(range.contains) == true }
      return isGood ? nil : "whole numbers\(limits(range)) with commas between them"
    }
  }

  private func limits(_ range: ClosedRange<Int>) -> String {
    switch (range.lowerBound, range.upperBound) {
    case (.min, .max): ""
    case (let low, .max): " of at least \(low)"
    case (.min, let high): " of at most \(high)"
    case (let low, let high): " from \(low) to \(high)"
    }
  }

  private func limits(_ range: ClosedRange<Double>) -> String {
    let low = shortText(range.lowerBound)
    let high = shortText(range.upperBound)
    switch (range.lowerBound.isFinite, range.upperBound.isFinite) {
    case (false, false): return ""
    case (true, false): return " of at least \(low)"
    case (false, true): return " of at most \(high)"
    case (true, true): return " from \(low) to \(high)"
    }
  }
}

/// The texts between the commas of `text`; an empty text has none.
func listItems(_ text: String) -> [String] {
  guard !text.isEmpty else { return [] }
  return text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
}

/// `value` without a fraction when it has none: `1`, not `1.0`.
func shortText(_ value: Double) -> String {
  let text = "\(value)"
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
