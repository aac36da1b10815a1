import TapestryFiles
import TestSupport
import Testing

@Suite("Input file")
struct InputFileTests {
  private let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 3) }

  @Test("plain and compressed files read alike", arguments: [false, true])
  func alike(isCompressed: Bool) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.file("f", isCompressed ? Gzip.compress(bytes) : bytes)
    let file = try InputFile(path: path)
    #expect(file.isCompressed == isCompressed)
    #expect(try file.read(exactly: 16) == Array(bytes[..<16]))
    #expect(file.offset == 16)
    #expect(
      message { try file.requireEnd() } == "\(path): goes on after byte 16, where its content ends")

    let whole = try InputFile(path: path)
    #expect(try whole.read(exactly: 1000) == bytes)
    #expect(try whole.read(exactly: 0) == [])
    #expect(throws: Never.self) { try whole.requireEnd() }
    #expect(try readPossiblyCompressed(path, limit: 1000) == bytes)

    let rest = try InputFile(path: path)
    _ = try rest.read(exactly: 400)
    #expect(try rest.readToEnd(limit: 600) == Array(bytes[400...]))
  }

  @Test("a count that is not there is refused without its memory", arguments: [false, true])
  func claims(isCompressed: Bool) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.file("f", isCompressed ? Gzip.compress(bytes) : bytes)
    for count in [1001, 1 << 46, Int.max] {
      let file = try InputFile(path: path)
      #expect(
        message { try file.read(exactly: count) }
          == "\(path): ends after 1000 bytes, but its content needs \(count); "
          + "the file is truncated: copy or download it again")
    }
    let file = try InputFile(path: path)
    _ = try file.read(exactly: 10)
    #expect(
      throws: FileError(path: path, cause: .tooShort(byteCount: 1000, needed: .max))
    ) { try file.read(exactly: .max) }
  }

  @Test("the limit is kept")
  func limit() throws {
    let directory = try TemporaryDirectory()
    let plain = try directory.file("plain", bytes)
    let compressed = try directory.file("compressed", Gzip.compress(bytes))
    #expect(
      message { try readPossiblyCompressed(plain, limit: 999) }
        == "\(plain): has 1000 bytes, but at most 999 are expected here")
    #expect(
      message { try readPossiblyCompressed(compressed, limit: 999) }
        == "\(compressed): gzip: the data inflates to more than the 999 bytes "
        + "that are expected here")
  }

  @Test("damaged compressed files are refused with their path")
  func damage() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.file("f.gz", Array(Gzip.compress(bytes).dropLast(4)))
    #expect(message { try readPossiblyCompressed(path, limit: 1000) }.hasPrefix("\(path): gzip: "))
    let file = try InputFile(path: path)
    #expect(try file.read(exactly: 1000) == bytes)
    #expect(
      message { try file.requireEnd() }.hasPrefix(
        "\(path): gzip: the compressed data is truncated"))
  }

  @Test("an empty file has nothing to read")
  func empty() throws {
    let directory = try TemporaryDirectory()
    #expect(try readPossiblyCompressed(directory.file("e", ""), limit: 0) == [])
  }
}
