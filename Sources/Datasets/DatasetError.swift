import TapestryFiles

/// Everything that is wrong with the files of a data set. Nothing was loaded.
public struct DatasetError: Error, Equatable, Sendable {
  /// The folder or file, as the caller gave it.
  public let path: String
  /// What is wrong, one entry per cause.
  public let problems: [Problem]
  /// What there should be instead, where the problems do not say it.
  public let expectation: String?

  package init(path: String, problems: [Problem], expectation: String? = nil) {
    self.path = path
    self.problems = problems
    self.expectation = expectation
  }

  /// One thing that is wrong.
  public enum Problem: Equatable, Sendable {
    /// A folder that cannot be read.
    case folder(FileError)
    /// A file that is missing: its name, and what it should hold.
    case missing(name: String, content: String)
    /// A file that cannot be read or breaks the format.
    case file(FileError)
    /// Images that take more memory than is allowed.
    case resources(ResourceError)
    /// Contents that do not go together.
    case inconsistent(String)
  }
}

extension DatasetError: CustomStringConvertible {
  /// The path, then every problem, then what is expected.
  public var description: String {
    let found = "\(path.isEmpty ? "(empty path)" : path): \(listing(problems.map(\.description)))"
    return expectation.map { "\(found)\n\($0)" } ?? found
  }
}

extension DatasetError.Problem: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missing(let name, let content): "\(name) is missing (\(content))"
    case .folder(let error): "\(error.cause)"
    case .file(let error): "\(error)"
    case .resources(let error): "\(error)"
    case .inconsistent(let reason): reason
    }
  }
}
