import TapestryFiles
import TestSupport
import Testing

@Suite("JPEG")
struct JPEGTests {
  private static let names = [
    "jpeg-rgb-444", "jpeg-rgb-420", "jpeg-rgb-progressive", "jpeg-gray", "jpeg-cmyk",
  ]

  @Test(
    "images are decoded as Pillow decodes them", .enabled(if: RasterImage.canReadJPEG),
    arguments: names)
  func reading(name: String) throws {
    let image = try RasterImage(contentsOf: ImageFixtures.path("\(name).jpg"))
    let expected = try RasterImage(contentsOf: ImageFixtures.path("\(name).decoded.png"))
    #expect(image.width == 35 && image.height == 21 && image.maximum == 255)
    #expect(image.channels == (name == "jpeg-gray" ? 1 : 3))
    try #require(image.samples.count == expected.samples.count)
    // Versions of the library round a little differently.
    let differences = zip(image.samples, expected.samples).map { abs(Int($0) - Int($1)) }
    #expect(differences.allSatisfy { $0 <= 3 })
    #expect(differences.reduce(0, +) < differences.count / 2)
  }

  @Test("without the library the error names the package to install")
  func missingLibrary() throws {
    let library = TurboJPEG(libraries: ["libthere-is-no-such-library.so"])
    #expect(library == nil)
    let bytes = try ImageFixtures.bytes("jpeg-gray.jpg")
    let text = message { try RasterImage(jpeg: bytes, pixelLimit: 1000, library: library) }
    #expect(text.contains("apt-get install libturbojpeg0"))
    #expect(text.contains("brew install jpeg-turbo"))
  }

  @Test("a library without the functions counts as none")
  func otherLibrary() {
    #expect(TurboJPEG(libraries: ["libz.so.1", "libz.dylib", "libc.so.6"]) == nil)
  }

  @Test("a file that ends early is refused, wherever", .enabled(if: RasterImage.canReadJPEG))
  func truncation() throws {
    for name in ["jpeg-rgb-420", "jpeg-rgb-progressive"] {
      let file = try ImageFixtures.bytes("\(name).jpg")
      // The last two bytes are the marker of the end.
      for count in stride(from: 4, to: file.count - 2, by: 7) {
        #expect(throws: JPEGError.self) { try RasterImage(jpeg: Array(file.prefix(count))) }
      }
    }
  }

  @Test("a stated size beyond the limit is refused", .enabled(if: RasterImage.canReadJPEG))
  func limit() throws {
    var file = try ImageFixtures.bytes("jpeg-gray.jpg")
    #expect(
      message { try RasterImage(jpeg: file, pixelLimit: 700) }
        == "the header states 35 x 21 pixels, more than the 700 that are read at most")
    // Behind the marker of the frame: length, precision, height, width.
    let frame = try #require(
      file.indices.dropLast().first { file[$0] == 0xFF && file[$0 + 1] == 0xC0 })
    file.replaceSubrange(frame + 5..<frame + 9, with: [0x80, 0, 0x80, 0])
    #expect(message { try RasterImage(jpeg: file) }.contains("32768 x 32768 pixels, more than"))
  }

  @Test(
    "a thousand damaged files are read or refused, never a crash",
    .enabled(if: RasterImage.canReadJPEG))
  func damaged() throws {
    let sources = try Self.names.map { try ImageFixtures.bytes("\($0).jpg") }
    var mutations = Mutations(seed: 14)
    var refused = 0
    for index in 0..<1000 {
      do throws(JPEGError) {
        let image = try RasterImage(
          jpeg: mutations.damaged(sources[index % sources.count]), pixelLimit: 1 << 20)
        #expect(image.samples.count == image.width * image.height * image.channels)
      } catch {
        refused += 1
      }
    }
    #expect(refused > 300)
  }

  @Test("the content decides what a file is, not its name")
  func content() throws {
    let directory = try TemporaryDirectory()
    let image = RasterImage(width: 2, height: 2, channels: 1, bytes: [1, 2, 3, 4])
    let path = try directory.file("picture.jpg", image.png())
    #expect(try RasterImage(contentsOf: path) == image)
    #expect(try RasterImage(contentsOf: directory.file("a.png", image.portableMap)) == image)
    #expect(ImageFormat(of: image.png()) == .png && ImageFormat(of: [0xFF, 0xD8, 0xFF]) == .jpeg)
    #expect(ImageFormat(of: image.portableMap) == .portableMap && ImageFormat(of: [0x50]) == nil)
    let other = try directory.file("b.png", "GIF89a")
    #expect(
      message { try RasterImage(contentsOf: other) }
        == "\(other): image: its first bytes are those of neither PNG, JPEG, PGM nor PPM; "
        + "convert it to one of these")
    let empty = try directory.file("c.png", "")
    #expect(message { try RasterImage(contentsOf: empty) } == "\(empty): image: is empty")
    let cut = try directory.file("d.pgm", Array(image.png().prefix(30)))
    #expect(message { try RasterImage(contentsOf: cut) }.hasPrefix("\(cut): PNG: ends after 30"))
  }
}
