import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOptim

/// A run of a trainer in progress: the position, and what is needed to continue from it.
struct TrainingRun {
  let trainer: Trainer
  let loader: BatchLoader
  let length: Trainer.Length
  private(set) var position: TrainingPosition

  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private let updatesPerEpoch: Int
  private let epochs: Int
  private var plateau: ReduceOnPlateau?
  /// Values of the best epoch, where this process has seen it.
  private var bestState: [(name: String, value: Tensor)]?
  /// Gradients accumulated for an update that is not complete.
  private var pending = Gradients()
  /// The batches that those belong to: the place in the epoch, the images, and what the random numbers began with.
  private var pendingBatches: [(index: Int, count: Int, random: RandomKey)] = []

  private var steps = 0
  private var images = 0
  private var seconds = 0.0
  private var lastCheckpoint: ContinuousClock.Instant
  private var updatesAtCheckpoint: Int
  private var gradientNorm = 0.0
  /// No other run writes where this one leaves checkpoints.
  private let lock: FolderLock?

  init(
    _ trainer: Trainer, on loader: BatchLoader, for length: Trainer.Length, resuming: Bool
  ) throws {
    self.trainer = trainer
    self.loader = loader
    self.length = length
    guard trainer.accumulation > 0 else {
      trapAtCaller("Trainer: accumulation must be positive, not \(trainer.accumulation)")
    }
    if let folder = trainer.checkpoints, folder.lock == nil {
      try makeDirectories(folder.path)
      lock = try FolderLock(folder: folder.path)
    } else {
      lock = nil
    }
    updatesPerEpoch = loader.updateCount(accumulation: trainer.accumulation)
    epochs = loader.batchCount > 0 ? length.epochs(updatesPerEpoch: updatesPerEpoch) : 0
    position = TrainingPosition()
    position.data = TrainingPosition.DataOrder(
      images: loader.positions.count, batchSize: loader.batchSize, seed: loader.seed)
    plateau = trainer.plateau
    if resuming { position = try Self.restored(trainer, position, loader) }
    if let state = position.plateau { plateau?.state = state }
    updatesAtCheckpoint = trainer.optimizer.step
    start = clock.now
    lastCheckpoint = start
  }

  /// The position of the newest checkpoint, or `fresh`.
  private static func restored(
    _ trainer: Trainer, _ fresh: TrainingPosition, _ loader: BatchLoader
  ) throws -> TrainingPosition {
    guard let folder = trainer.checkpoints else {
      trapAtCaller("Trainer: to resume, tell in checkpoints which folder to resume from")
    }
    folder.removeLeftovers()
    var state = TrainingState(
      trainer.model, optimizer: trainer.optimizer, average: trainer.average, position: fresh)
    var damaged: [any Error] = []
    guard let path = try folder.restore(&state, skipped: { damaged.append($0) }) else {
      return fresh
    }
    if let found = state.position.data, let expected = fresh.data, found != expected {
      throw CheckpointError(
        path: path, cause: .otherData(found: "\(found)", expected: "\(expected)"))
    }
    guard state.position.batch <= loader.batchCount else {
      throw CheckpointError(
        path: path,
        cause: .malformed(problems: [
          "it is at batch \(state.position.batch) of an epoch of \(loader.batchCount)"
        ]))
    }
    for observer in trainer.observers { observer.trainingDidResume(from: path, skipping: damaged) }
    return state.position
  }

  // MARK: - Steps

  var isOver: Bool {
    if isPatienceOver, position.batch == 0 { return true }
    return switch length {
    case .epochs: position.epoch >= epochs
    case .steps(let count): trainer.optimizer.step >= count || epochs == 0
    }
  }

  private var isPatienceOver: Bool {
    trainer.patience.map { position.epochsWithoutImprovement >= $0 } == true
  }

  /// Whether all gradients have been used.
  var isBetweenUpdates: Bool { pendingBatches.isEmpty }

  /// One batch, and the update when it completes one.
  ///
  /// - Parameter next: the place in the epoch of the batch that follows.
  mutating func train(on batch: Batch, before next: Int) throws {
    let begin = clock.now
    let place = (epoch: position.epoch + 1, step: next)
    let isSimple = trainer.accumulation == 1
    let random = RandomSource.current.state
    let result = try trainer.differentiate(
      batch, at: place, weight: isSimple ? 1 : Double(batch.count))
    pending = pendingBatches.isEmpty ? result.gradients : pending + result.gradients
    pendingBatches.append((next - 1, batch.count, random))
    position.batch = next
    let isUpdate =
      pendingBatches.count == trainer.accumulation || position.batch == loader.batchCount
    if isUpdate {
      let count = pendingBatches.reduce(0) { $0 + $1.count }
      try update(scale: isSimple ? 1 : 1 / Double(count), result.loss)
    }
    note(result, (clock.now - begin).inSeconds)
    if isUpdate { try saveIfDue() }
  }

  /// Passes over batches of which no image can be read; at the end of an epoch, what waits for its update gets it.
  mutating func pass(to next: Int) throws {
    position.batch = next
    guard position.batch == loader.batchCount, !pendingBatches.isEmpty else { return }
    let count = pendingBatches.reduce(0) { $0 + $1.count }
    try update(scale: 1 / Double(count), position.totals.loss)
    try saveIfDue()
  }

  private mutating func update(scale: Double, _ loss: Double) throws(TrainingError) {
    let optimizer = trainer.optimizer
    let gradients = pending
    let batches = pendingBatches
    pending = Gradients()
    pendingBatches = []
    gradientNorm = gradients.norm * scale
    guard gradientNorm.isFinite else {
      throw TrainingError(
        epoch: position.epoch + 1, step: position.batch, loss: loss,
        cause: trainer.cause(ofGradients: batches, in: loader.epoch(position.epoch)),
        isInGradients: true)
    }
    var factor = 1.0
    if let limit = trainer.maximumGradientNorm {
      // As Gradients.clippingFactor, whose norm would be a second pass.
      factor = min(1, limit / (gradientNorm + 1e-6))
    }
    if let rate { optimizer.learningRate = rate }
    optimizer.update(along: gradients, scale: scale * factor)
    trainer.average?.update()
  }

  /// The rate of the next update; `nil` where nothing says it.
  private var rate: Double? {
    let scheduled = trainer.schedule.map { $0(trainer.optimizer.step) }
    guard let plateau, let first = trainer.plateau?.rate else { return scheduled }
    return scheduled.map { $0 * plateau.rate / first } ?? plateau.rate
  }

  private mutating func note(_ result: StepResult, _ duration: Double) {
    position.totals.images += result.images
    position.totals.correct += result.correct
    position.totals.lossSum += result.loss * Double(result.images)
    position.totals.seconds += duration
    steps += 1
    images += result.images
    seconds += duration
    guard !trainer.observers.isEmpty else { return }
    let progress = TrainingProgress(
      epoch: position.epoch + 1, epochs: epochs, step: position.batch, steps: loader.batchCount,
      updates: trainer.optimizer.step, batchLoss: result.loss, loss: position.totals.loss,
      accuracy: position.totals.accuracy, images: position.totals.images,
      learningRate: trainer.optimizer.learningRate, gradientNorm: gradientNorm,
      seconds: position.totals.seconds, totalSeconds: (clock.now - start).inSeconds,
      secondsLeft: secondsLeft)
    for observer in trainer.observers { observer.trainingDidStep(progress) }
  }

  /// At the pace of this process.
  private var secondsLeft: Double {
    let elapsed = (clock.now - start).inSeconds
    let done = Double(steps)
    let left =
      switch length {
      case .epochs:
        Double(epochs - position.epoch) * Double(loader.batchCount) - Double(position.batch)
      case .steps(let count):
        Double(max(count - trainer.optimizer.step, 0)) * Double(trainer.accumulation)
      }
    return done > 0 ? elapsed * left / done : 0
  }

  // MARK: - Epochs

  mutating func endEpoch() throws {
    let record = try validated(partialRecord)
    position.history.append(record)
    plateau?.report(record.validation?.loss ?? record.loss)
    position.plateau = plateau?.state
    position.beginNextEpoch()
    for observer in trainer.observers { observer.trainingDidEndEpoch(position.history) }
  }

  /// The record with what the validation set says, and the best epoch by it.
  private mutating func validated(_ record: EpochRecord) throws -> EpochRecord {
    guard let validation = trainer.validation else { return record }
    let result = withAverages { evaluate(trainer.model, on: validation) }
    if validation.broken == .refused { try validation.requireIntact() }
    try compareWithBest(record, result)
    var record = record
    record.validation = EpochRecord.Validation(
      loss: result.loss, accuracy: result.accuracy, topFiveAccuracy: result.topFiveAccuracy)
    return record
  }

  private mutating func compareWithBest(_ record: EpochRecord, _ result: Evaluation) throws {
    let candidate = BestEpoch(
      epoch: record.epoch, loss: result.loss, accuracy: result.accuracy)
    guard candidate.isBetter(than: position.best, by: trainer.monitor) else {
      position.epochsWithoutImprovement += 1
      return
    }
    position.epochsWithoutImprovement = 0
    position.best = candidate
    guard trainer.keepsBest else { return }
    let state = withAverages { trainer.model.state }
    bestState = state
    try trainer.checkpoints?.saveBest(state)
  }

  private func withAverages<Result>(_ body: () throws -> Result) rethrows -> Result {
    try trainer.average?.substituted(body) ?? body()
  }

  /// The epoch under way, as far as it has come.
  private var partialRecord: EpochRecord {
    EpochRecord(
      epoch: position.epoch + 1, updates: trainer.optimizer.step,
      learningRate: trainer.optimizer.learningRate, loss: position.totals.loss,
      accuracy: position.totals.accuracy, images: position.totals.images,
      seconds: position.totals.seconds)
  }

  // MARK: - Checkpoints and ends

  private mutating func saveIfDue() throws {
    guard let folder = trainer.checkpoints else { return }
    let updates = trainer.optimizer.step - updatesAtCheckpoint
    let isDue =
      folder.everySteps.map { updates >= $0 } == true
      || folder.everySeconds.map { (clock.now - lastCheckpoint).inSeconds >= $0 } == true
    if isDue { try save() }
  }

  private mutating func save() throws {
    guard let folder = trainer.checkpoints else { return }
    try folder.save(
      TrainingState(
        trainer.model, optimizer: trainer.optimizer, average: trainer.average, position: position))
    lastCheckpoint = clock.now
    updatesAtCheckpoint = trainer.optimizer.step
  }

  /// The end after a stop request: everything keeps its state, so that the run can continue.
  mutating func stopped() throws -> TrainingSummary {
    if steps > 0 { try save() }
    return end(.stopped, partialRecord)
  }

  /// The end of the whole run, which is in the middle of an epoch where its length is told in steps.
  mutating func finished() throws -> TrainingSummary {
    let ending: TrainingSummary.Ending = isPatienceOver ? .patience : .complete
    if trainer.optimizer.step != updatesAtCheckpoint { try save() }
    let record = position.batch > 0 ? try validated(partialRecord) : partialRecord
    if trainer.keepsBest, position.best != nil { try loadBest() }
    return end(ending, record)
  }

  private func loadBest() throws {
    if let bestState {
      trainer.model.assign(bestState.map(\.value))
    } else if let path = trainer.checkpoints?.bestPath {
      try trainer.model.load(from: path)
    }
  }

  private func end(
    _ ending: TrainingSummary.Ending, _ partial: EpochRecord
  ) -> TrainingSummary {
    var records = position.history
    if position.batch > 0 { records.append(partial) }
    let summary = TrainingSummary(
      epochs: records, steps: steps, images: images, seconds: seconds, ending: ending,
      best: position.best)
    for observer in trainer.observers { observer.trainingDidEnd(summary) }
    return summary
  }
}

extension TrainingPosition.DataOrder: CustomStringConvertible {
  /// `1438 images in batches of 64, seed 0`
  public var description: String { "\(images) images in batches of \(batchSize), seed \(seed)" }
}
