import TapestryGraph

/// What the names in a state file are called in the model.
///
/// ```swift
/// try net.load(from: "resnet.safetensors", renaming: .removingPrefix("module."))
/// try net.load(from: "net.safetensors", renaming: .table(["conv_*.w": "features.*.weight"]))
/// ```
public struct StateRenaming: Sendable {
  private let rename: @Sendable (String) -> String?

  /// - Parameter rename: the model's name for a name in the file; `nil` leaves the array out.
  public init(_ rename: @escaping @Sendable (String) -> String?) { self.rename = rename }

  /// The model's name for a name in the file, or `nil` when the array is left out.
  public func callAsFunction(_ name: String) -> String? { rename(name) }

  /// The names as they stand in the file.
  public static let none = StateRenaming { $0 }

  /// Names without this beginning; a name that begins otherwise stays. For example `module.`, which PyTorch's
  /// `DataParallel` puts in front of every name.
  public static func removingPrefix(_ prefix: String) -> StateRenaming {
    StateRenaming { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : $0 }
  }

  /// Names with this in front.
  public static func addingPrefix(_ prefix: String) -> StateRenaming {
    StateRenaming { prefix + $0 }
  }

  /// A table of patterns for whole names, tried in order: the first that matches gives the new name, in which a
  /// `*` puts back what the `*` at the same place took. A name that none matches stays.
  ///
  /// - Precondition: no new name has more stars than its pattern.
  public static func table(
    _ table: KeyValuePairs<String, String>, file: StaticString = #fileID, line: UInt = #line
  ) -> StateRenaming {
    let rows = table.map { (pattern: NamePattern($0.key), name: NamePattern($0.value)) }
    for (pattern, name) in rows where name.starCount > pattern.starCount {
      trap(
        "StateRenaming.table: the new name \"\(name)\" has more stars than its pattern \"\(pattern)\"",
        file: file, line: line)
    }
    return StateRenaming { given in
      for (pattern, name) in rows {
        if let captures = pattern.captures(in: given[...]) { return name.filled(with: captures) }
      }
      return given
    }
  }

  /// This renaming, and `next` applied to its results.
  public func then(_ next: StateRenaming) -> StateRenaming {
    StateRenaming { name in self(name).flatMap { next($0) } }
  }
}
