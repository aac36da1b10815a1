import TapestryFiles
import TapestryGraph
import TapestryModels

/// A folder that a training run leaves checkpoints in: when, and how many are kept.
///
/// ```swift
/// trainer.checkpoints = CheckpointFolder("runs/mine", everySeconds: 300)
/// try trainer.run(on: loader, epochs: 30, resuming: true)
/// ```
///
/// The files are `checkpoint-STEP.safetensors`, each complete as soon as its name exists, and `best.safetensors`, the
/// weights of the best epoch. A process may be killed at any moment: the newest checkpoint loads, and the run goes on
/// from it to the same bits.
public struct CheckpointFolder: Sendable {
  /// The folder. It is made when it does not exist.
  public let path: String
  /// Updates of the optimizer between two checkpoints; `nil` for no such rule.
  public var everySteps: Int?
  /// Seconds between two checkpoints; `nil` for no such rule.
  public var everySeconds: Double?
  /// How many of the newest checkpoints are kept.
  public var keepLast: Int
  /// Texts to store in every file.
  public var metadata: [String: String]

  /// - Parameters:
  ///   - everySteps: updates of the optimizer between two checkpoints. Default: only time counts.
  ///   - everySeconds: seconds between two. Default 300, unless steps are given.
  ///   - keepLast: how many are kept. Default 2.
  /// - Precondition: all positive.
  public init(
    _ path: String, everySteps: Int? = nil, everySeconds: Double? = nil, keepLast: Int = 2,
    metadata: [String: String] = [:], file: StaticString = #fileID, line: UInt = #line
  ) {
    guard everySteps ?? 1 > 0, everySeconds ?? 1 > 0, keepLast > 0 else {
      trap(
        "CheckpointFolder: everySteps, everySeconds and keepLast must be positive", file: file,
        line: line)
    }
    self.path = path
    self.everySteps = everySteps
    self.everySeconds = everySteps == nil ? everySeconds ?? 300 : everySeconds
    self.keepLast = keepLast
    self.metadata = metadata
  }

  /// The right to write in the folder, where the caller has it already.
  package var lock: FolderLock?

  private static let prefix = "checkpoint-"
  private static let suffix = ".safetensors"

  /// The path of the weights of the best epoch.
  public var bestPath: String { join("best\(Self.suffix)") }

  /// The paths of the checkpoints in the folder, newest first; none where there is no folder.
  public func checkpoints() throws(FileError) -> [String] {
    let names: [String]
    do throws(FileError) {
      names = try namesInDirectory(path)
    } catch {
      if error.isNoSuchFile { return [] }
      throw error
    }
    let steps = names.compactMap { name -> (step: Int, name: String)? in
      guard name.hasPrefix(Self.prefix), name.hasSuffix(Self.suffix),
        let step = Int(name.dropFirst(Self.prefix.count).dropLast(Self.suffix.count)), step >= 0
      else { return nil }
      return (step, name)
    }
    return steps.sorted { $0.step > $1.step }.map { join($0.name) }
  }

  /// Writes a checkpoint, then removes the oldest beyond the number to keep.
  ///
  /// - Returns: its path.
  /// - Throws: `FileError`; the checkpoints that were there are then unchanged.
  @discardableResult
  public func save(
    _ state: TrainingState, random: RandomSource = .current
  ) throws(FileError) -> String {
    try makeDirectories(path)
    let digits = String(state.optimizer.step)
    let padding = String(repeating: "0", count: max(8 - digits.count, 0))
    let file = join("\(Self.prefix)\(padding)\(digits)\(Self.suffix)")
    try state.save(to: file, metadata: metadata, random: random)
    for old in try checkpoints().dropFirst(keepLast) where old != file { removeFile(old) }
    return file
  }

  /// Continues `state` from the newest checkpoint that can be read.
  ///
  /// A file that is damaged, by its checksums or by what it says, is skipped and the one before it used; an intact one
  /// of another run, or of a newer format, is an error.
  ///
  /// - Parameter skipped: called with the error of each damaged file, the newest first.
  /// - Returns: the path of the checkpoint; `nil`, with nothing changed, when the folder has none.
  /// - Throws: ``CheckpointError``, or the `FileError` of the newest when none can be read.
  public func restore(
    _ state: inout TrainingState, random: RandomSource = .current,
    skipped: (any Error) -> Void = { _ in }
  ) throws -> String? {
    var firstError: (any Error)?
    for path in try checkpoints() {
      // Without checksums, what is of another run may be of this one and damaged.
      var isIntact = false
      do {
        let file = try SafetensorsFile(path: path)
        isIntact = file.hasChecksums
        try state.load(file, path: path, random: random)
        return path
      } catch let error as CheckpointError where isIntact && !error.isDamage {
        throw error
      } catch {
        firstError = firstError ?? error
        skipped(error)
      }
    }
    if let firstError { throw firstError }
    return nil
  }

  /// Removes temporary files of killed processes in the folder; what another process is writing stays.
  public func removeLeftovers() {
    AtomicFile.removeAbandoned(in: path)
  }

  /// Removes the checkpoints and the best weights.
  package func removeAll() throws(FileError) {
    for path in try checkpoints() + [bestPath] { removeFile(path) }
    removeLeftovers()
  }

  func saveBest(_ state: [(name: String, value: Tensor)]) throws(FileError) {
    try makeDirectories(path)
    try SafetensorsFile.write(
      state.map { StateFile.item($0.name, $0.value) }, metadata: metadata, to: bestPath)
  }

  private func join(_ name: String) -> String {
    path.hasSuffix("/") ? path + name : "\(path)/\(name)"
  }
}
