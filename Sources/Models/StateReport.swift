import TapestryFiles

/// Ways in which a state may differ from the model it is loaded into.
public struct StateDifferences: OptionSet, Sendable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// The model has names that the file lacks; their values stay as they are.
  public static let missing = StateDifferences(rawValue: 1)
  /// The file has names that the model lacks.
  public static let unknown = StateDifferences(rawValue: 2)
  /// Both have the name, in different shapes; the model's values stay as they are. For a net with another number
  /// of classes.
  public static let misshaped = StateDifferences(rawValue: 4)
  /// All of these.
  public static let all: StateDifferences = [.missing, .unknown, .misshaped]
}

/// What was loaded from a state file, and what was not.
public struct StateReport: Sendable, Equatable, CustomStringConvertible {
  /// A name whose value did not travel, and why.
  public struct Omission: Sendable, Equatable, CustomStringConvertible {
    /// The reason.
    public enum Reason: Sendable, Equatable {
      case missing, unknown, misshaped
      /// The element type of the file cannot become that of the model.
      case unconvertible
      /// It was asked to be left out.
      case excluded
    }
    public let name: String
    public let reason: Reason
    /// `shape: output.weight is [10, 84] in the file, [3, 84] in the model`
    public let description: String
  }

  /// What the state was read from.
  public let source: String
  /// The names of the model that have new values, in its order.
  public internal(set) var loaded: [String] = []
  /// What did not travel: first the model's names in its order, then the file's.
  public internal(set) var omissions: [Omission] = []

  /// Whether every name of the model has a value from the file, and every array of the file was used.
  public var isTotal: Bool { omissions.isEmpty }

  /// The names left out for that reason.
  public func names(_ reason: Omission.Reason) -> [String] {
    omissions.filter { $0.reason == reason }.map(\.name)
  }

  /// `resnet18.safetensors: loaded 120 names, left out 2`, then a line per name left out.
  public var description: String {
    let count = loaded.count == 1 ? "one name" : "\(loaded.count) names"
    let heading = "\(source): loaded \(count), left out \(omissions.count)"
    return omissions.reduce(heading) { "\($0)\n  \($1)" }
  }
}

/// Everything by which a state differs from the model it is loaded into; nothing has been changed.
public struct StateMismatch: Error, Sendable, Equatable, CustomStringConvertible {
  /// What the state was read from.
  public let source: String
  /// A line per name that is missing, unknown, mis-shaped or of a type that cannot be converted.
  public let problems: [String]
  /// How it could be loaded, where that can be told from the names.
  public let remedy: String?

  init(source: String, problems: [String], remedy: String? = nil) {
    self.source = source
    self.problems = problems
    self.remedy = remedy
  }

  /// The first hundred problems on a line each, then the remedy.
  public var description: String {
    let shown = 100
    let count = problems.count == 1 ? "one name differs" : "\(problems.count) names differ"
    var lines = ["\(source) does not fit this model: \(count); nothing was loaded"]
    lines += problems.prefix(shown).map { "  " + $0 }
    if problems.count > shown { lines.append("  ... and \(problems.count - shown) more") }
    if let remedy { lines.append(remedy) }
    return lines.joined(separator: "\n")
  }
}

/// A name from a file as it can be shown: as it is, or quoted where it has characters that a terminal would obey.
func shown(_ name: String) -> String {
  let isPlain = name.unicodeScalars.allSatisfy {
    switch $0.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: false
    default: true
    }
  }
  return isPlain && name.utf8.count <= 200 ? name : quoted(name)
}
