import TapestryFiles
import TestSupport
import Testing

@Suite("Directory listings")
struct DirectoryListingTests {
  @Test("the names are sorted and without the directory itself")
  func names() throws {
    let directory = try TemporaryDirectory()
    #expect(try namesInDirectory(directory.path) == [])
    let long = String(repeating: "n", count: 255)
    for name in ["b", "a c", ".hidden", long, "\u{fc}"] { _ = try directory.file(name, "text") }
    #expect(try namesInDirectory(directory.path) == [".hidden", "a c", "b", long, "\u{fc}"])
  }

  @Test("what is no directory is refused in words")
  func refusals() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.file("file", "text")
    #expect(
      message { try namesInDirectory(file) }
        == "\(file): is a file, but a folder is needed; give the folder that it is in")
    #expect(
      message { try namesInDirectory(file + "x") }
        == "\(file)x: cannot list the folder: No such file or directory; check the path")
    #expect(
      message { try namesInDirectory("") }
        == "(empty path): cannot use the path: No such file or directory; check the path")
    #expect(
      message { try namesInDirectory("a\0b") }.hasSuffix("cannot use the path: Invalid argument"))
  }
}
