import CTapestryKernels
import TapestryFiles
import TapestryGraph
import TapestryTraining

/// `convnet profile`: where the time of a net goes.
struct ProfileCommand: Command {
  static var computesMuch: Bool { true }

  /// The options, each with the type of its value.
  enum Options {
    static let input: Option<[Int]> = .intList(
      "input", "C,H,W", in: 1...1_000_000, help: "Size of an image. (default: the model's own)")
    static let mode: Option<String> = .choice(
      "mode", "NAME", of: ["train", "infer"], default: "train",
      help: "A whole training step, or inference.")
    static let by: Option<String> = .choice(
      "by", "WHAT", of: ["layer", "op"], default: "layer",
      help: "A line for each op of each layer, or for each op.")
    static let top: Option<Int> = .int(
      "top", default: 30, in: 1...1_000_000, help: "Lines at most.")
    static let repeats: Option<Int> = .int(
      "repeat", default: 5, in: 1...100_000, help: "Steps to measure.")
    static let threads: Option<Int?> = .int(
      "threads", in: 1...1024, help: "Threads to compute with. (default: the processors)")
    static let json: Option<Bool> = .flag("json", help: "One JSON object per line.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "profile", summary: "Shows where the time of a model goes, op by op.",
    discussion: """
      Runs training steps (or inference) on random data and lists the ops, forward and backward, the longest \
      first: time per step, arithmetic, share of the peak that the same threads reach in registers alone, and the \
      bytes that an op reads and writes at least.

        convnet profile --model alexnet --batch 32
        convnet profile --model resnet50 --by op
      """,
    options: NetOptions.options
      + declared(
        Options.input, Options.mode, Options.by, Options.top, Options.repeats, Options.threads,
        Options.json))

  private let arguments: ParsedArguments
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) {
    self.arguments = arguments
    console = program.console
  }

  func run() throws -> Int32 {
    if let threads = arguments[Options.threads] { tapestry_set_thread_count(Int32(threads)) }
    let net = try NetOptions(arguments, input: arguments[Options.input])
    let isTraining = arguments[Options.mode] == "train"
    let repeats = arguments[Options.repeats]
    let measured = measure(net, isTraining: isTraining, repeats: repeats)
    let isByOperation = arguments[Options.by] == "op"
    let entries = isByOperation ? measured.profile.entriesByOperation : measured.profile.entries
    let table = ProfileTable(
      entries: entries, limit: arguments[Options.top], steps: repeats, peak: measuredPeak(),
      isByOperation: isByOperation, stepSeconds: measured.step, updateSeconds: measured.update)
    if arguments[Options.json] {
      for line in table.jsonLines { console.line(jsonLine(line)) }
      return 0
    }
    let mode = isTraining ? "training step" : "inference"
    console.line(
      """
      \(console.styled(net.entry.name, .bold)) \(mode), batch \(net.shape[0]) of \
      \(net.shape[1])x\(net.shape[2])x\(net.shape[3]), \(counted(Int(tapestry_thread_count()), "thread")), \
      \(String(cString: tapestry_cpu_current())) kernels

      """)
    for line in table.lines { console.line(line) }
    return 0
  }

  /// Runs the steps. Times are totals of all repeats.
  private func measure(
    _ net: NetOptions, isTraining: Bool, repeats: Int
  ) -> (profile: OperationProfile, step: Double, update: Double) {
    let profile = OperationProfile()
    let clock = ContinuousClock()
    let images = Tensor.normal(net.shape)
    var update = 0.0
    guard isTraining else {
      let run = { _ = inference { net.model(images) } }
      for _ in 0..<2 { run() }
      let step = clock.measure { observing(profile) { for _ in 0..<repeats { run() } } }
      return (profile, step.inSeconds, 0)
    }
    let step = TrainingStep(net.model, images: images, classes: net.classes)
    for _ in 0..<2 { step.run() }
    let total = clock.measure {
      for _ in 0..<repeats {
        let gradients = observing(profile) { step.gradients() }
        update += clock.measure { step.optimizer.update(along: gradients) }.inSeconds
      }
    }
    return (profile, total.inSeconds, update)
  }
}
