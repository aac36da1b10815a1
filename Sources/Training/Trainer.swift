import Synchronization
import TapestryDatasets
import TapestryGraph
import TapestryModels
import TapestryOps
import TapestryOptim

/// The usual loop: epochs over batches, forward, loss, gradients, optimizer step.
///
/// ```swift
/// let trainer = Trainer(net, optimizer: Adam(net, learningRate: 1e-3))
/// let summary = try trainer.run(on: loader, epochs: 5)
/// ```
///
/// It does nothing that a loop written by hand cannot do:
///
/// ```swift
/// for epoch in 0..<5 {
///   for batch in loader.epoch(epoch) {
///     let loss = softmaxCrossEntropy(net(batch.images), labels: batch.labels)
///     optimizer.update(along: loss.gradients())
///   }
/// }
/// ```
///
/// but it also measures, reports, stops when asked, and names the op at fault when the loss is no longer finite.
/// With the same seeds, of the random source in force and of the loader, a run gives the same bits again, on any
/// number of threads.
public struct Trainer {
  /// A scalar that training makes small, from logits `[N, classes]` and labels `[N]`.
  public typealias Loss = (_ logits: Tensor, _ labels: Tensor) -> Tensor

  public let model: any Model
  public let optimizer: any Optimizer
  /// The rate of every step; `nil` leaves the optimizer's.
  public var schedule: Schedule?
  /// What is made small. Default: the mean softmax cross-entropy.
  public var loss: Loss
  /// Gradients are scaled down together to this norm; `nil` for no limit.
  public var maximumGradientNorm: Double?
  /// Asked between steps whether to stop.
  public var stopRequest: StopRequest?
  /// Told of every step.
  public var observer: (any TrainingObserver)?

  /// A loop that trains `model` with `optimizer`, which must hold the model's parameters.
  public init(
    _ model: any Model, optimizer: any Optimizer, schedule: Schedule? = nil,
    loss: @escaping Loss = { softmaxCrossEntropy($0, labels: $1) },
    maximumGradientNorm: Double? = nil, stopRequest: StopRequest? = nil,
    observer: (any TrainingObserver)? = nil
  ) {
    self.model = model
    self.optimizer = optimizer
    self.schedule = schedule
    self.loss = loss
    self.maximumGradientNorm = maximumGradientNorm
    self.stopRequest = stopRequest
    self.observer = observer
  }

  /// Trains for `epochs` passes over the loader's images.
  ///
  /// - Throws: ``TrainingError`` when the loss is not finite; the parameters are then those before that step.
  public func run(on loader: BatchLoader, epochs: Int) throws(TrainingError) -> TrainingSummary {
    let clock = ContinuousClock()
    let start = clock.now
    var finished: [TrainingProgress] = []
    var steps = 0
    var images = 0
    for epoch in 0..<epochs {
      let epochStart = clock.now
      var totals = RunningTotals()
      var last: TrainingProgress?
      for batch in loader.epoch(epoch) {
        if isStopRequested { break }
        let result = try step(batch, epoch: epoch + 1, number: totals.batches + 1)
        totals.add(result)
        steps += 1
        images += result.images
        let now = clock.now
        let progress = TrainingProgress(
          epoch: epoch + 1, epochs: epochs, step: totals.batches, steps: loader.batchCount,
          loss: totals.loss, accuracy: totals.accuracy, images: totals.images,
          seconds: (now - epochStart).inSeconds, totalSeconds: (now - start).inSeconds)
        observer?.trainingDidStep(progress)
        last = progress
      }
      if let last { finished.append(last) }
      if isStopRequested { break }
    }
    let isWhole = finished.count == epochs && finished.last?.isEndOfEpoch != false
    return TrainingSummary(
      epochs: finished, steps: steps, images: images, seconds: (clock.now - start).inSeconds,
      wasStopped: !isWhole)
  }

  private var isStopRequested: Bool { stopRequest?.isRequested ?? false }

  private func step(
    _ batch: Batch, epoch: Int, number: Int
  ) throws(TrainingError) -> StepResult {
    let source = RandomSource.current
    let randomState = source.state
    let (logits, loss) = training { () -> (Tensor, Tensor) in
      let logits = model(batch.images)
      return (logits, self.loss(logits, batch.labels))
    }
    let value = loss.item
    guard value.isFinite else {
      // The same dropout masks as before.
      source.state = randomState
      throw TrainingError(epoch: epoch, step: number, loss: value, cause: cause(of: batch))
    }
    let result = StepResult(
      loss: value, correct: correctCount(logits, labels: batch.labels), images: batch.labels.count)
    let gradients = loss.gradients()
    if let schedule { optimizer.learningRate = schedule(optimizer.step) }
    let scale = maximumGradientNorm.map { gradients.clippingFactor(toNorm: $0).factor } ?? 1
    optimizer.update(along: gradients, scale: scale)
    return result
  }

  /// Why the loss of this batch is not finite.
  private func cause(of batch: Batch) -> TrainingError.Cause {
    if let index = batch.images.firstNonFinite { return .input(index: index) }
    for (name, parameter) in model.namedParameters where parameter.firstNonFinite != nil {
      return .parameter(name: name)
    }
    let first = FirstAnomaly()
    detectingAnomalies(report: { first.note($0) }) {
      training { _ = loss(model(batch.images), batch.labels) }
    }
    return first.anomaly.map { .operation($0) } ?? .unknown
  }
}

/// What a step measured.
private struct StepResult {
  let loss: Double
  let correct: Int
  let images: Int
}

/// Sums over the steps of an epoch.
private struct RunningTotals {
  private(set) var batches = 0
  private(set) var images = 0
  private var lossSum = 0.0
  private var correct = 0

  var loss: Double { images > 0 ? lossSum / Double(images) : 0 }
  var accuracy: Double { images > 0 ? Double(correct) / Double(images) : 0 }

  mutating func add(_ result: StepResult) {
    batches += 1
    images += result.images
    lossSum += result.loss * Double(result.images)
    correct += result.correct
  }
}

/// Keeps the first anomaly that is reported.
private final class FirstAnomaly: Sendable {
  private let noted = Mutex<Anomaly?>(nil)

  var anomaly: Anomaly? { noted.withLock { $0 } }
  func note(_ anomaly: Anomaly) { noted.withLock { $0 = $0 ?? anomaly } }
}

extension Duration {
  /// The duration in seconds.
  package var inSeconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
