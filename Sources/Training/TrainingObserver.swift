/// Receives the events of a training run: for progress lines, logs, curves, callbacks of any kind.
///
/// Called on the thread of the loop, which waits for it.
public protocol TrainingObserver {
  /// The run continues from a checkpoint.
  ///
  /// - Parameters:
  ///   - path: of the checkpoint.
  ///   - damaged: the errors of newer checkpoints that cannot be read, the newest first; each names its file.
  func trainingDidResume(from path: String, skipping damaged: [any Error])
  /// A step has been made: a batch has been trained on.
  func trainingDidStep(_ progress: TrainingProgress)
  /// An epoch is over, and validated where there is a validation set.
  ///
  /// - Parameter history: the records of all epochs of the run so far; the last is this one's.
  func trainingDidEndEpoch(_ history: [EpochRecord])
  /// The run is over, stopped or not.
  func trainingDidEnd(_ summary: TrainingSummary)
}

extension TrainingObserver {
  public func trainingDidResume(from path: String, skipping damaged: [any Error]) {}
  public func trainingDidStep(_ progress: TrainingProgress) {}
  public func trainingDidEndEpoch(_ history: [EpochRecord]) {}
  public func trainingDidEnd(_ summary: TrainingSummary) {}
}

/// Closures as an observer.
///
/// ```swift
/// trainer.observers.append(TrainingCallbacks(onEpoch: { print($0.epoch, $0.loss) }))
/// ```
public struct TrainingCallbacks: TrainingObserver {
  /// Called after every step.
  public var onStep: (TrainingProgress) -> Void
  /// Called after every epoch.
  public var onEpoch: (EpochRecord) -> Void

  public init(
    onStep: @escaping (TrainingProgress) -> Void = { _ in },
    onEpoch: @escaping (EpochRecord) -> Void = { _ in }
  ) {
    self.onStep = onStep
    self.onEpoch = onEpoch
  }

  public func trainingDidStep(_ progress: TrainingProgress) { onStep(progress) }
  public func trainingDidEndEpoch(_ history: [EpochRecord]) { history.last.map(onEpoch) }
}
