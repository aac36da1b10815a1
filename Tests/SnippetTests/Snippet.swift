import Foundation
import Testing

/// A script in `Snippets/`: its text, the program it becomes, and what that prints.
struct Snippet: Sendable, CustomTestStringConvertible {
  let name: String

  var testDescription: String { name }

  static let folder = Repository.root.appendingPathComponent("Snippets", isDirectory: true)

  /// All of them, by name.
  static let all: [Snippet] = Repository.files(in: folder, ofType: "swift")
    .map { Snippet(name: $0.deletingPathExtension().lastPathComponent) }

  var source: String {
    get throws { try Repository.text("Snippets/\(name).swift") }
  }

  /// What it printed when it was last read by a person.
  var expectedOutput: String {
    get throws { try Repository.text("Tests/Fixtures/snippets/\(name).txt") }
  }

  /// By how much its printed fractions may differ on another processor: those of a training run add up
  /// thousands of roundings. Whole numbers and words are compared as they are.
  var tolerance: Double {
    switch name {
    case "Digits", "FiveSteps", "XOR": 5e-3
    // Shares of a few hundred images, in whole percent.
    case "TrainingLoop", "FineTuning": 3e-2
    // Among them those of weights that wander about and never come to rest.
    case "Averages": 6e-2
    default: 1e-6
    }
  }

  /// What a run of the program writes.
  struct Run {
    let output: String
    let errors: String
    let status: Int32
  }

  /// Runs the program and waits for its end.
  func run(environment: [String: String] = [:]) throws -> Run {
    let process = Process()
    let (output, errors) = (Pipe(), Pipe())
    let program: URL = try #require(
      Repository.builtProgram(name),
      "the program '\(name)' is not beside the tests: 'swift build' builds the snippets")
    process.executableURL = program
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // The errors are few, so that their pipe does not fill up meanwhile.
    let printed = output.fileHandleForReading.readDataToEndOfFile()
    let complained = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Run(
      output: String(decoding: printed, as: UTF8.self),
      errors: String(decoding: complained, as: UTF8.self), status: process.terminationStatus)
  }
}

/// The checkout that the tests were built from.
enum Repository {
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  /// The files of a folder with this extension, by name.
  static func files(in folder: URL, ofType type: String) -> [URL] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.sorted().map(folder.appendingPathComponent).filter { $0.pathExtension == type }
  }

  /// A program of this package, in the folder that the tests were built into or one around it (on macOS the
  /// tests lie deep in a bundle).
  static func builtProgram(_ name: String) -> URL? {
    let starts = [Bundle.main.executableURL] + Bundle.allBundles.map(\.executableURL)
    for case var folder? in starts {
      while folder.pathComponents.count > 1 {
        folder.deleteLastPathComponent()
        let program = folder.appendingPathComponent(name)
        if isProgram(program) { return program }
      }
    }
    return nil
  }

  private static func isProgram(_ url: URL) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
      && !isFolder.boolValue && FileManager.default.isExecutableFile(atPath: url.path)
  }
}
