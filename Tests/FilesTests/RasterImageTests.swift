import TapestryFiles
import TestSupport
import Testing

@Suite("Raster image")
struct RasterImageTests {
  private func read(_ text: String, _ pixels: [UInt8] = []) throws -> RasterImage {
    try RasterImage(portableMap: Array(text.utf8) + pixels)
  }

  @Test("the four forms are read, 8 and 16 bits, with comments")
  func forms() throws {
    let gray = RasterImage(width: 3, height: 2, channels: 1, bytes: [0, 10, 20, 30, 40, 255])
    #expect(try read("P5\n3 2\n255\n", [0, 10, 20, 30, 40, 255]) == gray)
    #expect(try read("P2\n# by hand\n3 # columns\n2 255\n0 10 20\n30 40 255") == gray)
    #expect(try read("P2 3 2 255 0 10 20 30 40 255 # end\n") == gray)

    let color = RasterImage(width: 1, height: 2, channels: 3, bytes: [1, 2, 3, 4, 5, 6])
    #expect(try read("P6 1 2 255 ", [1, 2, 3, 4, 5, 6]) == color)
    #expect(try read("P3\n1 2\n255\n1 2 3\n4 5 6\n") == color)

    let deep = RasterImage(width: 2, height: 1, channels: 1, maximum: 1000, samples: [258, 1000])
    #expect(try read("P5 2 1 1000\n", [1, 2, 3, 0xE8]) == deep)
    #expect(try read("P2 2 1 1000 258 1000") == deep)
  }

  @Test("the first pixel may look like space")
  func spacePixel() throws {
    #expect(try read("P5 1 1 255\n", [0x20]).bytes == [32])
    #expect(try read("P5 2 1 255\n", [0x0A, 0x23]).bytes == [10, 35])
  }

  @Test("bytes are scaled to 255 and rounded")
  func scaling() {
    let bits = RasterImage(width: 2, height: 1, channels: 1, maximum: 1, samples: [0, 1])
    #expect(bits.bytes == [0, 255])
    let deep = RasterImage(
      width: 5, height: 1, channels: 1, maximum: 65535, samples: [0, 128, 129, 32768, 65535])
    #expect(deep.bytes == [0, 0, 1, 128, 255])
  }

  @Test("what is written is read back", arguments: [1, 3], [1, 255, 256, 65535])
  func roundTrip(channels: Int, maximum: Int) throws {
    var random = Mutations(seed: 6)
    let samples = (0..<5 * 4 * channels).map { _ in
      UInt16.random(in: 0...UInt16(maximum), using: &random)
    }
    let image = RasterImage(
      width: 5, height: 4, channels: channels, maximum: maximum, samples: samples)
    #expect(try RasterImage(portableMap: image.portableMap) == image)
    let directory = try TemporaryDirectory()
    try image.write(to: directory("image"))
    #expect(try RasterImage(contentsOf: directory("image")) == image)
    try AtomicFile.write(Gzip.compress(image.portableMap), to: directory("image.gz"))
    #expect(try RasterImage(contentsOf: directory("image.gz")) == image)
  }

  @Test(
    "what is no portable map is refused",
    arguments: [
      (
        "",
        "begins with none of P2, P3, P5 and P6; convert the image to PGM (gray) or PPM (colour)"
      ),
      (
        "P4 8 1 x",
        "begins with none of P2, P3, P5 and P6; convert the image to PGM (gray) or PPM (colour)"
      ),
      (
        "\u{89}PNG",
        "begins with none of P2, P3, P5 and P6; convert the image to PGM (gray) or PPM (colour)"
      ),
      ("P5", "the width at byte 2 is not a whole number of at least 1"),
      ("P5 0 1 255 ", "the width at byte 3 is not a whole number of at least 1"),
      ("P5 1 x 255 ", "the height at byte 5 is not a whole number of at least 1"),
      ("P5 1 -1 255 ", "the height at byte 5 is not a whole number of at least 1"),
      (
        "P5 99999999999999999999 1 255 ",
        "the width at byte 3 is not a whole number of at least 1"
      ),
      ("P5 1 1 0 ", "the maximum at byte 7 is not a whole number in 1...65535"),
      ("P5 1 1 65536 ", "the maximum at byte 7 is not a whole number in 1...65535"),
      ("P5 1 1 255", "the maximum at byte 10 is not followed by a space"),
      (
        "P5 2 2 255\nabc",
        "an image of 2 x 2 pixels of 1 needs at least 4 bytes of pixels, but there are 3"
      ),
      (
        "P5 2 2 256\nabcdefg",
        "an image of 2 x 2 pixels of 1 needs at least 8 bytes of pixels, but there are 7"
      ),
      (
        "P6 3000000000 3000000000 255\nabc",
        "the header states 3000000000 x 3000000000 pixels, more than the 67108864 that are read at "
          + "most"
      ),
      (
        "P2 1000000 1000000 255\n0 0",
        "the header states 1000000 x 1000000 pixels, more than the 67108864 that are read at most"
      ),
      ("P5 1 1 255\nab", "1 bytes follow the pixels of an image of 1 x 1 pixels of 1"),
      ("P2 1 1 255 1 2", "1 bytes follow the pixels of an image of 1 x 1 pixels of 1"),
      ("P5 2 1 7\n\u{7}\u{8}", "value 1 is 8, but the header says at most 7"),
      ("P2 2 1 255 1 256", "value 1 is 256, but the header says at most 255"),
      ("P2 2 1 255 1 x", "the value at byte 13 is not a whole number in 0...65535"),
      ("P2 2 1 255 1          ", "the value at byte 22 is not a whole number in 0...65535"),
    ])
  func refusals(text: String, expected: String) throws {
    #expect(message { try read(text) } == expected)
    let directory = try TemporaryDirectory()
    let path = try directory.file("image", text)
    // A file with another beginning is no portable map for certain.
    guard ImageFormat(of: Array(text.utf8)) == .portableMap else { return }
    #expect(
      message { try RasterImage(contentsOf: path) } == "\(path): portable map: \(expected)")
  }

  @Test("an image that contradicts itself is a mistake of the program")
  func contradiction() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = RasterImage(width: 2, height: 2, channels: 1, bytes: [1, 2, 3])
    }
    let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(text.contains("RasterImageTests.swift"))
    #expect(text.contains("RasterImage: 3 samples, but 2 x 2 pixels of 1 are needed"))
  }

  @Test("five thousand damaged images are read or refused, never a crash")
  func damaged() throws {
    let sources = [
      "P2\n# c\n3 2\n255\n0 10 20\n30 40 255\n", "P5\n3 2\n255\nabcdef",
      "P6 1 2 65535 abcdefghijkl", "P3 1 1 9 1 2 3",
    ]
    var mutations = Mutations(seed: 7)
    var refused = 0
    for index in 0..<5000 {
      do throws(PortableMapError) {
        let damaged = mutations.damaged(Array(sources[index % 4].utf8))
        let image = try RasterImage(portableMap: damaged)
        #expect(image.bytes.count == image.width * image.height * image.channels)
      } catch {
        refused += 1
      }
    }
    #expect((1000..<5000).contains(refused))
  }
}
