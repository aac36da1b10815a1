import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps
import TapestryOptim
import TapestryTraining

/// What the commands that train have in common: the net, the data, and how a step is made.
struct TrainingChoices {
  let entry: CatalogEntry
  let source: DataSource
  let batchSize: Int
  let optimizer: OptimizerChoice
  let learningRate: Double
  let momentum: Double?
  let weightDecay: Double?
  let labelSmoothing: Double
  let accumulation: Int
  let maximumGradientNorm: Double?
  let resize: ImageResize?
  let augmentation: Augmentation
  let skipsBroken: Bool
  let pretrained: String?
  let frozen: [NamePattern]
  let seed: UInt64
  let threads: Int?

  /// The share of the embedded digits that is kept for the test.
  static let heldOut = 0.2

  /// The options, each with the type of its value.
  enum Options {
    static let data: Option<String?> = DataSource.option(
      help: "The images: see above. (default: the embedded digits)")
    static let augment: Option<String?> = .string(
      "augment", "STEPS",
      help:
        "Changes training images anew in every epoch, such as crop:4,flip; 'convnet augment --help' lists "
        + "the steps, and the command draws what they do.")
    static let skipBroken: Option<Bool> = .flag(
      "skip-broken", help: "Leaves out images that cannot be read, and lists them at the end.")
    static let batch: Option<Int> = .int(
      "batch", default: 64, in: 1...1_000_000, help: "Images per batch.")
    static let model: Option<String> = .model(default: "lenet5", help: "The model.")
    static let pretrained: Option<String?> = .string(
      "pretrained", "FILE",
      help:
        "Weights to begin with: those that fit. What does not, such as a head for other classes, is listed "
        + "and begins at random.")
    static let freeze: Option<[String]> = .list(
      "freeze", "PATTERN,...",
      help: "Leaves the parameters of these names as they are: features.*, or conv1,conv2.")
    static let optimizer: Option<String> = .choice(
      "optimizer", "NAME", of: OptimizerChoice.allCases.map(\.rawValue), default: "adamw",
      help: "How steps are made. rprop and lbfgs make one step an epoch, from all training images "
        + "unchanged, and are for nets without dropout.")
    static let momentum: Option<Double?> = .double(
      "momentum", in: 0...0.9999,
      help: "Weight of the past in a step, for \(OptimizerChoice.withMomentum). (default: 0.9; for "
        + "rmsprop 0, for muon 0.95)")
    static let weightDecay: Option<Double?> = .double(
      "weight-decay", in: 0...10,
      help: "Pull of the weights towards zero; biases and normalisation are left alone. (default: "
        + "0.5 for lion, 0.1 for adamw and muon, 0.01 for lamb, 0.0005 for sgd and lars, else 0)")
    static let labelSmoothing: Option<Double> = .double(
      "label-smoothing", default: 0, in: 0...0.99,
      help: "Share of the target that is spread over all classes.")
    static let accumulate: Option<Int> = .int(
      "accumulate", default: 1, in: 1...1_000_000,
      help: "Batches whose gradients are averaged for one update.")
    static let clip: Option<Double?> = .double(
      "clip", in: 1e-12...1e12, help: "Largest norm of all gradients together.")
    static let seed: Option<Int> = .int(
      "seed", default: 0, in: 0 ... .max,
      help: "Of the first weights, the held-out images and their order.")
    static let threads: Option<Int?> = .int(
      "threads", in: 1...1024, help: "Threads to compute with. (default: the processors)")
  }

  static let dataOptions: [CommandOption] = declared(
    Options.data, ImageResize.option, Options.augment, Options.skipBroken, Options.batch)

  static let modelOptions: [CommandOption] = declared(
    Options.model, Options.pretrained, Options.freeze)

  static let stepOptions: [CommandOption] = declared(
    Options.optimizer, Options.momentum, Options.weightDecay, Options.labelSmoothing,
    Options.accumulate, Options.clip)

  static let rateHelp =
    "(default: "
    + OptimizerChoice.allCases.map { "\($0.rawValue) \(shortText($0.learningRate))" }
    .joined(separator: ", ") + ")"

  static let machineOptions: [CommandOption] = declared(Options.seed, Options.threads)

  /// - Parameter hasRate: whether the command has an option `--learning-rate`.
  init(_ arguments: ParsedArguments, hasRate: Bool = true) throws {
    let modelName = arguments[Options.model]
    guard let entry = ModelCatalog.entry(named: modelName),
      let optimizer = OptimizerChoice(rawValue: arguments[Options.optimizer])
    else { throw arguments.misuse("the model '\(modelName)' is not known") }
    self.entry = entry
    self.optimizer = optimizer
    source = DataSource(arguments[Options.data])
    batchSize = arguments[Options.batch]
    let given = hasRate ? arguments[TrainCommand.Options.learningRate] : nil
    learningRate = given ?? optimizer.learningRate
    guard learningRate > 0 else {
      throw arguments.misuse("'--learning-rate' is '\(learningRate)', but must be greater than 0")
    }
    momentum = arguments[Options.momentum]
    guard momentum == nil || optimizer.momentum != nil else {
      throw arguments.misuse(
        "'--momentum' means nothing to \(optimizer.rawValue): it is for \(OptimizerChoice.withMomentum)"
      )
    }
    weightDecay = arguments[Options.weightDecay]
    guard weightDecay ?? 0 == 0 || optimizer.decays else {
      throw arguments.misuse("'--weight-decay' means nothing to \(optimizer.rawValue)")
    }
    labelSmoothing = arguments[Options.labelSmoothing]
    accumulation = arguments[Options.accumulate]
    maximumGradientNorm = arguments[Options.clip]
    resize = try ImageResize(arguments)
    augmentation = try AugmentOption.value(Options.augment, arguments) ?? []
    if optimizer.needsWholeSet {
      let name = optimizer.rawValue
      guard hasRate else {
        throw arguments.misuse("\(name) takes no batches, for which this test is made")
      }
      guard !arguments.isTyped(Options.accumulate) || accumulation == 1 else {
        throw arguments.misuse(
          "'--accumulate' means nothing to \(name): each of its updates is made from all training images"
        )
      }
      guard augmentation.isEmpty else {
        throw arguments.misuse(
          "'--augment' changes the images from update to update, but \(name) compares the gradients of updates, "
            + "which must be of the same images")
      }
    }
    skipsBroken = arguments[Options.skipBroken]
    pretrained = arguments[Options.pretrained]
    frozen = arguments[Options.freeze].map { NamePattern($0) }
    seed = UInt64(arguments[Options.seed])
    threads = arguments[Options.threads]
  }

  /// The images and the net, made from the seed.
  ///
  /// - Parameter validation: the share of the training images that is held out to validate on.
  func load(validation share: Double = 0) throws -> TrainingSetup {
    let broken = skipsBroken ? BrokenImages.skipped : .refused
    let (images, test) = try source.load(
      heldOut: Self.heldOut, seed: seed, resize: resize, broken: broken)
    let skipped = images.skipped + test.skipped.filter { !images.skipped.contains($0) }
    var training = images
    var validation: ImageSet?
    if share > 0 {
      let parts = images.split(heldOut: share, seed: seed, stratified: true)
      guard !parts.training.isEmpty, !parts.heldOut.isEmpty else {
        throw CommandError(
          "'--validation' is \(share), but that divides \(counted(images.count, "image")) into "
            + "\(parts.training.count) to learn from and \(parts.heldOut.count) to validate on")
      }
      (training, validation) = (parts.training, parts.heldOut)
    }
    // A size that was asked for is taken as it is; else small images are enlarged to what the net was made for.
    let canvas = ImageSize(
      channels: training.channels,
      height: resize?.height ?? max(training.height, entry.input.height),
      width: resize?.width ?? max(training.width, entry.input.width))
    let size = try augmentation.outputSize(for: canvas)
    // Photos are cut to the proportions of the others, of drawings nothing may be lost.
    let usual = ImageResize(
      height: training.height, width: training.width, fit: training.channels == 1 ? .fit : .fill)
    var description = WeightsDescription(
      model: entry.name, classNames: training.classNames, channels: training.channels,
      height: size.height, width: size.width, normalization: Normalization(of: training),
      data: source.name, seed: seed, resize: resize ?? usual, canvas: canvas,
      steps: augmentation.forEvaluation)
    let random = RandomSource(seed: seed)
    let model = try withRandomSource(random) {
      try description.makeModel(source: source.path ?? source.name, isTrained: true)
    }
    let report = try loadPretrained(into: model, &description)
    if !frozen.isEmpty {
      try model.freeze(frozen)
      guard model.parameters.contains(where: { !$0.isFrozen }) else {
        throw CommandError("'--freeze' leaves nothing to train")
      }
    }
    func testLoader(_ set: ImageSet) throws -> BatchLoader {
      try description.loader(set, batchSize: TestImages.batchSize, broken: broken)
    }
    return TrainingSetup(
      description: description, model: model, random: random, pretrained: report,
      loader: try description.loader(
        training, batchSize: batchSize, shuffleSeed: seed, augmentation: augmentation,
        broken: broken),
      validation: try validation.map { try testLoader($0) }, test: try testLoader(test),
      skipped: skipped)
  }

  /// Weights to begin with. Images are then normalised as those were that they were trained on, where the file says
  /// how.
  private func loadPretrained(
    into model: any Model, _ description: inout WeightsDescription
  ) throws -> StateReport? {
    guard let path = pretrained else { return nil }
    let file = try TrainingState.weights(in: SafetensorsState(path: path))
    let report = try model.load(file, source: path, allowing: .all)
    if file.metadata["mean"] != nil,
      let saved = try? WeightsDescription(file, path: path, modelName: entry.name),
      saved.channels == description.channels
    {
      description.normalization = saved.normalization
    }
    return report
  }

  /// Batches whose gradients make one update.
  func batchesPerUpdate(_ setup: TrainingSetup) -> Int {
    optimizer.needsWholeSet ? max(setup.loader.batchCount, 1) : accumulation
  }

  /// A loop with these choices over the net of `setup`.
  func trainer(_ setup: TrainingSetup) -> Trainer {
    var trainer = Trainer(
      setup.model,
      optimizer: optimizer.make(
        setup.model, learningRate: learningRate, momentum: momentum, weightDecay: weightDecay),
      objective: objective(setup.model))
    trainer.accumulation = batchesPerUpdate(setup)
    trainer.maximumGradientNorm = maximumGradientNorm
    return trainer
  }

  /// Cross-entropy with what is known of the classes; those of auxiliary heads are added.
  private func objective(_ model: any Model) -> Trainer.Objective {
    let smoothing = labelSmoothing
    func loss(_ logits: Tensor, _ batch: Batch) -> Tensor {
      if let probabilities = batch.probabilities {
        return softmaxCrossEntropy(
          logits, probabilities: probabilities, labelSmoothing: smoothing)
      }
      return softmaxCrossEntropy(logits, labels: batch.labels, labelSmoothing: smoothing)
    }
    guard let model = model as? any AuxiliaryModel else {
      return { batch in
        let logits = model(batch.images)
        return (logits, loss(logits, batch))
      }
    }
    return { batch in
      let (main, auxiliary) = model.logits(of: batch.images)
      let total = auxiliary.reduce(loss(main, batch)) {
        $0 + loss($1, batch) * model.auxiliaryWeight
      }
      return (main, total)
    }
  }
}

/// A net and its images, ready to be trained.
struct TrainingSetup {
  let description: WeightsDescription
  let model: any Model
  /// What the first weights were drawn from, and what follows them.
  let random: RandomSource
  /// What the weights to begin with came to.
  let pretrained: StateReport?
  let loader: BatchLoader
  let validation: BatchLoader?
  let test: BatchLoader
  /// Images that could not be read when the sets were loaded.
  let skipped: [FileError]

  /// Images of all parts that could not be read, then or later.
  var brokenImages: [FileError] {
    skipped + loader.brokenImages + (validation?.brokenImages ?? []) + test.brokenImages
  }
}
