import TapestryFiles
import TapestryTraining

/// The folder of a training run, and the names of what is in it.
struct RunFolder {
  let path: String
  /// No other run writes in it.
  let lock: FolderLock
  /// The folders that had to be made, outermost first.
  private let made: [String]

  enum Name {
    static let weights = "weights.safetensors"
    static let configuration = "config.json"
    static let table = "log.csv"
    static let curves = "curves.svg"
    static let curvesAsPixels = "curves.png"
    static let events = "events"
  }

  /// Makes the folder at `path` with those above it, and locks it.
  ///
  /// - Parameter isTaken: whether the folder may hold a run.
  /// - Throws: `FileError` or ``CommandError``; nothing has then been made.
  init(path: String, allowingRun isTaken: Bool) throws {
    if !isTaken, try Self.holdsRun(path) {
      throw CommandError(
        "\(path): holds a run already; continue it with --resume \(shellQuoted(path)), replace it with "
          + "--overwrite, or choose another folder with --output DIR")
    }
    made = try makeDirectories(path)
    self.path = path
    do throws(FileError) {
      // Writing the lock's file tells that there can be written.
      lock = try FolderLock(folder: path)
    } catch {
      removeEmptyDirectories(made)
      throw error
    }
    do throws(FileError) {
      // What stands where the weights will go may not be a folder.
      _ = try AtomicFile(path: file(Name.weights))
    } catch {
      lock.giveUp()
      removeEmptyDirectories(made)
      throw error
    }
  }

  /// Whether the folder at `path` holds a run, or what is left of one.
  static func holdsRun(_ path: String) throws(FileError) -> Bool {
    let names: [String]
    do throws(FileError) {
      names = try namesInDirectory(path)
    } catch {
      // What is wrong with the path, if anything, is found when the folder is made.
      return false
    }
    let known = [Name.configuration, Name.weights]
    return names.contains { known.contains($0) || $0.hasPrefix("checkpoint-") }
  }

  /// `path`, or with a number behind it the first that holds no run.
  static func free(_ path: String) throws(FileError) -> String {
    var candidate = path
    var number = 2
    while try holdsRun(candidate) {
      candidate = "\(path)-\(number)"
      number += 1
    }
    return candidate
  }

  /// The path of a file in the folder.
  func file(_ name: String) -> String { path.hasSuffix("/") ? path + name : "\(path)/\(name)" }

  /// Takes away what a run leaves in its folder, and nothing else.
  func removeRun() throws(FileError) {
    try CheckpointFolder(path).removeAll()
    for name in [
      Name.weights, Name.configuration, Name.table, Name.curves, Name.curvesAsPixels,
    ] { removeFile(file(name)) }
    let events = file(Name.events)
    for name in (try? namesInDirectory(events)) ?? [] where name.contains(".tfevents.") {
      removeFile("\(events)/\(name)")
    }
    removeEmptyDirectories([events])
  }

  /// Takes away a run that has come to nothing, and the folders that were made for it, as far as they are empty.
  func discard() {
    try? removeRun()
    lock.giveUp()
    removeEmptyDirectories(made)
  }
}
