import TapestryFiles
import Testing

@Suite("PNG")
struct PNGTests {
  @Test(
    "every color type, depth, filter and interlacing is read", arguments: ImageFixtures.pictures)
  func reading(name: String) throws {
    let image = try RasterImage(png: ImageFixtures.bytes("\(name).png"))
    let expected = try ImageFixtures.expected(name)
    #expect(image.width == expected.width && image.height == expected.height)
    #expect(image.channels == expected.channels && image.maximum == expected.maximum)
    #expect(image.samples == expected.samples)
    #expect(try RasterImage(contentsOf: ImageFixtures.path("\(name).png")) == image)
  }

  @Test("the fixtures cover all fifteen combinations of color type and depth, twice")
  func coverage() {
    #expect(ImageFixtures.pictures.count == 49)
  }

  @Test(
    "what is written is read back, and the same image gives the same bytes",
    arguments: [1, 2, 3, 4], [255, 65535])
  func roundTrip(channels: Int, maximum: Int) throws {
    var random = Mutations(seed: 11)
    for (width, height) in [(1, 1), (7, 5), (64, 40)] {
      // A smooth part, for the filters, and a noisy one.
      let samples = (0..<width * height * channels).map { index -> UInt16 in
        let noise = Int(UInt16.random(in: 0...UInt16(maximum), using: &random))
        return UInt16((index / channels % width < width / 2 ? index * 3 : noise) % (maximum + 1))
      }
      let image = RasterImage(
        width: width, height: height, channels: channels, maximum: maximum, samples: samples)
      for compression in [0, 6, 9] {
        #expect(try RasterImage(png: image.png(compression: compression)) == image)
      }
      #expect(image.png() == image.png())
    }
  }

  @Test("levels that PNG does not have are scaled to 8 or 16 bits")
  func levels() throws {
    let image = RasterImage(width: 3, height: 1, channels: 1, maximum: 16, samples: [0, 8, 16])
    #expect(try RasterImage(png: image.png()).bytes == [0, 128, 255])
    let deep = RasterImage(
      width: 3, height: 1, channels: 1, maximum: 1000, samples: [0, 500, 1000])
    let read = try RasterImage(png: deep.png())
    #expect(read.maximum == 65535 && read.samples == [0, 32768, 65535])
  }

  @Test("a smooth picture becomes small")
  func compression() {
    var samples: [UInt16] = []
    for row in 0..<100 as Range<UInt16> {
      for column in 0..<200 as Range<UInt16> { samples += [column, row, (column + row) / 2] }
    }
    let image = RasterImage(width: 200, height: 100, channels: 3, samples: samples)
    #expect(image.png().count < 2000)
    #expect(image.png(compression: 0).count > 60_000)
  }

  @Test("a name that ends in .png chooses the format of what is written")
  func names() throws {
    let directory = try TemporaryDirectory()
    let image = RasterImage(width: 2, height: 1, channels: 4, bytes: [1, 2, 3, 128, 9, 8, 7, 255])
    for name in ["a.png", "b.PNG"] {
      try image.write(to: directory(name))
      #expect(try directory.bytes(directory(name)) == image.png())
      #expect(try RasterImage(contentsOf: directory(name)) == image)
    }
    try image.write(to: directory("c.ppm"))
    let read = try RasterImage(contentsOf: directory("c.ppm"))
    #expect(read.bytes == [1, 1, 2, 9, 8, 7])
  }

  @Test("opacity mixes the image with what is behind it")
  func opacity() {
    let image = RasterImage(
      width: 3, height: 1, channels: 2, bytes: [200, 0, 200, 255, 200, 51])
    #expect(image.opaque().bytes == [0, 200, 40])
    #expect(image.opaque(over: 1).bytes == [255, 200, 244])
    let gray = RasterImage(width: 1, height: 1, channels: 1, bytes: [9])
    #expect(gray.opaque(over: 1) == gray && !gray.hasOpacity && image.hasOpacity)
  }
}
