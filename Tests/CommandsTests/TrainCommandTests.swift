import TapestryCommands
import TapestryFiles
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

@Suite("convnet train")
struct TrainCommandTests {
  @Test("a run on a folder: a line per epoch, the result, the weights, what to try next")
  func folder() throws {
    let scratch = try Scratch()
    let data = try SmallData().write(to: scratch)
    let session = Session(["train", "--data", data, "--epochs", "3", "--output", scratch("out")])
    #expect(session.exitCode == 0)
    #expect(session.complaint.isEmpty)
    let epochs = session.lines.filter { $0.hasPrefix("epoch ") }
    #expect(epochs.map { $0.prefix(9) } == ["epoch 1/3", "epoch 2/3", "epoch 3/3"])
    #expect(epochs.allSatisfy { $0.contains("loss ") && $0.hasSuffix("images/s") })
    #expect(session.lines.contains("test accuracy: 1.0000 (20 of 20 images)"))
    let weights = scratch("out/weights.safetensors")
    #expect(session.lines.contains("weights saved to \(weights)"))
    #expect(session.lines.contains("  convnet evaluate --weights \(weights) --data \(data)"))
    #expect(
      session.lines.contains("  convnet classify --weights \(weights) --data \(data) --index 0"))
    #expect(!session.output.contains("\r") && !session.output.contains("\u{1B}"))

    let metadata = try SafetensorsFile(path: weights).metadata
    #expect(metadata["model"] == "lenet5")
    #expect(metadata["height"] == "32" && metadata["width"] == "32" && metadata["channels"] == "1")
    #expect(metadata["data"] == "small" && metadata["seed"] == "0")
  }

  @Test("a run that diverges beyond what can be drawn keeps its weights")
  func diverging() throws {
    let scratch = try Scratch()
    let session = Session([
      "train", "--model", "mlp", "--optimizer", "sgd", "--momentum", "0", "--weight-decay", "0",
      "--clip", "1e-12", "--learning-rate", "1e16", "--schedule", "constant", "--epochs", "1",
      "--output", scratch("out"),
    ])
    #expect(session.exitCode == 0)
    #expect(session.complaint.isEmpty)
    for name in ["weights.safetensors", "curves.svg", "curves.png", "log.csv"] {
      #expect(Scratch.names(scratch("out")).contains(name), "\(name)")
    }
  }

  @Test("pictures that cannot be written are a warning; the weights are there")
  func undrawable() throws {
    let scratch = try Scratch()
    let data = try SmallData().write(to: scratch)
    // Folders in the places of the pictures.
    scratch.folder("out/curves.svg")
    scratch.folder("out/curves.png")
    let session = Session(["train", "--data", data, "--epochs", "1", "--output", scratch("out")])
    #expect(session.exitCode == 0)
    #expect(session.complaint.hasPrefix("convnet: warning: "))
    #expect(session.complaint.contains("curves.svg"))
    #expect(Scratch.names(scratch("out")).contains("weights.safetensors"))
  }

  @Test("--json: an object per epoch, then one with the result")
  func json() throws {
    let scratch = try Scratch()
    let data = try SmallData().write(to: scratch)
    let session = Session([
      "train", "--data", data, "--epochs", "2", "--output", scratch("out"), "--json",
    ])
    #expect(session.exitCode == 0)
    let objects = try session.json()
    #expect(objects.count == 3)
    for (index, object) in objects.dropLast().enumerated() {
      #expect(
        object.object?.keys == [
          "epoch", "loss", "accuracy", "learning_rate", "images_per_second",
        ])
      #expect(object["epoch"]?.int == index + 1)
    }
    let result = objects[2]
    for key in ["test_accuracy", "train_seconds", "images_per_second", "peak_bytes"] {
      #expect(try #require(result[key]?.double) > 0, "\(key)")
    }
    #expect(result["weights"]?.string == scratch("out/weights.safetensors"))
    #expect(result["interrupted"]?.bool == false)
  }

  @Test("on a terminal a line is updated in place, within its width", arguments: [20, 60, 80, 120])
  func terminal(width: Int) throws {
    let scratch = try Scratch()
    let data = try SmallData(images: 400).write(to: scratch)
    let session = Session(
      ["train", "--data", data, "--epochs", "2", "--batch", "4", "--output", scratch("out")],
      isTerminal: true, width: width)
    let updates = session.output.split(separator: "\n").flatMap { line in
      line.split(separator: "\r\u{1B}[K").dropLast()
    }
    #expect(!updates.isEmpty)
    #expect(updates.allSatisfy { $0.count < width })
    if width >= 60 { #expect(updates.allSatisfy { $0.hasSuffix(" left") }) }
    if width >= 120 { #expect(updates.allSatisfy { $0.contains("─") || $0.contains("━") }) }
    #expect(session.lines.count { $0.hasSuffix("images/s") } == 2)
  }

  @Test("--quiet: the result alone")
  func quiet() throws {
    let scratch = try Scratch()
    let data = try SmallData().write(to: scratch)
    let session = Session([
      "train", "--data", data, "--epochs", "1", "--output", scratch("out"), "--quiet",
    ])
    #expect(session.output.hasPrefix("test accuracy: "))
  }

  @Test(
    "every optimizer learns",
    arguments: [
      "sgd", "adam", "adamw", "nadam", "radam", "adamax", "adagrad", "adadelta", "rmsprop", "lars",
      "lamb", "lion", "muon", "adafactor",
    ])
  func kinds(optimizer: String) throws {
    let model = optimizer == "adamw" ? "digitnet" : "lenet5"
    let scratch = try Scratch()
    let data = try SmallData(images: 120).write(to: scratch)
    let session = Session([
      "train", "--data", data, "--epochs", "4", "--output", scratch("out"), "--json", "--model",
      model,
      "--optimizer", optimizer, "--batch", "16",
    ])
    #expect(try #require(session.json().last?["test_accuracy"]?.double) == 1)
  }

  @Test("the embedded digits are learnt")
  func digits() throws {
    let scratch = try Scratch()
    let session = Session(["train", "--epochs", "3", "--output", scratch("out"), "--json"])
    #expect(try #require(session.json().last?["test_accuracy"]?.double) > 0.9)
  }

  @Test("the same seed gives the same bytes on one thread and on two; another seed others")
  func determinism() async {
    // In a process of its own: the number of threads is the whole process's.
    await #expect(processExitsWith: .success) {
      let scratch = try Scratch()
      let data = try SmallData(images: 100).write(to: scratch)
      func weights(_ name: String, _ options: [String]) throws -> [UInt8] {
        let words = ["train", "--data", data, "--epochs", "2", "--json", "--output", scratch(name)]
        try #require(Session(words + options).exitCode == 0)
        return try scratch.bytes("\(name)/weights.safetensors")
      }
      let one = try weights("a", ["--threads", "1", "--seed", "3"])
      let two = try weights("b", ["--threads", "2", "--seed", "3"])
      let other = try weights("c", ["--threads", "2", "--seed", "4"])
      try #require(one == two)
      try #require(one != other)
    }
  }

  @Test("a request to stop: the step is finished, the weights are saved, exit code 130")
  func stop() throws {
    let scratch = try Scratch()
    let data = try SmallData().write(to: scratch)
    let session = Session(
      ["train", "--data", data, "--epochs", "50", "--output", scratch("out")],
      stopWhen: { $0.contains("epoch  2/50") })
    #expect(session.exitCode == 130)
    #expect(session.lines.count { $0.hasPrefix("epoch ") } == 2)
    #expect(session.output.contains("interrupted in epoch 2 of 50, after 2 steps"))
    #expect(!session.output.contains("test accuracy"))
    let evaluation = Session([
      "evaluate", "--weights", scratch("out/weights.safetensors"), "--data", data,
    ])
    #expect(evaluation.exitCode == 0)
  }

  @Test("a request to stop with --json: the result says so")
  func stopJSON() throws {
    let scratch = try Scratch()
    let data = try SmallData().write(to: scratch)
    let session = Session(
      ["train", "--data", data, "--epochs", "50", "--output", scratch("out"), "--json"],
      stopWhen: { $0.contains("\"epoch\":1") })
    let result = try #require(session.json().last)
    #expect(session.exitCode == 130)
    #expect(result["interrupted"]?.bool == true)
    #expect(result["test_accuracy"]?.isNull == true)
    #expect(scratch.names == ["out", "small"])
  }

  // MARK: - What cannot work

  /// Runs `train` with data or an output that cannot work, and expects an error and no trace of it.
  private func refuse(
    _ scratch: Scratch, _ words: [String], _ expected: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let before = scratch.names
    let session = Session(["train", "--epochs", "1"] + words)
    #expect(session.exitCode == 1, sourceLocation: sourceLocation)
    #expect(!session.output.contains("epoch"), sourceLocation: sourceLocation)
    #expect(session.complaint.hasPrefix("convnet: "), sourceLocation: sourceLocation)
    for text in expected {
      #expect(session.complaint.contains(text), sourceLocation: sourceLocation)
    }
    #expect(scratch.names == before, sourceLocation: sourceLocation)
  }

  @Test("data that is missing or damaged")
  func badData() throws {
    let scratch = try Scratch()
    let output = ["--output", scratch("out")]
    refuse(scratch, ["--data", scratch("nowhere")] + output, scratch("nowhere"), "No such file")
    let empty = scratch.folder("empty")
    refuse(
      scratch, ["--data", empty] + output, "holds no images in a form that is known", "IDX files")
    let data = try SmallData().write(to: scratch)
    let images = try scratch.bytes("small/train-images-idx3-ubyte")
    _ = try scratch.file("small/train-images-idx3-ubyte", Array(images.dropLast(1)))
    refuse(scratch, ["--data", data] + output, "train-images-idx3-ubyte", "truncated")
    _ = try scratch.file(
      "small/train-images-idx3-ubyte",
      SmallData.word(2051) + SmallData.word(1 << 31 - 1) + images.dropFirst(8))
    refuse(scratch, ["--data", data] + output, "the header states 2147483647")
    _ = try scratch.file(
      "small/train-images-idx3-ubyte", SmallData.word(2049) + images.dropFirst(4))
    refuse(scratch, ["--data", data] + output, "magic number 2051")
    _ = try scratch.file(
      "small/train-images-idx3-ubyte", [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2])
    refuse(scratch, ["--data", data] + output, "gzip")
    _ = try scratch.file("small/train-images-idx3-ubyte", images)
    let labels = try scratch.bytes("small/train-labels-idx1-ubyte")
    _ = try scratch.file(
      "small/train-labels-idx1-ubyte",
      SmallData.word(2049) + SmallData.word(59) + labels.dropFirst(8).dropLast())
    refuse(scratch, ["--data", data] + output, "60 images", "59 labels")
  }

  @Test("an output folder that cannot be written is found before training starts")
  func badOutput() throws {
    let scratch = try Scratch()
    let file = try scratch.file("file", [])
    refuse(scratch, ["--output", file], file, "Not a directory")
    refuse(scratch, ["--output", "\(file)/deeper"], "Not a directory")
    refuse(scratch, ["--output", ""], "cannot use the path")
    // The superuser may write everywhere, but not here.
    refuse(scratch, ["--output", "/proc/tapestry"], "/proc/tapestry", "cannot make the folder")
    let taken = scratch.folder("taken")
    _ = scratch.folder("taken/weights.safetensors")
    refuse(scratch, ["--output", taken, "--overwrite"], "is a directory")
  }

  @Test("images larger than the model's: it is made for them, and its weights load again")
  func otherSize() throws {
    let scratch = try Scratch()
    let data = try SmallData(images: 4, testImages: 2, side: 44).write(to: scratch)
    let session = Session([
      "train", "--data", data, "--output", scratch("out"), "--epochs", "1", "--quiet",
    ])
    #expect(session.exitCode == 0, "\(session.complaint)")
    let weights = scratch("out/weights.safetensors")
    let tested = Session(["evaluate", "--weights", weights, "--data", data])
    #expect(tested.exitCode == 0, "\(tested.complaint)")
  }

  @Test("a loss that is not finite ends the run with the op at fault; nothing is left behind")
  func divergence() throws {
    let scratch = try Scratch()
    let data = try SmallData().write(to: scratch)
    let session = Session([
      "train", "--data", data, "--epochs", "9", "--output", scratch("out"), "--model", "digitnet",
      "--optimizer", "sgd", "--learning-rate", "1e30",
    ])
    #expect(session.exitCode == 1)
    #expect(session.complaint.contains("the loss is"))
    #expect(session.complaint.contains("lower the learning rate"))
    #expect(scratch.names == ["small"])
  }
}
