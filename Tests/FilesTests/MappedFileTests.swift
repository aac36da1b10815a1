import TapestryFiles
import TestSupport
import Testing

@Suite("Mapped file")
struct MappedFileTests {
  @Test("the bytes are those of the file")
  func bytes() throws {
    let directory = try TemporaryDirectory()
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let file = try MappedFile(path: directory.file("a", bytes))
    #expect(file.count == bytes.count)
    #expect(file.withUnsafeBytes { Array($0) } == bytes)
  }

  @Test("an empty file is mapped as no bytes")
  func empty() throws {
    let directory = try TemporaryDirectory()
    let file = try MappedFile(path: directory.file("empty", ""))
    #expect(file.count == 0)
    #expect(file.withUnsafeBytes { $0.isEmpty })
  }

  @Test("a mapping keeps its bytes when the file is replaced")
  func replaced() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.file("a", "old")
    let file = try MappedFile(path: path)
    try AtomicFile.write("newer", to: path)
    #expect(file.withUnsafeBytes { Array($0) } == Array("old".utf8))
  }

  @Test("what is no readable file is refused")
  func refusals() throws {
    let directory = try TemporaryDirectory()
    let missing = directory("missing")
    #expect(
      message { try MappedFile(path: missing) }
        == "\(missing): cannot open the file: No such file or directory; check the path")
    #expect(
      message { try MappedFile(path: directory.path) }
        == "\(directory.path): is a directory, but a file is needed; "
        + "give the path of a file in it")
    #expect(
      message { try MappedFile(path: "/dev/null") }
        == "/dev/null: is a device, pipe or socket, but a regular file is needed")
    let file = try directory.file("file", "x")
    #expect(
      message { try MappedFile(path: "\(file)/below") }
        == "\(file)/below: cannot open the file: Not a directory")
    #expect(
      message { try MappedFile(path: "\(file)\0x") }
        == "\(file)\0x: cannot use the path: Invalid argument")
  }
}
