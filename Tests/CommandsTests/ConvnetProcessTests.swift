import Foundation
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// What only a process of its own shows: where its output goes, and signals.
@Suite("convnet as a process", .serialized)
struct ConvnetProcessTests {
  /// The exit code of a line of the shell in which `$convnet` is the program, and what it printed on either output.
  private func shell(
    _ line: String, environment: [String: String] = [:]
  ) throws -> (status: Int32, text: String) {
    let program = try #require(Self.program, "the program 'convnet' is not beside the tests")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", line]
    process.environment = ProcessInfo.processInfo.environment
      .merging(["convnet": program.path]) { $1 }.merging(environment) { $1 }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let printed = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: printed, as: UTF8.self))
  }

  /// The program, which is built beside the tests.
  private static var program: URL? {
    for case var folder? in [Bundle.main.executableURL] + Bundle.allBundles.map(\.executableURL) {
      while folder.pathComponents.count > 1 {
        folder.deleteLastPathComponent()
        let program = folder.appendingPathComponent("convnet")
        if FileManager.default.isExecutableFile(atPath: program.path) { return program }
      }
    }
    return nil
  }

  private func folder() -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent("tapestry-\(UUID().uuidString)")
      .path
  }

  #if os(Linux)
    @Test("a full standard output is an error")
    func full() throws {
      let (status, text) = try shell("\"$convnet\" models > /dev/full")
      #expect(status == 1)
      #expect(text.hasSuffix("convnet: cannot write the output: No space left on device\n"))
    }
  #endif

  @Test("a closed standard output is an error, and no file gets the text")
  func closed() throws {
    let picture = folder()
    let (status, text) = try shell(
      "\"$convnet\" augment --output \(picture).png --images 1 --epochs 1 >&-")
    defer { try? FileManager.default.removeItem(atPath: "\(picture).png") }
    #expect(status == 1)
    #expect(text.contains("cannot write the output: Bad file descriptor"), "\(text)")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(picture).png"))
    #expect(Array(bytes.prefix(4)) == [0x89, 0x50, 0x4E, 0x47])
    // The last chunk of a PNG file, without content.
    #expect(Array(bytes.suffix(8)) == [0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82])
  }

  @Test("a reader that has enough ends the program without words")
  func readerGone() throws {
    let (_, text) = try shell("{ \"$convnet\" models; echo \"status $?\" >&2; } | true")
    #expect(text == "status 1\n" || text == "status 0\n")
  }

  /// Whether the tests run under nohup: then no child can be made to heed the signal.
  private static let ignoresHangUp: Bool = {
    let before = signal(SIGHUP, SIG_IGN)
    signal(SIGHUP, before)
    return unsafeBitCast(before, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }()

  /// Waits up to a minute for the first checkpoint in the folder; process `$watch` ends process `$pid` after two.
  private func waitForCheckpoint(in folder: String) -> String {
    "(sleep 120; kill -KILL $pid) >/dev/null 2>&1 & watch=$!; "
      + "for turn in $(seq 600); do ls \(folder) 2>/dev/null | grep -q checkpoint && break; sleep 0.1; done; "
  }

  @Test(
    "the terminal's end saves like Ctrl-C; under nohup it does nothing", arguments: [true, false])
  func hangUp(isHeeded: Bool) throws {
    if isHeeded && Self.ignoresHangUp { return }
    let folder = folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let ignoring = isHeeded ? "" : "trap '' HUP; "
    let line =
      ignoring
      + "\"$convnet\" train --output \(folder) --epochs \(isHeeded ? 100_000 : 3) --model mlp "
      + "--checkpoint-every 5 & pid=$!; " + waitForCheckpoint(in: folder)
      + "kill -HUP $pid; wait $pid; status=$?; kill $watch; exit $status"
    let (status, text) = try shell(line)
    #expect(status == (isHeeded ? 130 : 0), "\(text)")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(names.contains("weights.safetensors"))
    #expect(names.contains { $0.hasPrefix("checkpoint-") })
    #expect(!names.contains { $0.hasPrefix(".tapestry") })
  }

  @Test("a second run in the folder of a first is refused; after a kill it is not")
  func twoRuns() throws {
    let folder = folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let options = "--output \(folder) --model mlp --checkpoint-every 5 --quiet"
    let line =
      "\"$convnet\" train --epochs 100000 \(options) & pid=$!; " + waitForCheckpoint(in: folder)
      + "\"$convnet\" train --resume \(folder) --epochs 1; echo \"second $?\"; "
      + "\"$convnet\" train --overwrite --epochs 1 \(options); echo \"third $?\"; "
      + "kill -KILL $pid; wait $pid 2>/dev/null; kill $watch; "
      + "\"$convnet\" train --overwrite --epochs 1 \(options); echo \"fourth $?\""
    let (_, text) = try shell(line)
    #expect(text.contains("is in use: another run writes there (process "), "\(text)")
    #expect(text.contains("second 1"), "\(text)")
    #expect(text.contains("third 1"), "\(text)")
    #expect(text.contains("fourth 0"), "\(text)")
  }
}
