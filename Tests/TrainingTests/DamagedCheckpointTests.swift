import Foundation
import Tapestry
import TapestryFiles
import TestSupport
import Testing

/// Remembers which checkpoint a run continued from.
private final class ResumeLog: TrainingObserver {
  var path: String?
  var damaged: [any Error] = []

  func trainingDidResume(from path: String, skipping damaged: [any Error]) {
    (self.path, self.damaged) = (path, damaged)
  }
}

@Suite("Damaged checkpoints")
struct DamagedCheckpointTests {
  /// A short run with a checkpoint every other step.
  private struct Run {
    let model = noisy()
    var trainer: Trainer
    let loader: BatchLoader

    init(_ folder: String) throws {
      trainer = Trainer(model, optimizer: Adam(model, learningRate: 0.01))
      trainer.average = ParameterAverage(model, decay: 0.9)
      trainer.checkpoints = CheckpointFolder(folder, everySteps: 2)
      loader = try BatchLoader(images(50), batchSize: 8, seed: 5)
    }

    func run(epochs: Int, resuming: Bool = false) throws -> TrainingSummary {
      try withRandomSource(RandomSource(seed: 9)) {
        try trainer.run(on: loader, epochs: epochs, resuming: resuming)
      }
    }

    var newest: String { get throws { try #require(trainer.checkpoints?.checkpoints().first) } }
  }

  @Test(
    "a flipped bit in the newest checkpoint, in its header or its payload, leads to the one before and the same bits",
    arguments: [0, 8, 9, 40, 200, 700, 1500, -1, -77, -400])
  func flipped(place: Int) throws {
    let scratch = try Scratch()
    let straight = try Run(scratch("a"))
    _ = try straight.run(epochs: 2)
    let newest = try straight.newest
    var bytes = try Scratch.bytes(newest)
    bytes[place < 0 ? bytes.count + place : place] ^= 1 << UInt8(abs(place) % 8)
    try AtomicFile.write(bytes, to: newest)
    var resumed = try Run(scratch("a"))
    let older = try #require(resumed.trainer.checkpoints?.checkpoints()[1])
    let log = ResumeLog()
    resumed.trainer.observers.append(log)
    let summary = try resumed.run(epochs: 2, resuming: true)
    #expect(summary.steps > 0)
    #expect(log.path == older)
    #expect(log.damaged.count == 1)
    #expect(log.damaged.first.map { "\($0)".hasPrefix(newest) } == true)
    #expect(modelBits(resumed.model) == modelBits(straight.model))
  }

  /// The newest checkpoint of a run, rewritten by another program: with some texts or arrays changed, no checksums.
  private func rewritten(
    _ path: String, metadata: [String: String] = [:], steps: [String: Int] = [:]
  ) throws {
    let file = try SafetensorsFile(path: path)
    let items = file.entries.map { entry in
      if let step = steps[entry.name] {
        return SafetensorsItem(name: entry.name, shape: [], elements: [Int64(step)])
      }
      return SafetensorsItem(
        name: entry.name, dtype: entry.dtype, shape: entry.shape,
        bytes: file.withUnsafeBytes(of: entry) { Array($0) })
    }
    try SafetensorsFile.write(
      items, metadata: file.metadata.merging(metadata) { $1 }, to: path)
  }

  @Test(
    "counters and figures that no training gives are refused",
    arguments: ["optimizer.step", "average.step", "optimizer.dense.weight.updates", "loss"])
  func absurd(what: String) throws {
    let scratch = try Scratch()
    let run = try Run(scratch("a"))
    _ = try run.run(epochs: 1)
    for path in try #require(run.trainer.checkpoints).checkpoints() {
      let file = try SafetensorsFile(path: path)
      if what == "loss" {
        let position = try #require(file.metadata["position"])
        let history =
          "\"history\":[{\"epoch\":1,\"updates\":1,\"learning_rate\":1,\"loss\":-1e308,\"accuracy\":0,"
          + "\"images\":1,\"seconds\":1}]"
        let start = try #require(position.range(of: "\"history\":[")).lowerBound
        let end = try #require(position.range(of: "]")).upperBound
        let changed = position.replacingCharacters(in: start..<end, with: history)
        try rewritten(path, metadata: ["position": changed])
      } else {
        let name = file.entries.map(\.name).first {
          $0 == what || (what.hasSuffix("updates") && $0.hasSuffix("updates"))
        }
        try rewritten(path, steps: [try #require(name): .max])
      }
    }
    let resumed = try Run(scratch("a"))
    let text = message { try resumed.run(epochs: 2, resuming: true) }
    #expect(text.contains("is damaged"), "\(text)")
    #expect(
      text.contains(what == "loss" ? "-1e+308, which no training gives" : "no count"), "\(text)")
  }

  @Test("two runs do not write in one folder")
  func locked() throws {
    let scratch = try Scratch()
    let other = try FolderLock(folder: scratch.folder("a"))
    let run = try Run(scratch("a"))
    #expect(message { try run.run(epochs: 1) }.contains("is in use: another run writes there"))
    #expect(Scratch.names(scratch("a")) == [FolderLock.name])
    other.giveUp()
    _ = try run.run(epochs: 1)
    #expect(!Scratch.names(scratch("a")).contains(FolderLock.name))
  }

  @Test("damaged weights are not loaded, and what was there stays")
  func weights() throws {
    let scratch = try Scratch()
    let net = noisy()
    try net.save(to: scratch("w.safetensors"))
    var bytes = try Scratch.bytes(scratch("w.safetensors"))
    bytes[bytes.count - 3] ^= 4
    try scratch.file("damaged.safetensors", bytes)
    let other = noisy()
    let before = modelBits(other)
    let text = message { try other.load(from: scratch("damaged.safetensors"), allowing: .all) }
    #expect(text.contains("is damaged: its checksum should be"), "\(text)")
    #expect(modelBits(other) == before)
    try other.load(from: scratch("w.safetensors"))
  }
}
