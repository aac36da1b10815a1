import TapestryFiles
import TestSupport
import Testing

@Suite("PNG that is damaged or hostile")
struct PNGErrorTests {
  /// The CRC-32 of PNG, written down independently of zlib.
  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var sum = UInt32.max
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
    }
    return ~sum
  }

  private static func word(_ number: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
  }

  private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    let covered = Array(name.utf8) + content
    return word(content.count) + covered + word(Int(checksum(covered)))
  }

  private static func header(
    _ width: Int, _ height: Int, depth: UInt8 = 8, type: UInt8 = 0, rest: [UInt8] = [0, 0, 0]
  ) -> [UInt8] {
    chunk("IHDR", word(width) + word(height) + [depth, type] + rest)
  }

  private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
  private static let end = chunk("IEND", [])

  /// The compressed pixels of an image that is written.
  private static func pixels(_ image: RasterImage) -> [UInt8] {
    let file = image.png()
    // Behind the signature and the header chunk comes the one chunk of pixels.
    return Array(file[41..<file.count - 16])
  }

  private static let black = pixels(
    RasterImage(width: 2, height: 2, channels: 1, bytes: [0, 1, 2, 3]))

  private func refusal(_ chunks: [UInt8]...) -> String {
    message { try RasterImage(png: Self.signature + chunks.flatMap { $0 }) }
  }

  @Test("a header of 100,000 x 100,000 is refused before anything is allocated")
  func hugeHeader() {
    #expect(
      refusal(Self.header(100_000, 100_000, type: 6), Self.chunk("IDAT", Self.black), Self.end)
        == "the header states 100000 x 100000 pixels, more than the 67108864 that are read at most")
    #expect(
      refusal(
        Self.header(Int(Int32.max), Int(Int32.max), depth: 16, type: 6),
        Self.chunk("IDAT", Self.black), Self.end
      ).contains("more than the 67108864"))
  }

  @Test("a size that the compressed bytes cannot hold is refused before anything is allocated")
  func implausible() {
    #expect(
      refusal(Self.header(8000, 8000, type: 6), Self.chunk("IDAT", Self.black), Self.end)
        == "the header states 8000 x 8000 pixels, which \(Self.black.count) bytes of compressed data "
        + "cannot hold; copy or download the file again")
  }

  @Test("more pixels than the caller allows are refused; as many as allowed are read")
  func limit() throws {
    let image = RasterImage(
      width: 100, height: 50, channels: 1, bytes: [UInt8](repeating: 0, count: 5000))
    #expect(try RasterImage(png: image.png(), pixelLimit: 5000) == image)
    #expect(
      message { try RasterImage(png: image.png(), pixelLimit: 4999) }
        == "the header states 100 x 50 pixels, more than the 4999 that are read at most")
  }

  @Test("compressed data that goes on after the last pixel is refused without being inflated")
  func bomb() {
    let large = Self.pixels(
      RasterImage(
        width: 4000, height: 1000, channels: 1, bytes: [UInt8](repeating: 0, count: 4_000_000)))
    #expect(large.count < 10_000)
    #expect(
      refusal(Self.header(2, 2), Self.chunk("IDAT", large), Self.end)
        == "the compressed pixels are corrupt (there are more than the header says); "
        + "copy or download the file again")
  }

  @Test("a file that ends anywhere is truncated, not crashed over")
  func truncation() throws {
    let file = try ImageFixtures.bytes("palette-8-trns-adam7.png")
    for count in 0..<file.count {
      let text = message { try RasterImage(png: Array(file.prefix(count))) }
      #expect(count < 8 ? text.contains("every PNG file") : text.contains("ends after \(count)"))
    }
  }

  @Test("a changed byte anywhere is noticed by the checksum")
  func checksums() throws {
    let file = try ImageFixtures.bytes("rgb-8.png")
    for position in 8..<file.count {
      var changed = file
      changed[position] ^= 0x10
      #expect(throws: PNGError.self) { try RasterImage(png: changed) }
    }
    var changed = file
    changed[20] ^= 1
    #expect(
      message { try RasterImage(png: changed) }
        == "the chunk \"IHDR\" at byte 8 does not match its checksum; copy or download the file again"
    )
  }

  @Test("what breaks the rules is refused with its chunk and reason")
  func rules() {
    let data = Self.chunk("IDAT", Self.black)
    #expect(refusal(Self.header(0, 2), data, Self.end).contains("a size of 0 x 2"))
    #expect(refusal(Self.header(2, -1), data, Self.end).contains("which is not allowed"))
    #expect(refusal(Self.header(2, 2, type: 5), data, Self.end).contains("color type 5"))
    #expect(
      refusal(Self.header(2, 2, depth: 3), data, Self.end)
        == "the chunk \"IHDR\" at byte 8 states 3 bits a sample, which color type 0 does not allow")
    #expect(refusal(Self.header(2, 2, depth: 16, type: 3), data, Self.end).contains("16 bits"))
    #expect(
      refusal(Self.header(2, 2, rest: [1, 0, 2]), data, Self.end).contains("interlace 2"))
    #expect(refusal(Self.chunk("IHDR", [1, 2]), data).contains("has 2 bytes, but must have 13"))
    #expect(refusal(data, Self.end) == "has no chunk \"IHDR\"")
    #expect(refusal(Self.header(2, 2), Self.end) == "has no chunk \"IDAT\"")
    #expect(refusal(Self.header(2, 2, type: 3), data, Self.end) == "has no chunk \"PLTE\"")
    #expect(refusal(Self.header(2, 2), Self.header(2, 2), data, Self.end).contains("there twice"))
    #expect(
      refusal(Self.header(2, 2), Self.chunk("ABCD", []), data, Self.end)
        .contains("critical kind that is not known"))
    let palette = Self.chunk("PLTE", [1, 2, 3])
    #expect(
      refusal(Self.header(2, 2, depth: 1, type: 3), Self.chunk("PLTE", Array(0..<9)), data)
        .contains("has 9 bytes, but 3 for each of 1 to 2 colours"))
    #expect(
      refusal(Self.header(2, 2, type: 3), palette, data, Self.end)
        == "a pixel has the colour 1, but the palette has 1")
    #expect(
      refusal(Self.header(2, 2, type: 3), palette, palette, data, Self.end).contains("only palette")
    )
    #expect(
      refusal(Self.header(2, 2), Self.chunk("tRNS", [1]), data, Self.end).contains("does not suit"))
    #expect(
      refusal(Self.header(2, 2), data, Self.chunk("tEXt", []), data, Self.end)
        .contains("does not follow the other chunks of pixels"))
    #expect(
      refusal(Self.header(2, 3), data, Self.end)
        == "its pixels end in row 2 of 3; copy or download the file again")
    #expect(
      refusal(Self.header(2, 2), Self.chunk("IDAT", [0x78, 0x9C, 0xFF, 0xFF]), Self.end)
        .contains("the compressed pixels are corrupt (invalid"))
    #expect(
      refusal(Self.header(2, 2), Self.chunk("IDAT", Array(Self.black.dropLast(2))), Self.end)
        .contains("their end is missing"))
  }

  @Test("three thousand damaged files are read or refused, never a crash")
  func damaged() throws {
    let sources = try ["gray-1-adam7", "palette-4-trns", "rgba-16", "pillow-rgb-8"].map {
      try ImageFixtures.bytes("\($0).png")
    }
    var mutations = Mutations(seed: 12)
    var refused = 0
    for index in 0..<3000 {
      do throws(PNGError) {
        let image = try RasterImage(png: mutations.damaged(sources[index % 4]))
        #expect(image.samples.count == image.width * image.height * image.channels)
      } catch {
        refused += 1
      }
    }
    #expect(refused > 2500)
  }

  @Test("damage behind the checksums is read or refused, never a crash")
  func damagedBehindChecksums() {
    let image = RasterImage(
      width: 9, height: 7, channels: 3, bytes: (0..<189).map { UInt8($0 * 5 % 256) })
    let pixels = Self.pixels(image)
    var mutations = Mutations(seed: 13)
    var refused = 0
    for _ in 0..<1000 {
      let data = Self.chunk("IDAT", mutations.damaged(pixels))
      do throws(PNGError) {
        _ = try RasterImage(
          png: Self.signature + Self.header(9, 7, type: 2) + data + Self.end)
      } catch {
        refused += 1
      }
    }
    #expect(refused > 900)
  }
}
