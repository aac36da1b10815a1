import TapestryFiles
import Testing

@Suite("File error")
struct FileErrorTests {
  @Test("one problem stands on the line, several are counted and listed, many are cut")
  func listings() {
    func text(_ problems: [String]) -> String {
      "\(FileError(path: "a.idx", cause: .malformed(format: "IDX", problems: problems)))"
    }
    #expect(text(["no magic"]) == "a.idx: IDX: no magic")
    #expect(text(["one", "two"]) == "a.idx: IDX: 2 problems\n  one\n  two")
    let many = text((1...25).map { "number \($0)" })
    #expect(many.hasSuffix("\n  number 20\n  ... and 5 more"))
  }

  @Test("texts from files are quoted, escaped and cut")
  func quoting() {
    #expect(quoted("a\"b\u{1B}[31m\n") == #""a\"b\u{1B}[31m\n""#)
    #expect(quoted(String(repeating: "x", count: 80)).count == 82)
    #expect(quoted(String(repeating: "x", count: 81)).hasSuffix("x\"..."))
  }
}
