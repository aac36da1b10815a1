import CTapestryKernels
import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOptim
import TapestryTraining

/// `convnet train`: trains a net and saves its weights.
struct TrainCommand: Command {
  static var computesMuch: Bool { true }

  /// What is taken when nothing is said: chosen on LeNet-5 with MNIST and with several splits of the digits.
  enum Defaults {
    static let digitEpochs = 20
    static let epochs = 5
    /// Where an epoch is a single update.
    static let wholeSetEpochs = 100
    static let heldOut = TrainingChoices.heldOut

    static func epochs(of choices: TrainingChoices) -> Int {
      if choices.optimizer.needsWholeSet { return wholeSetEpochs }
      return choices.source == .digits ? digitEpochs : epochs
    }
  }

  let program: Convnet
  let choices: TrainingChoices
  let epochs: Int
  let schedule: ScheduleChoice
  let warmup: Double
  let validationShare: Double
  let patience: Int?
  let averageDecay: Double?
  let stopsAfter: Int?
  let checkpointRule: CheckpointRule
  let checkpointCount: Int
  let hasEvents: Bool
  let outputPath: String
  let isResuming: Bool
  let isOverwriting: Bool
  let style: ReportStyle
  /// The options in force, to be stored with the run.
  let configuration: JSONValue

  var console: Console { program.console }

  init(_ typed: ParsedArguments, _ program: Convnet) throws {
    self.program = program
    let resumed = typed[Options.resume]
    let arguments = try resumed.map { try Self.resumed($0, typed) } ?? Self.configured(typed)
    choices = try TrainingChoices(arguments)
    epochs =
      arguments[Options.epochs] ?? Defaults.epochs(of: choices)
    schedule = try ScheduleChoice(arguments[Options.schedule])
    warmup = arguments[Options.warmup]
    validationShare = arguments[Options.validation]
    patience = arguments[Options.patience]
    guard patience == nil || validationShare > 0 else {
      throw arguments.misuse("'--patience' needs images to validate on: --validation SHARE")
    }
    averageDecay = arguments[Options.ema]
    stopsAfter = arguments[Options.stopAfter]
    let rule = arguments[Options.checkpointEvery]
    guard let checkpointRule = CheckpointRule(rule) else {
      throw arguments.misuse(
        "'--checkpoint-every' is '\(rule)', but must be a number of updates, a time such as 90s, 5m or 1h, or "
          + "none")
    }
    self.checkpointRule = checkpointRule
    checkpointCount = arguments[Options.keep]
    hasEvents = arguments[Options.tensorboard]
    isResuming = resumed != nil
    isOverwriting = arguments[Options.overwrite]
    let usual = "runs/\(choices.entry.name)-\(choices.source.name)"
    outputPath =
      try resumed ?? arguments[Options.output]
      ?? (isOverwriting ? usual : RunFolder.free(usual))
    style = arguments[Options.json] ? .json : arguments[Options.quiet] ? .quiet : .lines
    configuration = CommandConfiguration.json(
      arguments, of: Self.description, except: Self.notInConfiguration,
      effective: [
        "epochs": String(epochs), "learning-rate": "\(choices.learningRate)",
        "weight-decay": "\(choices.weightDecay ?? choices.optimizer.weightDecay)",
      ].merging(
        (choices.momentum ?? choices.optimizer.momentum).map { ["momentum": "\($0)"] } ?? [:]
      ) {
        old, _ in old
      })
  }

  func run() throws -> Int32 {
    if let threads = choices.threads { tapestry_set_thread_count(Int32(threads)) }
    let setup = try choices.load(validation: validationShare)
    let (rates, plateau) = try schedule.make(
      rate: choices.learningRate, epochs: epochs,
      updates: setup.loader.updateCount(accumulation: choices.batchesPerUpdate(setup)),
      warmup: warmup)
    let folder = try RunFolder(path: outputPath, allowingRun: isResuming || isOverwriting)
    if isOverwriting { try folder.removeRun() }

    var trainer = choices.trainer(setup)
    trainer.schedule = rates
    trainer.plateau = plateau
    trainer.average = averageDecay.map { ParameterAverage(setup.model, decay: $0) }
    trainer.validation = setup.validation
    trainer.patience = patience
    trainer.keepsBest = setup.validation != nil
    trainer.checkpoints = checkpoints(in: folder, setup)
    trainer.stopRequest = program.stopRequest
    let reporter = TrainingReporter(console, style: style, epochs: epochs)
    let log = log(in: folder)
    trainer.observers = [reporter, log.whileTraining]
    let events = hasEvents ? EventLog(folder: folder.file(RunFolder.Name.events)) : nil
    if let events { trainer.observers.append(events) }
    if let stopsAfter {
      let stop = program.stopRequest
      trainer.observers.append(
        TrainingCallbacks(onStep: { if $0.updates >= stopsAfter { stop.request() } }))
    }

    announce(setup)
    let weights = folder.file(RunFolder.Name.weights)
    let summary: TrainingSummary
    do {
      try configuration.write(to: folder.file(RunFolder.Name.configuration), isPretty: true)
      summary = try interruptible {
        let summary = try withRandomSource(setup.random) {
          try trainer.run(on: setup.loader, epochs: epochs, resuming: isResuming)
        }
        reporter.finish()
        try save(setup, trainer, to: weights)
        return summary
      }
    } catch {
      reporter.finish()
      // What can be gone on from stays.
      if try CheckpointFolder(folder.path).checkpoints().isEmpty { folder.discard() }
      throw error
    }
    log.trainingDidEnd(summary)
    for failure in [log.failure, events?.failure].compactMap({ $0 }) {
      console.complain("warning: \(failure)")
    }
    guard !summary.wasStopped else {
      reportStop(summary, folder, weights: weights)
      let isIntended = stopsAfter.map { trainer.optimizer.step >= $0 } == true
      return isIntended ? 0 : Convnet.ExitCode.interrupted
    }
    let result = evaluate(setup.model, on: setup.test)
    if !choices.skipsBroken { try setup.test.requireIntact() }
    for error in setup.brokenImages { console.complain("warning: left out \(error)") }
    report(summary, result, setup, weights: weights)
    return 0
  }

  private func checkpoints(in folder: RunFolder, _ setup: TrainingSetup) -> CheckpointFolder? {
    var checkpoints = CheckpointFolder(
      folder.path, keepLast: checkpointCount, metadata: setup.description.metadata)
    checkpoints.lock = folder.lock
    switch checkpointRule {
    case .never: return isResuming ? checkpoints : nil
    case .steps(let count):
      checkpoints.everySteps = count
      checkpoints.everySeconds = nil
    case .seconds(let seconds): checkpoints.everySeconds = seconds
    }
    return checkpoints
  }

  private func log(in folder: RunFolder) -> EpochLog {
    EpochLog(
      csv: folder.file(RunFolder.Name.table), svg: folder.file(RunFolder.Name.curves),
      png: folder.file(RunFolder.Name.curvesAsPixels),
      title: "\(choices.entry.name) on \(choices.source.name)")
  }

  /// The best weights, where there is a validation set; else the averages, where there are some.
  ///
  /// The model holds afterwards what was saved, unless the run was stopped.
  private func save(_ setup: TrainingSetup, _ trainer: Trainer, to path: String) throws {
    let metadata = setup.description.metadata
    if let average = trainer.average, !trainer.keepsBest {
      let state = average.substituted { setup.model.state }
      setup.model.assign(state.map(\.value))
    }
    try setup.model.save(to: path, metadata: metadata)
  }

  private func interruptible<Result>(_ body: () throws -> Result) rethrows -> Result {
    program.isInterruptible ? try Interrupts.caught(body) : try body()
  }
}
