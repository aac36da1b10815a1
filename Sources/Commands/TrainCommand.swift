import CTapestryKernels
import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOptim
import TapestryTraining

/// `convnet train`: trains a net and saves its weights.
struct TrainCommand {
  static let description = CommandDescription(
    program: "convnet", name: "train", summary: "Trains a model and saves its weights.",
    discussion: """
      Without options LeNet-5 learns the embedded handwritten digits (1,797 images, a fifth of them kept for
      the test) in a few seconds. Ctrl-C stops after the step at hand and saves what there is. The same seed
      gives the same weights, bit for bit, on any number of threads.

        convnet train
        convnet train --model digitnet --epochs 10 --optimizer sgd
        convnet train --data path/to/mnist
      """,
    options: [
      .model(default: "lenet5", help: "The model."),
      DataSource.option(help: "A folder with IDX files, named as MNIST's."),
      .int(
        "epochs", in: 1...1_000_000,
        help: "Passes over the training images. (default: \(Defaults.digitEpochs) on the embedded "
          + "digits, \(Defaults.epochs) on others)"),
      .int("batch", default: 64, in: 1...1_000_000, help: "Images per step."),
      .double(
        "learning-rate",
        help: "Size of the first steps; falls to 0 along half a cosine. (default: "
          + "\(Defaults.adamwRate) for adamw, \(Defaults.adamRate) for adam, \(Defaults.sgdRate) for sgd)"
      ),
      .choice(
        "optimizer", "NAME", of: OptimizerKind.allCases.map(\.rawValue), default: "adamw",
        help: "How steps are made."),
      .int(
        "seed", default: 0, in: 0 ... .max,
        help: "Of the first weights, the held-out images and their order."),
      .int("threads", in: 1...1024, help: "Threads to compute with. (default: the processors)"),
      .string(
        "output", "DIR", help: "Where the weights go. (default: runs/MODEL-DATA)"),
      .flag("json", help: "One JSON object per epoch, then one with the result."),
      .flag("quiet", help: "No progress, only the result."),
    ])

  /// What is taken when nothing is said: chosen on LeNet-5 with MNIST and with several splits of the digits.
  enum Defaults {
    static let digitEpochs = 20
    static let epochs = 5
    static let adamRate = 0.002
    static let adamwRate = 0.004
    static let adamwWeightDecay = 0.1
    static let sgdRate = 0.05
    static let sgdMomentum = 0.9
    static let sgdWeightDecay = 5e-4
    static let heldOut = 0.2
  }

  /// The optimizers by name.
  enum OptimizerKind: String, CaseIterable {
    case sgd, adam, adamw

    var learningRate: Double {
      switch self {
      case .sgd: Defaults.sgdRate
      case .adam: Defaults.adamRate
      case .adamw: Defaults.adamwRate
      }
    }

    func make(_ model: any Model, learningRate: Double) -> any Optimizer {
      switch self {
      case .sgd:
        SGD(
          model, learningRate: learningRate, momentum: Defaults.sgdMomentum,
          weightDecay: Defaults.sgdWeightDecay)
      case .adam: Adam(model, learningRate: learningRate)
      case .adamw:
        AdamW(model, learningRate: learningRate, weightDecay: Defaults.adamwWeightDecay)
      }
    }
  }

  private static let weightsName = "weights.safetensors"

  private let program: Convnet
  private let entry: CatalogEntry
  private let source: DataSource
  private let epochs: Int
  private let batchSize: Int
  private let optimizerKind: OptimizerKind
  private let learningRate: Double
  private let seed: UInt64
  private let threads: Int?
  private let outputPath: String
  private let style: ReportStyle

  private var console: Console { program.console }

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    self.program = program
    let modelName = try arguments.string("model")
    guard let entry = ModelCatalog.entry(named: modelName),
      let kind = OptimizerKind(rawValue: try arguments.string("optimizer"))
    else { throw arguments.misuse("the model '\(modelName)' is not known") }
    self.entry = entry
    optimizerKind = kind
    source = DataSource(arguments.optionalString("data"))
    epochs =
      arguments.optionalInt("epochs")
      ?? (source == .digits ? Defaults.digitEpochs : Defaults.epochs)
    batchSize = try arguments.int("batch")
    learningRate = arguments.optionalDouble("learning-rate") ?? kind.learningRate
    guard learningRate > 0 else {
      throw arguments.misuse("'--learning-rate' is '\(learningRate)', but must be greater than 0")
    }
    seed = UInt64(try arguments.int("seed"))
    threads = arguments.optionalInt("threads")
    outputPath = arguments.optionalString("output") ?? "runs/\(entry.name)-\(source.name)"
    style = arguments.has("json") ? .json : arguments.has("quiet") ? .quiet : .lines
  }

  func run() throws -> Int32 {
    if let threads { tapestry_set_thread_count(Int32(threads)) }
    let (training, test) = try source.load(heldOut: Defaults.heldOut, seed: seed)
    let saved = WeightsDescription(
      model: entry.name, classNames: training.classNames, channels: training.channels,
      height: max(training.height, entry.input.height),
      width: max(training.width, entry.input.width),
      normalization: Normalization(of: training), data: source.name, seed: seed)
    let random = RandomSource(seed: seed)
    let model = try withRandomSource(random) {
      try saved.makeModel(source: source.path ?? source.name)
    }
    let loader = try saved.loader(training, batchSize: batchSize, shuffleSeed: seed)
    let testLoader = try saved.loader(test, batchSize: EvaluateCommand.batchSize)
    let folder = try OutputFolder(path: outputPath, for: Self.weightsName)

    announce(model, training, test)
    let reporter = TrainingReporter(console, style: style)
    let weights = folder.file(Self.weightsName)
    let summary: TrainingSummary
    do {
      summary = try interruptible {
        let summary = try train(model, on: loader, random: random, reporter: reporter)
        reporter.finish()
        try model.save(to: weights, metadata: saved.metadata)
        return summary
      }
    } catch {
      reporter.finish()
      folder.discard()
      throw error
    }
    guard !summary.wasStopped else {
      reportStop(summary, weights: weights)
      return Convnet.ExitCode.interrupted
    }
    let result = evaluate(model, on: testLoader)
    report(summary, result, weights: weights)
    return 0
  }

  private func interruptible<Result>(_ body: () throws -> Result) rethrows -> Result {
    program.isInterruptible ? try Interrupts.caught(body) : try body()
  }

  private func train(
    _ model: any Model, on loader: BatchLoader, random: RandomSource, reporter: TrainingReporter
  ) throws(TrainingError) -> TrainingSummary {
    let trainer = Trainer(
      model, optimizer: optimizerKind.make(model, learningRate: learningRate),
      schedule: .cosine(from: learningRate, over: epochs * loader.batchCount),
      stopRequest: program.stopRequest, observer: reporter)
    let outcome = withRandomSource(random) {
      Result { () throws(TrainingError) in try trainer.run(on: loader, epochs: epochs) }
    }
    return try outcome.get()
  }

  // MARK: - Reports

  private func announce(_ model: any Model, _ training: ImageSet, _ test: ImageSet) {
    guard style == .lines else { return }
    let size = "\(training.height)x\(training.width)"
    let threads = counted(Int(tapestry_thread_count()), "thread")
    console.line(
      """
      \(console.styled(entry.name, .bold)): \(grouped(model.parameterCount)) parameters
      \(console.styled(source.name, .bold)): \(grouped(training.count)) training and \
      \(grouped(test.count)) test images of \(size) in \(counted(training.classNames.count, "class"))
      \(optimizerKind.rawValue), learning rate \(learningRate), batches of \(batchSize), seed \(seed), \
      \(threads)

      """)
  }

  private func report(_ summary: TrainingSummary, _ result: Evaluation, weights: String) {
    let peak = peakMemory()
    guard style != .json else {
      console.line(jsonResult(summary, accuracy: .finite(result.accuracy), weights, peak))
      return
    }
    if style == .lines { console.line() }
    console.line(
      """
      test accuracy: \(console.styled(fixed(result.accuracy, 4), .bold)) \
      (\(grouped(result.correctCount)) of \(counted(result.count, "image")))
      trained in \(fixed(summary.seconds, 2)) s, \(grouped(summary.imagesPerSecond)) images/s, \
      peak memory \(byteSize(peak))
      weights saved to \(weights)

      Try next:
        \(suggestion("evaluate", weights))
        \(suggestion("classify", weights)) --index 0
      """)
  }

  private func reportStop(_ summary: TrainingSummary, weights: String) {
    guard style != .json else {
      console.line(jsonResult(summary, accuracy: .null, weights, peakMemory()))
      return
    }
    let epoch = summary.epochs.last.map { "in epoch \($0.epoch) of \(epochs), " } ?? ""
    console.line(
      """
      interrupted \(epoch)after \(counted(summary.steps, "step"))
      weights, as they are, saved to \(weights)
        \(suggestion("evaluate", weights))
      """)
  }

  private func jsonResult(
    _ summary: TrainingSummary, accuracy: JSONValue, _ weights: String, _ peak: Int
  ) -> String {
    jsonLine([
      "test_accuracy": accuracy, "train_seconds": .finite(summary.seconds),
      "images_per_second": .finite(summary.imagesPerSecond.rounded()),
      "peak_bytes": .integer(peak), "weights": .string(weights),
      "interrupted": .bool(summary.wasStopped),
    ])
  }

  private func suggestion(_ command: String, _ weights: String) -> String {
    let data = source.path.map { " --data \(shellQuoted($0))" } ?? ""
    return "\(program.invocation) \(command) --weights \(shellQuoted(weights))\(data)"
  }
}
