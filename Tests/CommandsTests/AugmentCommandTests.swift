import TapestryCommands
import TapestryFiles
import TestSupport
import Testing

@Suite("convnet augment")
struct AugmentCommandTests {
  /// A folder of class folders with images of two kinds: bright above, bright below, as PNG and PPM.
  static func shapes(_ scratch: Scratch, _ name: String = "shapes", count: Int = 30) throws
    -> String
  {
    let folder = scratch.folder(name)
    for (label, kind) in ["above", "below"].enumerated() {
      _ = scratch.folder("\(name)/\(kind)")
      for index in 0..<count {
        let (height, width) = (20 + index % 5, 24)
        let samples = (0..<height * width * 3).map { position -> UInt16 in
          let isBright = (position / (width * 3) < height / 2) == (label == 0)
          return UInt16((isBright ? 160 : 20) + (position * 7 + index * 13) % 40)
        }
        let image = RasterImage(width: width, height: height, channels: 3, samples: samples)
        _ = try scratch.file(
          "\(name)/\(kind)/\(index).\(index % 3 == 0 ? "ppm" : "png")",
          index % 3 == 0 ? image.portableMap : image.png())
      }
    }
    return folder
  }

  @Test("a picture sheet: a row for each image, a column for each epoch")
  func sheet() throws {
    let scratch = try Scratch()
    let path = scratch("sheet.png")
    let session = Session([
      "augment", "--images", "3", "--epochs", "4", "--augment", "crop:3,rotate:15", "--output",
      path,
    ])
    #expect(session.exitCode == 0 && session.errors.isEmpty)
    #expect(session.output.contains("digits: 3 images, each as it is and in 4 epochs"))
    #expect(session.output.contains("steps: crop:3,rotate:15"))
    let picture = try RasterImage(contentsOf: path)
    // Digits of 8 x 8, three times enlarged to 24 x 24, drawn three times as large.
    #expect(picture.width == 5 * 76 + 8 && picture.height == 3 * 76 + 4 && picture.channels == 1)
    #expect(try RasterImage(png: scratch.bytes("sheet.png")) == picture)
    func cell(_ row: Int, _ column: Int) -> [UInt16] {
      let left = 4 + column * 76 + (column == 0 ? 0 : 4)
      var samples: [UInt16] = []
      for y in 0..<72 {
        let start = (4 + row * 76 + y) * picture.width + left
        samples += picture.samples[start..<start + 72]
      }
      return samples
    }
    let cells = (0..<3).flatMap { row in (0..<5).map { cell(row, $0) } }
    #expect(Set(cells).count == 15)
    let other = scratch("other.png")
    let words = [
      "augment", "--images", "3", "--epochs", "4", "--augment", "crop:3,rotate:15", "--output",
      other,
    ]
    _ = Session(words)
    #expect(try scratch.bytes("other.png") == scratch.bytes("sheet.png"))
    _ = Session(words + ["--seed", "1"])
    #expect(try scratch.bytes("other.png") != scratch.bytes("sheet.png"))
  }

  @Test("folders of images in colour, brought to one size, mixed")
  func folders() throws {
    let scratch = try Scratch()
    let data = try Self.shapes(scratch)
    let path = scratch("sheet.png")
    let session = Session([
      "augment", "--data", data, "--size", "16x20:fit", "--augment", "flip,mixup:1,random-crop:16",
      "--output", path,
    ])
    #expect(session.exitCode == 0 && session.errors.isEmpty)
    let picture = try RasterImage(contentsOf: path)
    #expect(picture.channels == 3 && picture.width == 10 * (20 * 4 + 4) + 8)
    let refused = Session(["augment", "--data", data, "--output", path])
    #expect(refused.exitCode == 1 && refused.errors.contains("images have different sizes"))
  }

  @Test("--measure tells how many images a second one, two and three workers prepare")
  func measure() throws {
    let scratch = try Scratch()
    let session = Session(["augment", "--measure", "--output", scratch("sheet.png")])
    #expect(session.lines.count == 6)
    #expect(session.lines[3].hasPrefix("1 worker: ") && session.lines[4].hasPrefix("2 workers: "))
    #expect(session.lines[5].hasPrefix("3 workers: ") && session.lines[5].hasSuffix(" images/s"))
  }

  @Test("steps and sizes that are not understood are refused, all at once")
  func misuse() throws {
    let scratch = try Scratch()
    let output = ["--output", scratch("sheet.png")]
    let session = Session(["augment", "--augment", "flop,crop:x,flip"] + output)
    #expect(session.exitCode == 2)
    #expect(session.errors.contains("'--augment': 2 problems"))
    #expect(session.errors.contains("there is no step 'flop'"))
    #expect(session.errors.contains("N is 'x'"))
    for size in ["0", "3x", "8x8:half", "8x8x8", ""] {
      let session = Session(["augment", "--size", size] + output)
      #expect(session.exitCode == 2 && session.errors.contains("'--size' is '\(size)'"))
    }
    #expect(Session(["augment"]).errors.contains("--output"))
    let large = Session(["augment", "--augment", "random-crop:500"] + output)
    #expect(large.exitCode == 1 && large.errors.contains("is larger than the images"))
    #expect(scratch.names.isEmpty)
  }

  @Test("the help lists every step and fits a terminal")
  func help() {
    let session = Session(["augment", "--help"])
    for step in ["resized-crop:", "cutmix", "jitter:", "CIFAR-100"] {
      #expect(session.output.contains(step))
    }
    #expect(session.lines.allSatisfy { $0.count <= 80 })
  }
}
