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
/// but it also measures, validates, keeps the best weights, reports, leaves checkpoints and continues from them,
/// stops when asked, and names the op at fault when the loss is no longer finite. With the same seeds, of the random
/// source in force and of the loader, a run gives the same bits again, on any number of threads, stopped and
/// continued or not.
public struct Trainer {
  /// A scalar that training minimises, from logits `[N, classes]` and labels `[N]`.
  public typealias Loss = (_ logits: Tensor, _ labels: Tensor) -> Tensor
  /// The logits `[N, classes]` for a batch, and the mean of its losses, a scalar.
  public typealias Objective = (_ batch: Batch) -> (logits: Tensor, loss: Tensor)

  public let model: any Model
  public let optimizer: any Optimizer
  /// The loss that is minimised.
  public var objective: Objective
  /// The rate of every update; `nil` leaves the optimizer's.
  public var schedule: Schedule?
  /// Lowers the rate when the loss stops falling: that of the validation set, or of training where there is none, as
  /// told after every epoch. With a ``schedule`` too, the schedule's rate is lowered by the same factor.
  public var plateau: ReduceOnPlateau?
  /// Gradients are scaled down together to this norm; `nil` for no limit.
  public var maximumGradientNorm: Double?
  /// Batches whose gradients are averaged, by their images, for one update. Default 1. The last update of an epoch
  /// takes what is left.
  public var accumulation = 1
  /// Follows the parameters after every update; what is validated and kept as best are then the averages.
  public var average: ParameterAverage?
  /// Measured after every epoch.
  public var validation: BatchLoader?
  /// Epochs without improvement on the validation set after which the run ends; `nil` for no such rule.
  public var patience: Int?
  /// Which epoch on the validation set is better.
  public var monitor = Monitor.accuracy
  /// Whether the model has the weights of the best epoch when the run ends, not those of the last.
  public var keepsBest = false
  /// Where checkpoints go, and how often.
  public var checkpoints: CheckpointFolder?
  /// Asked between updates whether to stop.
  public var stopRequest: StopRequest?
  /// Told of every step and epoch.
  public var observers: [any TrainingObserver]

  /// What makes an epoch better than another. The first epoch is the best whatever it is; an epoch whose validation
  /// loss is NaN is worse than any other.
  public enum Monitor: Sendable {
    /// More validation images classified correctly; of equals the one with less loss.
    case accuracy
    /// Less validation loss.
    case loss
  }

  /// A loop that trains `model` with `optimizer`, which must hold the model's parameters.
  ///
  /// - Parameter loss: what is made small. Default: the mean softmax cross-entropy, with the probabilities of batches
  ///   whose images are mixed; with label smoothing: `{ softmaxCrossEntropy($0, labels: $1, labelSmoothing: 0.1) }`.
  ///   A loss of labels sees of a mixed image the class of the larger share alone; an `objective` sees the
  ///   probabilities.
  public init(
    _ model: any Model, optimizer: any Optimizer, schedule: Schedule? = nil,
    loss: Loss? = nil,
    maximumGradientNorm: Double? = nil, stopRequest: StopRequest? = nil,
    observers: [any TrainingObserver] = []
  ) {
    self.init(
      model, optimizer: optimizer, schedule: schedule,
      objective: { batch in
        let logits = model(batch.images)
        if let loss { return (logits, loss(logits, batch.labels)) }
        if let mixture = batch.probabilities {
          return (logits, softmaxCrossEntropy(logits, probabilities: mixture))
        }
        return (logits, softmaxCrossEntropy(logits, labels: batch.labels))
      }, maximumGradientNorm: maximumGradientNorm, stopRequest: stopRequest, observers: observers)
  }

  /// The same for a loss that needs more than logits and labels: a penalty on the weights, several heads, targets
  /// that are mixtures.
  public init(
    _ model: any Model, optimizer: any Optimizer, schedule: Schedule? = nil,
    objective: @escaping Objective, maximumGradientNorm: Double? = nil,
    stopRequest: StopRequest? = nil, observers: [any TrainingObserver] = []
  ) {
    self.model = model
    self.optimizer = optimizer
    self.schedule = schedule
    self.objective = objective
    self.maximumGradientNorm = maximumGradientNorm
    self.stopRequest = stopRequest
    self.observers = observers
  }

  /// How long a run is.
  public enum Length: Sendable, Equatable {
    /// So many passes over the loader's images.
    case epochs(Int)
    /// Until the optimizer has made so many updates since its beginning.
    case steps(Int)
  }

  /// Trains for `epochs` passes over the loader's images.
  ///
  /// - Parameter resuming: whether to continue from the newest of the ``checkpoints``, if there is one.
  /// - Throws: ``TrainingError`` when loss or gradients are not finite; the parameters are then those before that
  ///   step. `DatasetError` when an image cannot be read and the loader refuses that, or when not one image of an epoch
  ///   can be read. `FileError` when a checkpoint cannot be written, ``CheckpointError`` when one does not fit.
  @discardableResult
  public func run(
    on loader: BatchLoader, epochs: Int, resuming: Bool = false
  ) throws -> TrainingSummary {
    try run(on: loader, for: .epochs(epochs), resuming: resuming)
  }

  /// Trains until the optimizer has made `steps` updates, in the middle of an epoch if need be.
  @discardableResult
  public func run(
    on loader: BatchLoader, steps: Int, resuming: Bool = false
  ) throws -> TrainingSummary {
    try run(on: loader, for: .steps(steps), resuming: resuming)
  }

  /// Trains for that length.
  public func run(
    on loader: BatchLoader, for length: Length, resuming: Bool = false
  ) throws -> TrainingSummary {
    var run = try TrainingRun(self, on: loader, for: length, resuming: resuming)
    while !run.isOver {
      let batches = loader.epoch(run.position.epoch, from: run.position.batch).makeIterator()
      while !run.isOver, !(run.isBetweenUpdates && isStopRequested), let batch = batches.next() {
        try run.train(on: batch, before: batches.position.batch)
      }
      if loader.broken == .refused { try loader.requireIntact() }
      try run.pass(to: batches.position.batch)
      guard run.position.batch == loader.batchCount else { break }
      // Without an image no epoch brings the run nearer to its end.
      if run.position.totals.images == 0 { try loader.requireIntact() }
      try run.endEpoch()
    }
    guard run.isOver else { return try run.stopped() }
    return try run.finished()
  }

  private var isStopRequested: Bool { stopRequest?.isRequested == true }
}

extension Trainer.Length {
  /// The passes over the data, begun ones included, when one takes so many updates.
  func epochs(updatesPerEpoch: Int) -> Int {
    switch self {
    case .epochs(let epochs): epochs
    case .steps(let steps):
      updatesPerEpoch > 0 ? (steps + updatesPerEpoch - 1) / updatesPerEpoch : 0
    }
  }
}

extension BatchLoader {
  /// The updates of an epoch when each averages `accumulation` batches.
  public func updateCount(accumulation: Int = 1) -> Int {
    (batchCount + accumulation - 1) / max(accumulation, 1)
  }
}
