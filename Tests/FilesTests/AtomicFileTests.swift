import TapestryFiles
import TestSupport
import Testing

@Suite("Atomic file")
struct AtomicFileTests {
  private struct Interruption: Error {}

  @Test("what is appended is at the path after the commit, and nothing else remains")
  func commit() throws {
    let directory = try TemporaryDirectory()
    let path = directory("state")
    var file = try AtomicFile(path: path)
    try file.append([1, 2])
    try file.append([])
    try file.append([3])
    #expect(file.byteCount == 3)
    #expect(file.path == path)
    #expect(directory.names.count == 1 && directory.names != ["state"])
    try file.commit()
    #expect(directory.names == ["state"])
    #expect(try directory.bytes(path) == [1, 2, 3])
  }

  @Test("an interrupted writer leaves the old file and no other")
  func interruption() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.file("state", "old")
    func writeHalf() throws {
      var file = try AtomicFile(path: path)
      try file.append(Array("new".utf8))
      throw Interruption()
    }
    #expect(throws: Interruption.self) { try writeHalf() }
    #expect(directory.names == ["state"])
    #expect(try directory.bytes(path) == Array("old".utf8))
  }

  @Test("a file that is replaced keeps its permissions")
  func permissions() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.file("state", "old")
    directory.setPermissions(path, 0o640)
    try AtomicFile.write("new", to: path)
    #expect(directory.permissions(path) == 0o640)
    #expect(try directory.bytes(path) == Array("new".utf8))
  }

  @Test("a symbolic link stays, the file behind it is replaced")
  func symbolicLink() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.file("state", "old")
    directory.link(directory("latest"), to: "state")
    try AtomicFile.write("new", to: directory("latest"))
    #expect(try directory.bytes(path) == Array("new".utf8))
    #expect(directory.names == ["latest", "state"])
  }

  @Test("paths that cannot be written are refused")
  func refusals() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file("file", "old")
    #expect(
      message { try AtomicFile.write("x", to: "\(file)/state") }
        == "\(file)/state: cannot write the file: Not a directory")
    let missing = directory("missing/state")
    #expect(
      message { try AtomicFile.write("x", to: missing) }
        == "\(missing): cannot create a temporary file beside it: No such file or directory; "
        + "check the path")
    #expect(
      message { try AtomicFile.write("x", to: directory.path) }
        == "\(directory.path): is a directory, but a file is needed; "
        + "give the path of a file in it")
    #expect(
      message { try AtomicFile.write("x", to: "\(directory.path)/new/") }
        == "\(directory.path)/new/: cannot write the file: No such file or directory; "
        + "check the path")
    #expect(
      message { try AtomicFile.write("x", to: "/dev/null") }
        == "/dev/null: is a device, pipe or socket, but a regular file is needed")
    #expect(
      message { try AtomicFile.write("x", to: "\(file)\0.bak") }
        == "\(file)\0.bak: cannot use the path: Invalid argument")
    #expect(
      message { try AtomicFile.write("x", to: "") }
        == "(empty path): cannot use the path: No such file or directory; check the path")
    #expect(try directory.bytes(file) == Array("old".utf8))
    #expect(directory.names == ["file"])
  }

  @Test("when the last step fails, the temporary file is gone and the obstacle remains")
  func failedRename() throws {
    let directory = try TemporaryDirectory()
    let path = directory("state")
    var file = try AtomicFile(path: path)
    try file.append([1])
    directory.makeDirectory(path)
    defer { directory.removeDirectory(path) }
    let pending = file
    var text = ""
    do throws(FileError) {
      try pending.commit()
    } catch {
      text = "\(error)"
    }
    #expect(
      text == "\(path): cannot move the finished temporary file to its place: Is a directory")
    #expect(directory.names == ["state"])
  }
}
