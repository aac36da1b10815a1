import Foundation
import TapestryCommands
import TapestryDatasets
import TapestryFiles
import TestSupport
import Testing

/// Small files and short options that ask for much: each is refused with both figures before anything is made.
@Suite("Inputs that ask too much")
struct HostileInputTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../Fixtures/faults/weights").standardized.path

  private func refusal(_ words: [String]) -> String {
    let session = Session(words)
    #expect(session.exitCode == 1, "\(session.output)\(session.errors)")
    return session.complaint
  }

  @Test("metadata of weights is compared with the arrays before the net is made")
  func shapes() {
    let text = refusal([
      "classify", "--weights", "\(Self.fixtures)/size8192_lenet.safetensors", "--index", "0",
    ])
    #expect(text.contains("does not fit this model"), "\(text)")
  }

  @Test("so are the sizes of images that the metadata states, and the steps that lead to them")
  func metadata() throws {
    let text = refusal([
      "classify", "--weights", "\(Self.fixtures)/steps_pad.safetensors", "--index", "0",
    ])
    #expect(text.contains("drawn on 1 x 131102 x 131102, would take"), "\(text)")
    // A net that takes images of any size: the arrays fit, the arithmetic does not.
    let scratch = try Scratch()
    let path = "\(Self.fixtures)/size8192_lenet.safetensors"
    let file = try SafetensorsFile(path: path)
    var texts = file.metadata
    texts["channels"] = "1024"
    texts["mean"] = nil
    texts["deviation"] = nil
    try SafetensorsFile.write([], metadata: texts, to: scratch("w.safetensors"))
    let channels = refusal([
      "classify", "--weights", scratch("w.safetensors"), "--index", "0",
    ])
    #expect(
      channels.contains("as an image of 1024 x 8192 x 8192 would take 512 GiB of memory"),
      "\(channels)")
  }

  @Test("sizes and steps of options are worked out first")
  func options() throws {
    let scratch = try Scratch()
    let out = ["--output", scratch("out"), "--epochs", "1"]
    let resized = refusal(["train", "--size", "8192x8192"] + out)
    #expect(
      resized.contains(
        "as 1797 images of 1 x 8192 x 8192 would take 113 GiB of memory, but at most 4.00"),
      "\(resized)")
    let padded = refusal(["train", "--model", "resnet18", "--augment", "pad:65535"] + out)
    #expect(padded.contains("131294 x 131294 would take"), "\(padded)")
    let drawn = refusal([
      "augment", "--augment", "pad:65535,center-crop:8x8", "--output", scratch("a.png"),
    ])
    #expect(drawn.contains("131094, would take"), "\(drawn)")
    let large = refusal(["train", "--size", "4096x4096", "--model", "lenet5"] + out)
    #expect(large.contains("would take"), "\(large)")
    #expect(!scratch.names.contains("out"))
    let batch = Session([
      "benchmark", "--model", "lenet5", "--batch", "1000000", "--input", "1,65536,65536",
    ])
    #expect(batch.exitCode != 0)
    #expect(batch.complaint.contains("of memory, but at most 4.00 GiB"), "\(batch.complaint)")
  }

  @Test("tables: lines of a million pixels, a bomb of empty lines")
  func tables() throws {
    let scratch = try Scratch()
    let line = "0" + String(repeating: ",0", count: 1_000_000) + "\n"
    let other = "1" + String(repeating: ",9", count: 1_000_000) + "\n"
    let path = try scratch.file("wide.csv", Array((line + other + line + other).utf8))
    let text = withResourceLimits(ResourceLimits(memory: 1 << 30)) {
      refusal(["train", "--data", path, "--output", scratch("out"), "--epochs", "1"])
    }
    #expect(text.contains("lenet5 for images of 1 x 1000 x 1000 would take"), "\(text)")
    let empty = try Gzip.compress([UInt8](repeating: 10, count: 40_000_000))
    let bomb = try scratch.file("empty.csv.gz", empty)
    let refused = withResourceLimits(ResourceLimits(inflation: 100)) {
      refusal(["train", "--data", bomb, "--output", scratch("out")])
    }
    #expect(refused.contains("inflates to more than 100 times its size"), "\(refused)")
    let lines = refusal(["train", "--data", bomb, "--output", scratch("out")])
    #expect(
      lines.contains("has no lines with images") || lines.contains("inflates to more"), "\(lines)")
  }

  @Test("compressed images and digits: sizes first, then ratios")
  func bombs() throws {
    let scratch = try Scratch()
    let header = Array("P6 30000 30000 255\n".utf8)
    let image = try Gzip.compress(header + [UInt8](repeating: 0, count: 30_000_000))
    let path = try scratch.file("bomb.ppm.gz", image)
    #expect(
      message { try RasterImage(contentsOf: path) }.contains(
        "inflates to more than 256 times its size")
        || message { try RasterImage(contentsOf: path) }.contains("more than the 67108864"))
    let sizes = SmallData.word(40_000) + SmallData.word(200) + SmallData.word(200)
    let digits = try Gzip.compress(SmallData.word(2051) + sizes + [1, 2, 3])
    let images = try scratch.file("train-images-idx3-ubyte.gz", digits)
    let text = message { try ImageSet.load(images: images, labels: images) }
    #expect(text.contains("40000 x 200 x 200 images would take 4.47 GiB of memory"), "\(text)")
  }

  @Test("class folders whose names look alike are two classes")
  func lookalikes() throws {
    let scratch = try Scratch()
    let pixels: [UInt8] = [0, 50, 100, 255]
    for (index, name) in ["\u{E9}", "e\u{301}", "z"].enumerated() {
      scratch.folder("set/\(name)")
      for number in 0..<3 {
        let image = RasterImage(
          width: 2, height: 2, channels: 1, bytes: pixels.map { $0 / UInt8(index + 1) })
        try scratch.file("set/\(name)/\(number).pgm", image.portableMap)
      }
    }
    let set = try ImageSet.load(classFolders: scratch("set"))
    #expect(set.classCount == 3)
    #expect(Set(set.labels) == [0, 1, 2])
    #expect(set.labels == [0, 0, 0, 1, 1, 1, 2, 2, 2])
  }
}
