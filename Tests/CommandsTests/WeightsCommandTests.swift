import TapestryCommands
import TapestryFiles
import TestSupport
import Testing

/// A folder with data and the weights of a net that was trained on it.
private struct Trained {
  let scratch: Scratch
  let data: String
  let weights: String

  init(model: String = "lenet5") throws {
    scratch = try Scratch()
    data = try SmallData().write(to: scratch)
    weights = scratch("out/weights.safetensors")
    let session = Session([
      "train", "--data", data, "--epochs", "4", "--output", scratch("out"), "--json", "--model",
      model,
    ])
    try #require(session.exitCode == 0)
  }

  /// The file with other metadata.
  func rewritten(_ change: (inout [String: String]) -> Void) throws -> String {
    let file = try SafetensorsFile(path: weights)
    var metadata = file.metadata
    change(&metadata)
    let items = file.entries.map { entry in
      SafetensorsItem(
        name: entry.name, dtype: entry.dtype, shape: entry.shape,
        bytes: file.withUnsafeBytes(of: entry) { Array($0) })
    }
    try SafetensorsFile.write(items, metadata: metadata, to: scratch("other.safetensors"))
    return scratch("other.safetensors")
  }
}

@Suite("convnet evaluate and classify")
struct WeightsCommandTests {
  private func refuse(
    _ words: [String], _ expected: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let session = Session(words)
    #expect(session.exitCode == 1, sourceLocation: sourceLocation)
    #expect(session.output.isEmpty, sourceLocation: sourceLocation)
    #expect(session.complaint.hasPrefix("convnet: "), sourceLocation: sourceLocation)
    for text in expected {
      #expect(session.complaint.contains(text), sourceLocation: sourceLocation)
    }
  }

  @Test("a checkpoint serves as weights, for training that begins with it, too")
  func checkpoint() throws {
    let trained = try Trained()
    let name = try #require(
      namesInDirectory(trained.scratch("out")).first { $0.hasPrefix("checkpoint-") })
    let checkpoint = trained.scratch("out/\(name)")
    let results = [trained.weights, checkpoint].map {
      Session(["evaluate", "--weights", $0, "--data", trained.data, "--json"])
    }
    #expect(results.allSatisfy { $0.exitCode == 0 })
    #expect(results[0].output == results[1].output)
    let session = Session([
      "train", "--data", trained.data, "--epochs", "1", "--output", trained.scratch("next"),
      "--pretrained", checkpoint,
    ])
    #expect(session.output.contains("loaded 10 names, left out 0"))
  }

  @Test("evaluate prints accuracy, loss and the classes")
  func evaluate() throws {
    let trained = try Trained()
    let session = Session(["evaluate", "--weights", trained.weights, "--data", trained.data])
    #expect(session.exitCode == 0)
    #expect(session.lines.first == "lenet5 on 20 test images of small")
    #expect(session.lines.contains("accuracy: 1.0000 (20 of 20)"))
    #expect(session.lines.contains("top 5:    1.0000"))
    let line = "0          10     1.0000  1.0000  1.0000  ████████████████████"
    #expect(session.lines.contains(line))
    #expect(session.lines.contains("0      10   ."))
    #expect(!session.output.contains("confusions"))
  }

  @Test("evaluate --output draws the confusion matrix that evaluate --json lists")
  func confusionMatrix() throws {
    let trained = try Trained()
    // Three images of class 1 are called 0: the others are recognised.
    var labels = try trained.scratch.bytes("small/t10k-labels-idx1-ubyte")
    for index in [1, 3, 5] { labels[8 + index] = 0 }
    _ = try trained.scratch.file("small/t10k-labels-idx1-ubyte", labels)
    let words = ["evaluate", "--weights", trained.weights, "--data", trained.data]
    let object = try #require(
      Session(words + ["--json", "--output", trained.scratch("c.svg")]).json().first)
    #expect(object["confusion_matrix"]?[0]?.array?.prefix(2).map(\.int) == [10, 3])
    #expect(object["confusion_matrix"]?[1]?.array?.prefix(2).map(\.int) == [0, 7])
    #expect(object["accuracy"]?.double == 0.85)
    #expect(object["classes"]?[0]?["precision"]?.double == 1)
    #expect(object["classes"]?[0]?["recall"]?.double == 10.0 / 13)
    #expect(object["classes"]?[1]?["precision"]?.double == 0.7)
    #expect(object["classes"]?[1]?["recall"]?.double == 1)
    #expect(object["classes"]?[1]?["f1"]?.double == 14.0 / 17)
    let svg = String(decoding: try trained.scratch.bytes("c.svg"), as: UTF8.self)
    #expect(svg.contains("17 of 20 right"))
    let gif = Session(words + ["--output", trained.scratch("c.gif")])
    #expect(gif.exitCode == 2 && gif.complaint.contains("must end in .svg or .png"))
  }

  @Test("evaluate --json, and the confusions of a net on labels exchanged")
  func evaluateJSON() throws {
    let trained = try Trained()
    let labels = try trained.scratch.bytes("small/t10k-labels-idx1-ubyte")
    _ = try trained.scratch.file(
      "small/t10k-labels-idx1-ubyte", labels.prefix(8) + labels.dropFirst(8).map { 1 - $0 })
    let session = Session([
      "evaluate", "--weights", trained.weights, "--data", trained.data, "--json",
    ])
    let object = try #require(session.json().first)
    #expect(object["accuracy"]?.double == 0)
    #expect(object["images"]?.int == 20)
    #expect(try #require(object["loss"]?.double) > 1)
    #expect(object["classes"]?.array?.count == 10)
    #expect(object["classes"]?[0]?["recall"]?.double == 0)
    #expect(object["classes"]?[5]?["recall"]?.isNull == true)
    #expect(object["classes"]?[5]?["precision"]?.isNull == true)
    #expect(object["confusions"]?.array?.count == 2)
    #expect(object["confusions"]?[0] == ["class": "0", "answer": "1", "count": 10])
    let text = Session(["evaluate", "--weights", trained.weights, "--data", trained.data])
    #expect(text.lines.contains("  0 taken for 1  10 times"))
  }

  @Test("weights of the embedded digits need no --data, others do")
  func data() throws {
    let trained = try Trained()
    refuse(["evaluate", "--weights", trained.weights], "was trained on 'small'", "--data DIR")
    refuse(["classify", "--weights", trained.weights, "--index", "0"], "--data DIR")
    #expect(Session(["evaluate", "--weights", trained.weights, "--data", "digits"]).exitCode == 0)
    let digits = try trained.rewritten { $0["data"] = "digits" }
    #expect(Session(["evaluate", "--weights", digits]).lines.first?.hasSuffix("of digits") == true)
  }

  @Test("classify shows a test image and the five best classes")
  func classify() throws {
    let trained = try Trained()
    let session = Session([
      "classify", "--weights", trained.weights, "--data", trained.data, "--index", "3",
    ])
    #expect(session.exitCode == 0)
    #expect(session.lines.count == 1 + 28 + 5 + 1)
    #expect(session.lines.first == "test image 3 of small")
    #expect(session.lines.last == "  right: it is 1")
    #expect(session.lines[29].hasPrefix("  1  "))
    refuse(
      ["classify", "--weights", trained.weights, "--data", trained.data, "--index", "20"],
      "no test image 20", "0 to 19")
  }

  @Test("classify --top and --classes: as many classes as asked for, by the names of a file")
  func classNames() throws {
    let trained = try Trained()
    let names = (0..<10).map { "kind \($0)" }
    let file = try trained.scratch.file(
      "names.txt", Array((names.joined(separator: "\r\n") + "\r\n\n").utf8))
    let words = [
      "classify", "--weights", trained.weights, "--data", trained.data, "--index", "1",
    ]
    let session = Session(words + ["--top", "3", "--classes", file, "--json"])
    let object = try #require(session.json().first)
    #expect(object["classes"]?.array?.count == 3)
    #expect(object["answer"] == "kind 1")
    #expect(object["truth"] == "kind 1")
    #expect(Session(words + ["--top", "20", "--json"]).output.contains("\"label\":9"))
    let text = Session(words + ["--top", "1"]).lines.filter { $0.contains("0.") }
    #expect(text.count == 1)
    let short = try trained.scratch.file("short.txt", Array("a\nb".utf8))
    refuse(words + ["--classes", short], "short.txt", "there are 2 lines", "10 classes")
    let bytes = try trained.scratch.file("bytes.txt", [0xFF, 0xFE])
    refuse(words + ["--classes", bytes], "bytes.txt", "not UTF-8")
    refuse(words + ["--classes", trained.scratch("none.txt")], "none.txt: cannot open the file")
  }

  @Test("classify --mean and --deviation stand in for what the weights say")
  func normalization() throws {
    let trained = try Trained()
    let words = ["classify", "--data", trained.data, "--index", "0", "--json", "--weights"]
    let expected = Session(words + [trained.weights])
    let texts = try SafetensorsFile(path: trained.weights).metadata
    let mean = try #require(texts["mean"]).dropFirst().dropLast()
    let deviation = try #require(texts["deviation"]).dropFirst().dropLast()
    let bare = try trained.rewritten {
      $0["mean"] = nil
      $0["deviation"] = nil
    }
    let given = ["--mean", String(mean), "--deviation", String(deviation)]
    #expect(Session(words + [bare]).output != expected.output)
    #expect(Session(words + [bare] + given).output == expected.output)
    refuse(words + [bare, "--mean", "1,2"], "'--mean' is '1,2'", "the 1 channel that")
    refuse(words + [bare, "--mean", "x"], "'--mean' is 'x'")
    refuse(words + [bare, "--deviation", "0"], "greater than 0")
  }

  @Test("files that are no images are refused together, each by its path")
  func noImages() throws {
    let trained = try Trained()
    let good = try trained.scratch.file("good.pgm", Array("P5 2 2 255\n".utf8) + [1, 2, 3, 4])
    let text = try trained.scratch.file("text.pgm", Array("hello".utf8))
    let cut = try trained.scratch.file("cut.pgm", Array("P5 20 20 255\n".utf8) + [1, 2])
    refuse(
      ["classify", "--weights", trained.weights, good, text, cut, trained.scratch("none.pgm")],
      "convnet: \(text): ", "convnet: \(cut): ", "convnet: \(trained.scratch("none.pgm")): ")
  }

  @Test("classify --json: probabilities of image files, enlarged, reduced, coloured and inverted")
  func images() throws {
    let trained = try Trained()
    func image(_ side: Int, _ channels: Int = 1, brightBelow: Bool) -> [UInt8] {
      let samples = (0..<side).flatMap { row in
        [UInt16](repeating: (row >= side / 2) == brightBelow ? 200 : 30, count: side * channels)
      }
      return RasterImage(width: side, height: side, channels: channels, samples: samples)
        .portableMap
    }
    let scratch = trained.scratch
    let paths = [
      try scratch.file("same.pgm", image(28, brightBelow: true)),
      try scratch.file("small.pgm", image(14, brightBelow: true)),
      try scratch.file("large.pgm", image(90, brightBelow: true)),
      try scratch.file("color.ppm", image(28, 3, brightBelow: true)),
      try scratch.file("other.pgm", image(28, brightBelow: false)),
    ]
    let session = Session(["classify", "--weights", trained.weights, "--json"] + paths)
    let objects = try session.json()
    #expect(objects.map { $0["answer"]?.string } == ["1", "1", "1", "1", "0"])
    #expect(objects.map { $0["image"]?.string } == paths)
    let best = try #require(objects[0]["classes"]?.array)
    #expect(best.count == 5)
    let probabilities = best.compactMap { $0["probability"]?.double }
    #expect(probabilities == probabilities.sorted(by: >) && probabilities[0] <= 1)
    let inverted = Session([
      "classify", "--weights", trained.weights, "--json", "--invert", paths[0],
    ])
    #expect(try inverted.json().first?["answer"]?.string == "0")
    let text = Session(["classify", "--weights", trained.weights] + paths)
    #expect(text.lines.count { $0.hasSuffix("m") } == paths.count)
  }

  @Test("an image that cannot be read: no other is shown either")
  func badImages() throws {
    let trained = try Trained()
    let good = try trained.scratch.file(
      "good.pgm", RasterImage(width: 2, height: 2, channels: 1, bytes: [1, 2, 3, 4]).portableMap)
    let bad = try trained.scratch.file("bad.pgm", Array("P5 9 9 255 short".utf8))
    refuse(["classify", "--weights", trained.weights, good, bad], bad)
    refuse(["classify", "--weights", trained.weights, trained.scratch("none.pgm")], "No such file")
    refuse(["classify", "--weights", trained.weights, trained.data], "is a directory")
  }

  @Test("weights of another model: every name that differs is listed")
  func otherModel() throws {
    let trained = try Trained(model: "digitnet")
    let words = [
      "evaluate", "--weights", trained.weights, "--data", trained.data, "--model", "lenet5",
    ]
    refuse(
      words, "missing: c1.weight", "missing: output.bias", "unknown: conv1.weight",
      "unknown: fc3.bias",
      "20 names differ")
  }

  @Test("weights of other shapes: each is listed with both shapes")
  func otherShapes() throws {
    let trained = try Trained()
    let path = try trained.rewritten { texts in
      texts["channels"] = "3"
      texts["classes"] = "2"
      for key in ["mean", "deviation", "class_names"] { texts[key] = nil }
    }
    refuse(
      ["evaluate", "--weights", path, "--data", "digits"],
      "shape: c1.weight is [6, 1, 5, 5] in the file, [6, 3, 5, 5] in the model",
      "shape: output.bias is [10] in the file, [2] in the model", "3 names differ")
  }

  @Test("a file that does not say of which model it is, as others write it")
  func foreign() throws {
    let trained = try Trained()
    let foreign = try trained.rewritten { $0 = [:] }
    refuse(["evaluate", "--weights", foreign, "--data", trained.data], "name it with --model")
    let session = Session([
      "evaluate", "--weights", foreign, "--data", trained.data, "--model", "lenet5",
    ])
    #expect(session.exitCode == 0)
  }

  @Test(
    "metadata that makes no sense",
    arguments: [
      ("classes", "999999999999999999999", "classes is"), ("classes", "0", "classes is"),
      ("channels", "-1", "channels is"), ("height", "8", "cannot take images"),
      ("height", "1e3", "height is"), ("class_names", "[1,2]", "class_names is not"),
      ("class_names", "[[[[", "class_names is not"), ("seed", "x", "seed is"),
      ("mean", "[1,2]", "mean is"),
      ("deviation", "[0]", "deviation is"), ("model", "resnet\u{1B}[2J", "not known here"),
      ("channels", "3", "mean is"),
      ("classes", "11", "class_names is not a JSON array of 11"),
      ("image_size", "x", "image_size is"), ("image_steps", "crop:4", "image_steps are"),
      ("image_steps", "center-crop:20x20", "do not bring 1 x 32 x 32 to 32 x 32"),
    ])
  func metadata(key: String, value: String, expected: String) throws {
    let trained = try Trained()
    let path = try trained.rewritten { $0[key] = value }
    let words = ["evaluate", "--weights", path, "--data", trained.data]
    refuse(words, path, expected)
    #expect(!Session(words).errors.contains("\u{1B}"))
  }

  @Test("hostile and truncated files")
  func hostile() throws {
    let scratch = try Scratch()
    func file(_ header: String, _ data: Int = 0) throws -> String {
      let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init)
      return try scratch.file("w", length + Array(header.utf8) + [UInt8](repeating: 0, count: data))
    }
    func refuseFile(_ path: String, _ expected: String) {
      refuse(["evaluate", "--weights", path], path, expected)
    }
    refuseFile(scratch("none"), "No such file")
    refuseFile(scratch.path, "is a directory")
    refuseFile(try scratch.file("w", [1, 2, 3]), "3 bytes")
    refuseFile(try scratch.file("w", [UInt8](repeating: 255, count: 64)), "claims a header")
    refuseFile(try file("{\"a\": "), "not valid JSON")
    refuseFile(
      try file(#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,999]}}"#, 16),
      "exceed the 16 bytes")
    refuseFile(
      try file(
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
        12), "inside")
    refuseFile(try file(#"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"a":{}}"#, 4), "a")
  }
}
