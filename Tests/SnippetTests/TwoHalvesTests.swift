import Foundation
import Testing

/// A training run in two processes ends in the bytes of one that was never interrupted.
@Suite("convnet train in two processes") struct TwoHalvesTests {
  /// Options of a run of 24 updates, two epochs; for those that make an update an epoch, of six.
  struct Plan: Sendable, CustomTestStringConvertible {
    let optimizer: String
    let options: String

    var testDescription: String { "\(optimizer) \(options)" }
    var updatesAnEpoch: Bool { ["rprop", "lbfgs"].contains(optimizer) }
    /// How many updates the first process makes: half of them, one more where that is the end of an epoch.
    var half: Int { updatesAnEpoch ? 3 : 13 }

    var words: [String] {
      ["--optimizer", optimizer, "--epochs", updatesAnEpoch ? "6" : "2", "--batch", "120"]
        + options.split(separator: " ").map(String.init)
    }

    static let all = [
      Plan(optimizer: "sgd", options: "--schedule step:1:0.5 --ema 0.9 --augment crop:2,rotate:10"),
      Plan(optimizer: "adam", options: "--schedule plateau:1:0.5 --validation 0.2"),
      Plan(optimizer: "adamw", options: "--schedule cosine --warmup 1 --ema 0.99 --validation 0.1"),
      Plan(optimizer: "nadam", options: "--schedule one-cycle --clip 1"),
      Plan(optimizer: "radam", options: "--schedule restarts:1 --augment mixup:0.4"),
      Plan(optimizer: "adamax", options: "--schedule exponential:0.5 --label-smoothing 0.1"),
      Plan(optimizer: "adagrad", options: "--schedule polynomial:2 --augment cutmix,translate:0.1"),
      Plan(optimizer: "adadelta", options: "--schedule multistep:1:0.1 --ema 0.5"),
      Plan(optimizer: "rmsprop", options: "--momentum 0.9 --schedule constant --freeze c1.*"),
      Plan(optimizer: "lars", options: "--schedule cosine --warmup 0.5 --augment cutout:4"),
      Plan(optimizer: "rprop", options: "--schedule constant --validation 0.2"),
      Plan(optimizer: "lbfgs", options: "--schedule cosine --ema 0.9"),
    ]
  }

  /// Runs `convnet train` with these words and waits for its end.
  private func train(_ words: [String]) throws {
    let process = Process()
    let program = try #require(
      Repository.builtProgram("convnet"), "the program 'convnet' is not beside the tests")
    process.executableURL = program
    process.arguments = ["train", "--quiet"] + words
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let printed = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(String(decoding: printed, as: UTF8.self))")
  }

  @Test("as many steps again in a new process are the same bytes", arguments: Plan.all)
  func halves(_ plan: Plan) throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("tapestry-halves-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    let (whole, parts) = (
      folder.appendingPathComponent("whole"), folder.appendingPathComponent("parts")
    )
    func weights(_ run: URL) throws -> Data {
      try Data(contentsOf: run.appendingPathComponent("weights.safetensors"))
    }
    try train(plan.words + ["--output", whole.path])
    try train(plan.words + ["--output", parts.path, "--stop-after", String(plan.half)])
    let begun = try weights(parts)
    #expect(try begun != weights(whole))
    try train(["--resume", parts.path, "--threads", "1"])
    #expect(try weights(parts) == weights(whole))
  }
}
