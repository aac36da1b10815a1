import TapestryFiles
import TestSupport
import Testing

@Suite("Gzip")
struct GzipTests {
  /// Bytes that compress somewhat.
  private func sample(_ count: Int) -> [UInt8] {
    var random = Mutations(seed: 3)
    return (0..<count).map { UInt8(truncatingIfNeeded: $0 % 97) ^ UInt8(random.next() & 3) }
  }

  @Test("bytes of any number survive", arguments: [0, 1, 2, 65_535, 65_536, 65_537, 300_000])
  func roundTrip(count: Int) throws {
    let bytes = sample(count)
    for level in [0, 1, 6, 9] {
      let compressed = try Gzip.compress(bytes, level: level)
      #expect(try Gzip.decompress(compressed, limit: count) == bytes)
    }
    #expect(try Gzip.compress(bytes) == Gzip.compress(bytes))
  }

  @Test("a stream that the gzip program wrote is read: name, date and all")
  func foreign() throws {
    // printf 'tapestry\n' > t.txt && gzip -9 t.txt
    let bytes: [UInt8] = [
      0x1f, 0x8b, 0x08, 0x08, 0x77, 0x59, 0x01, 0x6b, 0x02, 0x03, 0x74, 0x2e, 0x74, 0x78, 0x74,
      0x00, 0x2b, 0x49, 0x2c, 0x48, 0x2d, 0x2e, 0x29, 0xaa, 0xe4, 0x02, 0x00, 0xdb, 0x52, 0x24,
      0xf0, 0x09, 0x00, 0x00, 0x00,
    ]
    #expect(try Gzip.decompress(bytes, limit: 100) == Array("tapestry\n".utf8))
  }

  @Test("members in a row are one stream")
  func members() throws {
    let members = try ["one, ", "", "two"].map { try Gzip.compress(Array($0.utf8)) }
    #expect(try Gzip.decompress(Array(members.joined()), limit: 8) == Array("one, two".utf8))
  }

  @Test("a bomb stops at the limit")
  func bomb() throws {
    let bomb = try Gzip.compress([UInt8](repeating: 0, count: 50_000_000))
    #expect(bomb.count < 60_000)
    #expect(
      message { try Gzip.decompress(bomb, limit: 1000) }
        == "the data inflates to more than the 1000 bytes that are expected here")
    #expect(
      message { try Gzip.decompress(Gzip.compress([1]), limit: 0) }
        == "the data inflates to more than the 0 bytes that are expected here")
  }

  @Test("every truncation is told as one")
  func truncation() throws {
    let compressed = try Gzip.compress(sample(500))
    for count in 2..<compressed.count {
      #expect(throws: GzipError.truncated(byteCount: count)) {
        try Gzip.decompress(Array(compressed.prefix(count)), limit: 500)
      }
    }
    #expect(
      message { try Gzip.decompress(Array(compressed.prefix(20)), limit: 500) }
        == "the compressed data is truncated: it ends after 20 bytes, in the middle; "
        + "copy or download the file again")
  }

  @Test("damage of every kind is refused in words")
  func damage() throws {
    let good = try Gzip.compress(sample(500))
    func text(_ bytes: [UInt8]) -> String {
      message { try Gzip.decompress(bytes, limit: 500) }
    }
    #expect(
      text([1, 2, 3])
        == "the data is not compressed by gzip (it must begin with the bytes 1f 8b)")
    #expect(text([]).hasPrefix("the data is not compressed by gzip"))
    #expect(text([0x1f]).hasPrefix("the data is not compressed by gzip"))

    var method = good
    method[2] = 7
    #expect(
      text(method) == "the compressed data is corrupt near byte 4 (unknown compression method); "
        + "copy or download the file again")

    for field in [good.count - 8, good.count - 4] {
      var checksum = good
      checksum[field] ^= 1
      #expect(
        text(checksum).hasPrefix("the inflated data does not match its checksum (stored before"))
    }
    #expect(
      text(good + [0, 0, 0])
        == "3 bytes that are not gzip data follow the end at byte \(good.count)")
    #expect(text(good + [0x1f]).hasPrefix("1 bytes that are not gzip data follow"))
    #expect(text(good + [0x1f, 0x8b]).hasPrefix("the compressed data is truncated"))
  }

  @Test("a reader gives the header first and then the rest, and fails for good")
  func streaming() throws {
    let bytes = sample(200_000)
    let compressed = try Gzip.compress(bytes)
    let reader = try GzipReader(.memory(compressed))
    func next(_ count: Int, of reader: GzipReader) throws -> [UInt8] {
      var piece = [UInt8](repeating: 0, count: count)
      let filled = try piece.withUnsafeMutableBytes { try reader.read(into: $0) }
      return Array(piece.prefix(filled))
    }
    #expect(try next(0, of: reader).isEmpty)
    #expect(try next(16, of: reader) == Array(bytes[..<16]))
    #expect(try next(100_000, of: reader) == Array(bytes[16..<100_016]))
    #expect(try next(200_000, of: reader) == Array(bytes[100_016...]))
    #expect(try next(1, of: reader).isEmpty)

    let cut = try GzipReader(.memory(Array(compressed.dropLast(9))))
    for _ in 0..<2 {
      #expect(throws: GzipError.truncated(byteCount: compressed.count - 9)) {
        try next(300_000, of: cut)
      }
    }
  }

  @Test("five thousand damaged streams are read or refused, never a crash")
  func damaged() throws {
    let good = try Gzip.compress(sample(2000))
    var mutations = Mutations(seed: 4)
    var refused = 0
    for _ in 0..<5000 {
      do throws(GzipError) {
        let bytes = try Gzip.decompress(mutations.damaged(good), limit: 4000)
        #expect(bytes.count <= 4000)
      } catch {
        refused += 1
      }
    }
    #expect(refused > 4000)
  }
}
