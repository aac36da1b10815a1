import TapestryFiles

/// Everything that is wrong with the files of a data set. Nothing was loaded.
public struct DatasetError: Error, Equatable, Sendable {
  /// The folder or file, as the caller gave it.
  public let path: String
  /// What is wrong, one entry per cause.
  public let problems: [Problem]

  /// One thing that is wrong.
  public enum Problem: Equatable, Sendable {
    /// A file that is missing: its name, and what it should hold.
    case missing(name: String, content: String)
    /// A file that cannot be read or breaks the format.
    case file(FileError)
    /// Contents that do not go together.
    case inconsistent(String)
    /// What the folder should contain.
    case expectation(String)
  }
}

extension DatasetError: CustomStringConvertible {
  /// The path, then every problem.
  public var description: String {
    "\(path.isEmpty ? "(empty path)" : path): \(listing(problems.map(\.description)))"
  }
}

extension DatasetError.Problem: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missing(let name, let content): "\(name) is missing (\(content))"
    case .file(let error): "\(error)"
    case .inconsistent(let reason): reason
    case .expectation(let text): text
    }
  }
}
