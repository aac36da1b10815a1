import TapestryCommands
import TapestryFiles
import TapestryTraining
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// One run of the program in this process: what it wrote and its exit code.
final class Session {
  private(set) var output = ""
  private(set) var errors = ""
  private(set) var exitCode: Int32 = -1

  /// Runs `convnet` with these words.
  ///
  /// - Parameter stop: called after each write, to stop a training run on what was written.
  @discardableResult
  init(
    _ words: [String], isTerminal: Bool = false, width: Int = 100,
    stopWhen isEnough: ((String) -> Bool)? = nil
  ) {
    let stop = StopRequest()
    let console = Console(
      isTerminal: isTerminal, width: width,
      write: { [unowned self] text in
        output += text
        if isEnough?(output) == true { stop.request() }
      },
      writeError: { [unowned self] in errors += $0 })
    exitCode = Convnet(console: console, stopRequest: stop).run(words)
  }

  /// What it wrote, line by line.
  var lines: [String] { output.split(separator: "\n").map(String.init) }

  /// Its lines as JSON.
  func json() throws -> [JSONValue] { try lines.map { try JSONValue(parsing: Array($0.utf8)) } }

  /// The errors without what a debug build says of itself.
  var complaint: String {
    errors.split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !$0.contains("built for debug") }.joined(separator: "\n")
  }
}

/// A folder in MNIST's format with random images of two kinds: bright above, bright below.
struct SmallData {
  var images = 60
  var testImages = 20
  var side = 28

  /// Writes the four files.
  func write(to scratch: Scratch, _ name: String = "small") throws -> String {
    let folder = scratch.folder(name)
    for (stem, count) in [("train", images), ("t10k", testImages)] {
      var pixels: [UInt8] = []
      for index in 0..<count {
        for row in 0..<side {
          let isBright = (row < side / 2) == (index % 2 == 0)
          pixels += (0..<side).map { UInt8((isBright ? 160 : 20) + (row * $0 + index) % 40) }
        }
      }
      let header = Self.word(2051) + Self.word(count) + Self.word(side) + Self.word(side)
      _ = try scratch.file("\(name)/\(stem)-images-idx3-ubyte", header + pixels)
      let labels = (0..<count).map { UInt8($0 % 2) }
      _ = try scratch.file(
        "\(name)/\(stem)-labels-idx1-ubyte", Self.word(2049) + Self.word(count) + labels)
    }
    return folder
  }

  static func word(_ value: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }
}
