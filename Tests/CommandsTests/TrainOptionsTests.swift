import TapestryCommands
import TapestryFiles
import TestSupport
import Testing

/// What the options of `convnet train` do, and what they refuse.
@Suite("convnet train: options")
struct TrainOptionsTests {
  /// A folder with data, and runs of the command on it.
  private struct Bench {
    let scratch: Scratch
    let data: String

    init(images: Int = 60) throws {
      scratch = try Scratch()
      data = try SmallData(images: images).write(to: scratch)
    }

    func train(_ words: String..., stopWhen: ((String) -> Bool)? = nil) -> Session {
      Session(["train", "--data", data] + words, stopWhen: stopWhen)
    }

    func weights(_ folder: String) throws -> [UInt8] {
      try scratch.bytes("\(folder)/weights.safetensors")
    }

    func names(_ folder: String) -> [String] { (try? namesInDirectory(scratch(folder))) ?? [] }
  }

  @Test("a run leaves weights, configuration, table and curves")
  func folder() throws {
    let bench = try Bench()
    let session = bench.train("--epochs", "2", "--output", bench.scratch("out"), "--json")
    #expect(session.exitCode == 0, "\(session.complaint)")
    #expect(
      bench.names("out") == [
        "checkpoint-00000002.safetensors", "config.json", "curves.png", "curves.svg", "log.csv",
        "weights.safetensors",
      ])
    let config = try JSONValue(parsing: bench.scratch.bytes("out/config.json"))
    #expect(config["epochs"]?.int == 2 && config["optimizer"]?.string == "adamw")
    #expect(config["learning-rate"]?.double == 0.004 && config["weight-decay"]?.double == 0.1)
    #expect(config["tensorboard"]?.bool == false && config["output"] == nil)
    let png = try bench.scratch.bytes("out/curves.png")
    #expect(png.prefix(4) == [0x89, 0x50, 0x4E, 0x47])
  }

  @Test("the stored configuration repeats the run, bit for bit; what is typed wins over a file")
  func configuration() throws {
    let bench = try Bench()
    _ = bench.train(
      "--epochs", "3", "--output", bench.scratch("a"), "--optimizer", "sgd", "--momentum", "0.5",
      "--schedule", "one-cycle:0.5", "--batch", "10", "--label-smoothing", "0.1", "--clip", "1",
      "--accumulate", "2", "--ema", "0.5", "--quiet")
    let again = Session([
      "train", "--config", bench.scratch("a/config.json"), "--output", bench.scratch("b"),
      "--quiet",
    ])
    #expect(again.exitCode == 0, "\(again.complaint)")
    #expect(try bench.weights("a") == bench.weights("b"))
    let other = Session([
      "train", "--config", bench.scratch("a/config.json"), "--epochs", "1", "--json", "--output",
      bench.scratch("c"),
    ])
    #expect(try other.json().count == 2)
    #expect(try bench.weights("a") != bench.weights("c"))
  }

  @Test("a configuration with unknown keys and wrong types: all are listed, nothing is run")
  func badConfiguration() throws {
    let bench = try Bench()
    let path = try bench.scratch.file(
      "config.json",
      Array(
        """
        {"epochs": "three", "optimiser": "sgd", "batch": 0, "tensorboard": 1, "schedule": 3,
         "learning-rate": true, "output": "x", "optimizer": "sdg"}
        """.utf8))
    let session = Session(["train", "--config", path])
    #expect(session.exitCode == 1 && session.output.isEmpty)
    for text in [
      "8 problems", "\"epochs\" is a string, but must be a whole number from 1",
      "\"optimiser\" is no option of 'convnet train' (did you mean \"optimizer\"?)",
      "\"batch\" is \"0\", but must be a whole number", "\"tensorboard\" is an integer",
      "\"schedule\" is an integer, but must be a text", "\"learning-rate\" is a truth value",
      "\"output\" is no option", "\"optimizer\" is \"sdg\"",
    ] { #expect(session.complaint.contains(text), "\(text) in \(session.complaint)") }
    for text in ["[]", "{", "", "{\"epochs\": 1e999}"] {
      let bad = try bench.scratch.file("bad.json", Array(text.utf8))
      #expect(Session(["train", "--config", bad]).exitCode == 1, "\(text)")
    }
  }

  @Test("a folder that holds a run is refused, and replaced with --overwrite alone")
  func taken() throws {
    let bench = try Bench()
    let output = bench.scratch("out")
    _ = bench.train("--epochs", "2", "--output", output, "--quiet", "--tensorboard")
    let before = try bench.weights("out")
    let refused = bench.train("--epochs", "1", "--output", output)
    #expect(refused.exitCode == 1)
    #expect(refused.complaint.contains("--resume \(output)"))
    #expect(refused.complaint.contains("--overwrite"))
    #expect(try bench.weights("out") == before)
    // What is not of the run stays.
    _ = try bench.scratch.file("out/notes.txt", [65])
    let replaced = bench.train("--epochs", "1", "--output", output, "--overwrite", "--quiet")
    #expect(replaced.exitCode == 0, "\(replaced.complaint)")
    #expect(try bench.weights("out") != before)
    #expect(
      bench.names("out") == [
        "checkpoint-00000001.safetensors", "config.json", "curves.png", "curves.svg", "log.csv",
        "notes.txt", "weights.safetensors",
      ])
  }

  @Test(
    "a run that is stopped and resumed ends in the bytes of one that was not", arguments: [1, 2])
  func resume(accumulation: Int) throws {
    let bench = try Bench()
    let options = [
      "train", "--data", bench.data, "--epochs", "6", "--batch", "16", "--validation", "0.2",
      "--ema", "0.8", "--schedule", "plateau:1:0.5", "--accumulate", "\(accumulation)",
    ]
    let straight = Session(options + ["--output", bench.scratch("a"), "--json"])
    #expect(straight.exitCode == 0, "\(straight.complaint)")
    let stopped = Session(
      options + ["--output", bench.scratch("b")], stopWhen: { $0.contains("epoch 3/6") })
    #expect(stopped.exitCode == 130)
    #expect(stopped.output.contains("convnet train --resume \(bench.scratch("b"))"))
    let resumed = Session(["train", "--resume", bench.scratch("b"), "--json"])
    #expect(resumed.exitCode == 0, "\(resumed.complaint)")
    #expect(try bench.weights("a") == bench.weights("b"))
    #expect(
      try bench.scratch.bytes("a/best.safetensors") == bench.scratch.bytes("b/best.safetensors"))
    let (whole, rest) = (try straight.json(), try resumed.json())
    #expect(rest.count == 4 && whole.count == 7)
    for key in ["loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate"] {
      #expect(whole[5][key] == rest[2][key], "\(key)")
    }
    #expect(whole[6]["best_epoch"] == rest[3]["best_epoch"])
    // The table of the resumed run has its epochs from the beginning.
    let table = String(decoding: try bench.scratch.bytes("b/log.csv"), as: UTF8.self)
    #expect(table.split(separator: "\n").count == 7)
    // Once more: the run is complete, and stays as it is.
    let done = Session(["train", "--resume", bench.scratch("b"), "--quiet"])
    #expect(done.exitCode == 0)
    #expect(try bench.weights("a") == bench.weights("b"))
  }

  @Test("what --resume refuses")
  func badResume() throws {
    let bench = try Bench()
    let output = bench.scratch("out")
    _ = bench.train(
      "--epochs", "2", "--output", output, "--quiet", "--checkpoint-every", "1", "--keep", "3")
    #expect(bench.names("out").count { $0.hasPrefix("checkpoint-") } == 2)
    let changed = Session(["train", "--resume", output, "--epochs", "3", "--batch", "2"])
    #expect(changed.exitCode == 2)
    #expect(changed.complaint.contains("--batch, --epochs cannot be changed"))
    let nothing = Session(["train", "--resume", bench.scratch("small")])
    #expect(nothing.exitCode == 1 && nothing.complaint.contains("holds no run to resume"))

    func refused(_ change: (inout [String: JSONValue]) -> Void) throws -> String {
      let json = try JSONValue(parsing: bench.scratch.bytes("out/config.json"))
      var values: [String: JSONValue] = [:]
      for member in json.object?.members ?? [] { values[member.key] = member.value }
      change(&values)
      var object = JSONObject()
      for (key, value) in values.sorted(by: { $0.key < $1.key }) { object[key] = value }
      let before = try bench.weights("out")
      try JSONValue.object(object).write(to: bench.scratch("out/config.json"))
      let session = Session(["train", "--resume", output])
      try json.write(to: bench.scratch("out/config.json"))
      #expect(session.exitCode == 1)
      #expect(try bench.weights("out") == before)
      return session.complaint
    }
    let model = try refused { $0["model"] = "digitnet" }
    #expect(model.contains("is of another model or optimizer, nothing was loaded"))
    let optimizer = try refused {
      $0["optimizer"] = "sgd"
      $0["learning-rate"] = 0.1
    }
    #expect(optimizer.contains("it was trained by AdamW, not SGD"))
    let batch = try refused { $0["batch"] = 7 }
    #expect(batch.contains("60 images in batches of 64, seed 0, but this run has"))
    let newest = try #require(bench.names("out").last { $0.hasPrefix("checkpoint-") })
    let file = try SafetensorsFile(path: "\(output)/\(newest)")
    let items = file.entries.map { entry in
      SafetensorsItem(
        name: entry.name, dtype: entry.dtype, shape: entry.shape,
        bytes: file.withUnsafeBytes(of: entry) { Array($0) })
    }
    let metadata = file.metadata.merging(["tapestry_checkpoint": "99"]) { $1 }
    try SafetensorsFile.write(items, metadata: metadata, to: "\(output)/\(newest)")
    let newer = Session(["train", "--resume", output])
    #expect(newer.exitCode == 1)
    #expect(newer.complaint.contains("checkpoint format \"99\""))
  }

  @Test("validation ends a run that does not improve, and the best weights are saved")
  func patience() throws {
    let bench = try Bench(images: 80)
    let session = bench.train(
      "--epochs", "40", "--validation", "0.25", "--patience", "2", "--output",
      bench.scratch("out"), "--schedule", "multistep:4:1e-20")
    #expect(session.exitCode == 0, "\(session.complaint)")
    let epochs = session.lines.filter { $0.hasPrefix("epoch ") }
    #expect(epochs.count < 40 && epochs.allSatisfy { $0.contains("  validation ") })
    #expect(session.output.contains("60 training, 20 validation and 20 test images"))
    #expect(session.output.contains("best epoch: \(epochs.count - 2), validation accuracy "))
    #expect(
      try bench.weights("out") == bench.scratch.bytes("out/best.safetensors"))
  }

  @Test("--tensorboard writes an event file, --checkpoint-every none no checkpoint")
  func events() throws {
    let bench = try Bench()
    _ = bench.train(
      "--epochs", "1", "--output", bench.scratch("out"), "--quiet", "--tensorboard",
      "--checkpoint-every", "none")
    #expect(!bench.names("out").contains { $0.hasPrefix("checkpoint-") })
    let names = bench.names("out/events")
    #expect(names.count == 1 && names[0].hasPrefix("events.out.tfevents."))
  }

  @Test(
    "schedules that make no sense",
    arguments: [
      ("cosin", "did you mean 'cosine'?"), ("step", "EPOCHS is missing"),
      ("step:0", "EPOCHS is '0'"), ("multistep:3+x", "EPOCH+EPOCH+... is 'x'"),
      ("one-cycle:1", "SHARE must be less than 1"), ("cosine:3", "'3' is more than it takes"),
      ("restarts:2:1.5", "FACTOR is '1.5', but must be a whole number"),
      ("plateau:1:nan", "FACTOR is 'nan'"), ("one-cycle", "train for more epochs"),
    ])
  func badSchedule(text: String, expected: String) throws {
    let bench = try Bench()
    let session = bench.train(
      "--epochs", "2", "--schedule", text, "--output", bench.scratch("out"))
    #expect(session.exitCode == 1)
    #expect(session.complaint.contains(expected), "\(session.complaint)")
    #expect(bench.scratch.names == ["small"])
  }

  @Test(
    "schedules give the rate at the end of every epoch",
    arguments: [
      ("constant", [1, 1, 1, 1]), ("step:2:0.5", [1, 1, 0.5, 0.5]),
      ("multistep:1+3:0.1", [1, 0.1, 0.1, 0.01]), ("exponential:0.5", [1, 0.5, 0.25, 0.125]),
      ("polynomial", [1, 0.75, 0.5, 0.25]), ("restarts:2", [1, 0.5, 1, 0.5]),
    ] as [(String, [Double])])
  func schedules(text: String, expected: [Double]) throws {
    let bench = try Bench()
    let session = bench.train(
      "--epochs", "4", "--schedule", text, "--output", bench.scratch("out"), "--json",
      "--optimizer", "lars", "--learning-rate", "1")
    let rates = try session.json().dropLast().map { try #require($0["learning_rate"]?.double) }
    #expect(rates.count == 4, "\(session.complaint)")
    for (rate, expected) in zip(rates, expected) { #expect(abs(rate - expected) < 1e-12) }
  }

  @Test("a warm-up rises in a straight line")
  func warmup() throws {
    let bench = try Bench()
    let session = bench.train(
      "--epochs", "5", "--schedule", "constant", "--warmup", "3", "--output", bench.scratch("out"),
      "--json", "--optimizer", "sgd", "--learning-rate", "0.04")
    let rates = try session.json().dropLast().map { try #require($0["learning_rate"]?.double) }
    #expect(rates.map { Int(($0 * 1000).rounded()) } == [10, 20, 30, 40, 40])
    let long = bench.train("--epochs", "2", "--warmup", "2", "--output", bench.scratch("b"))
    #expect(long.exitCode == 1 && long.complaint.contains("the run has only 2 epochs"))
  }

  @Test("options that do not go together")
  func misuse() throws {
    let bench = try Bench()
    for (words, expected) in [
      (["--momentum", "0.5"], "'--momentum' means nothing to adamw"),
      (["--patience", "3"], "needs images to validate on"),
      (["--checkpoint-every", "0"], "must be a number of updates, a time"),
      (["--learning-rate", "0"], "must be greater than 0"),
    ] {
      let session = Session(
        ["train", "--data", bench.data, "--output", bench.scratch("out")] + words)
      #expect(session.exitCode == 2)
      #expect(session.complaint.contains(expected), "\(session.complaint)")
    }
    let tiny = bench.train("--validation", "0.001", "--output", bench.scratch("out"))
    #expect(tiny.exitCode == 1 && tiny.complaint.contains("divides 60 images into 60"))
    #expect(bench.scratch.names == ["small"])
  }

  @Test("the help has its options under headings")
  func help() {
    let help = Session(["train", "--help"]).output
    for heading in [
      "What to train:", "Data:", "Steps:", "Learning rate and averages:", "The run:", "Options:",
    ] {
      #expect(help.contains("\n\(heading)\n"), "\(heading)")
    }
    #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }
}

@Suite("convnet find-rate")
struct FindRateCommandTests {
  @Test("suggests a rate and draws the loss")
  func search() throws {
    let scratch = try Scratch()
    let data = try SmallData(images: 200).write(to: scratch)
    let words = ["find-rate", "--data", data, "--batch", "16", "--steps", "60"]
    let session = Session(words + ["--output", scratch("plot.svg")])
    #expect(session.exitCode == 0, "\(session.complaint)")
    #expect(session.output.contains("suggested learning rate: "))
    #expect(session.output.contains("convnet train --model lenet5 --data \(data)"))
    let svg = String(decoding: try scratch.bytes("plot.svg"), as: UTF8.self)
    #expect(svg.contains("lenet5 on small, adamw") && svg.contains("learning rate"))
    let json = Session(words + ["--output", scratch("plot.png"), "--json"])
    let object = try #require(json.json().first)
    let suggestion = try #require(object["suggestion"]?.double)
    #expect(suggestion > 1e-6 && suggestion < 1)
    #expect(object["rates"]?.array?.count == object["losses"]?.array?.count)
    #expect(try scratch.bytes("plot.png").prefix(4) == [0x89, 0x50, 0x4E, 0x47])
  }

  @Test("what it refuses")
  func misuse() throws {
    let scratch = try Scratch()
    let rates = Session(["find-rate", "--from", "1", "--to", "0.1"])
    #expect(rates.exitCode == 2 && rates.complaint.contains("must be less than '--to'"))
    let name = Session(["find-rate", "--output", scratch("plot.gif")])
    #expect(name.exitCode == 2 && name.complaint.contains("must end in .svg or .png"))
  }
}

@Suite("convnet train: images")
struct TrainImagesTests {
  @Test("--augment and --size change what is learnt, bit for bit the same again")
  func augment() throws {
    let scratch = try Scratch()
    let data = try SmallData().write(to: scratch)
    func train(_ name: String, _ options: String...) throws -> [UInt8] {
      let session = Session(
        ["train", "--data", data, "--epochs", "2", "--output", scratch(name)] + options)
      #expect(session.exitCode == 0, "\(session.complaint)")
      #expect(session.output.contains("augmentation: ") == options.contains("--augment"))
      return try scratch.bytes("\(name)/weights.safetensors")
    }
    let plain = try train("a")
    let changed = try train("b", "--augment", "crop:2,rotate:10")
    #expect(plain != changed)
    #expect(try changed == train("c", "--augment", "crop:2,rotate:10"))
    // Images that are mixed have probabilities for classes.
    #expect(try train("d", "--augment", "mixup") != plain)
    _ = try train("e", "--size", "32")
  }

  @Test("steps that do not exist are refused")
  func misuse() throws {
    let scratch = try Scratch()
    let session = Session(["train", "--augment", "crop:x,spin", "--output", scratch("out")])
    #expect(session.exitCode == 2)
    #expect(session.complaint.contains("'--augment': "))
    #expect(session.complaint.contains("spin"))
    #expect(scratch.names.isEmpty)
  }
}
