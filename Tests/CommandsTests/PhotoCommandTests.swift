import TapestryCommands
import TapestryFiles
import TestSupport
import Testing

/// Photos of all sizes in class folders, `train` and `test`: red ones are tall, blue ones wide.
private struct Photos {
  let scratch: Scratch
  let path: String
  let testFiles: [String]

  init() throws {
    scratch = try Scratch()
    path = scratch.folder("photos")
    var testFiles: [String] = []
    for (part, count) in [("train", 16), ("test", 4)] {
      _ = scratch.folder("photos/\(part)")
      for (label, name) in ["blue", "red"].enumerated() {
        _ = scratch.folder("photos/\(part)/\(name)")
        for index in 0..<count {
          let (long, short) = (34 + 3 * index, 25 + index)
          let image = Self.image(
            width: label == 0 ? long : short, height: label == 0 ? short : long, label, index)
          let file = "photos/\(part)/\(name)/\(index).png"
          _ = try scratch.file(file, image.png())
          if part == "test" { testFiles.append(scratch(file)) }
        }
      }
    }
    self.testFiles = testFiles
  }

  private static func image(
    width: Int, height: Int, _ label: Int, _ index: Int
  ) -> RasterImage {
    let bytes = (0..<width * height).flatMap { place -> [UInt8] in
      let shade = UInt8((place * 7 + index * 31) % 90)
      return label == 0 ? [shade, 60, 160 + shade] : [160 + shade, 60, shade]
    }
    return RasterImage(width: width, height: height, channels: 3, bytes: bytes)
  }

  func train(_ words: String...) -> Session {
    Session(
      ["train", "--data", path, "--model", "digitnet", "--epochs", "4", "--output", scratch("out")]
        + words)
  }

  var weights: String { scratch("out/weights.safetensors") }
}

@Suite("Photos of all sizes on the command line")
struct PhotoCommandTests {
  @Test(
    "a file is seen as it was among the test images, whatever happened to its size",
    arguments: [
      ["--size", "40", "--augment", "random-crop:32,flip"], ["--size", "32x36:fit"],
      ["--size", "24:stretch", "--augment", "pad:4,rotate:10"],
      ["--size", "32", "--augment", "flip"],
    ])
  func sameSight(options: [String]) throws {
    let photos = try Photos()
    let training = Session(
      [
        "train", "--data", photos.path, "--model", "digitnet", "--epochs", "4", "--output",
        photos.scratch("out"), "--json",
      ] + options)
    #expect(training.exitCode == 0, "\(training.complaint)")
    let measured = try #require(try training.json().last?["test_accuracy"]?.double)
    let evaluation = Session([
      "evaluate", "--weights", photos.weights, "--data", photos.path, "--json",
    ])
    let object = try #require(evaluation.json().first, "\(evaluation.complaint)")
    #expect(object["accuracy"]?.double == measured && object["images"]?.int == 8)
    let files = Session(["classify", "--weights", photos.weights, "--json"] + photos.testFiles)
    let seen = try files.json()
    #expect(seen.count == 8, "\(files.complaint)")
    for (index, sight) in seen.enumerated() {
      let test = try #require(
        Session([
          "classify", "--weights", photos.weights, "--data", photos.path, "--index", String(index),
          "--json",
        ]).json().first)
      #expect(test["logits"] == sight["logits"])
      #expect(test["truth"] == (index < 4 ? "blue" : "red"))
    }
    // The page shows them as the net takes them, too.
    let page = Session([
      "explain", "--weights", photos.weights, "--data", photos.path, "--output",
      photos.scratch("page.html"),
    ])
    #expect(page.exitCode == 0, "\(page.complaint)")
  }

  @Test("weights that say nothing of sizes: the middle fills the net's input, or --size says how")
  func withoutSize() throws {
    let photos = try Photos()
    #expect(photos.train("--size", "32", "--quiet").exitCode == 0)
    let file = try SafetensorsFile(path: photos.weights)
    let items = file.entries.map { entry in
      SafetensorsItem(
        name: entry.name, dtype: entry.dtype, shape: entry.shape,
        bytes: file.withUnsafeBytes(of: entry) { Array($0) })
    }
    let bare = photos.scratch("bare.safetensors")
    try SafetensorsFile.write(
      items, metadata: file.metadata.filter { $0.key != "image_size" }, to: bare)
    func logits(_ weights: String, _ words: String...) throws -> JSONValue? {
      let session = Session(
        ["classify", "--weights", weights, "--json", photos.testFiles[0]] + words)
      return try #require(session.json().first, "\(session.complaint)")["logits"]
    }
    #expect(try logits(bare) == logits(photos.weights))
    #expect(try logits(bare, "--size", "32:fit") != logits(photos.weights))
    let words = ["evaluate", "--weights", bare, "--data", photos.path]
    let mixed = Session(words)
    #expect(mixed.exitCode == 1 && mixed.complaint.contains("--size on the command line"))
    #expect(Session(words + ["--size", "32"]).exitCode == 0)
    let large = Session(words + ["--size", "64"])
    #expect(large.exitCode == 1 && large.complaint.contains("--size 32x32"), "\(large.complaint)")
  }

  @Test("broken images are refused by path, or left out and listed")
  func broken() throws {
    let photos = try Photos()
    let broken = ["train/red/broken.png", "test/blue/broken.png"]
    for name in broken {
      _ = try photos.scratch.file("photos/\(name)", Array("\u{89}PNG\r\n\u{1A}\nno".utf8))
    }
    let refused = photos.train("--size", "32")
    #expect(refused.exitCode == 1 && refused.complaint.contains("photos/\(broken[0])"))
    let training = photos.train("--size", "32", "--skip-broken", "--quiet")
    #expect(training.exitCode == 0, "\(training.complaint)")
    for name in broken {
      #expect(training.complaint.contains("warning: left out \(photos.path)/\(name)"))
    }
    let words = ["evaluate", "--weights", photos.weights, "--data", photos.path]
    #expect(Session(words).exitCode == 1)
    let evaluation = Session(words + ["--skip-broken"])
    #expect(evaluation.exitCode == 0)
    #expect(evaluation.output.contains("on 8 test images"))
    #expect(evaluation.complaint.contains("warning: left out \(photos.path)/\(broken[1])"))
  }
}
