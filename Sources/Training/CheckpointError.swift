import TapestryFiles

/// Why a checkpoint cannot be continued from. Nothing has been changed.
public struct CheckpointError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file, as the caller gave it.
  public let path: String
  /// What is wrong.
  public let cause: Cause

  public init(path: String, cause: Cause) {
    self.path = path
    self.cause = cause
  }

  /// What can be wrong with a checkpoint whose file is intact.
  public enum Cause: Sendable, Equatable {
    /// A safetensors file that is no checkpoint, such as weights alone.
    case notACheckpoint
    /// Written by a later version of this library.
    case newerFormat(found: String, supported: Int)
    /// It is of another model, optimizer or average: everything that differs.
    case otherRun(problems: [String])
    /// The run was over other images, or in other batches.
    case otherData(found: String, expected: String)
    /// The stored position is not valid.
    case malformed(problems: [String])
  }

  /// Whether nothing but damage explains it.
  var isDamage: Bool {
    if case .malformed = cause { true } else { false }
  }

  /// The path, what is wrong, and the remedy.
  public var description: String {
    switch cause {
    case .notACheckpoint:
      "\(path): is not a checkpoint of a training run; weights alone are loaded with load(from:)"
    case .newerFormat(let found, let supported):
      "\(path): has the checkpoint format \(quoted(found)), but this version knows formats up to \(supported);"
        + " continue with the version that wrote it"
    case .otherRun(let problems):
      "\(path): is of another model or optimizer, nothing was loaded: \(listing(problems))"
    case .otherData(let found, let expected):
      "\(path): was made with \(found), but this run has \(expected)"
    case .malformed(let problems):
      "\(path): is damaged: \(listing(problems))"
    }
  }
}
