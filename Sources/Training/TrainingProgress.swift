/// How far a training run has come after a step.
public struct TrainingProgress: Sendable {
  /// The epoch, counted from 1, and the number of epochs of the run.
  public let epoch: Int
  public let epochs: Int
  /// The step in this epoch, counted from 1, and the number of steps of an epoch.
  public let step: Int
  public let steps: Int
  /// Mean loss of the images of this epoch so far, each measured before the update that it took part in.
  public let loss: Double
  /// Share of them classified correctly, 0 ... 1.
  public let accuracy: Double
  /// Images of this epoch so far.
  public let images: Int
  /// Seconds since the epoch began.
  public let seconds: Double
  /// Seconds since the run began.
  public let totalSeconds: Double

  public init(
    epoch: Int, epochs: Int, step: Int, steps: Int, loss: Double, accuracy: Double, images: Int,
    seconds: Double, totalSeconds: Double
  ) {
    self.epoch = epoch
    self.epochs = epochs
    self.step = step
    self.steps = steps
    self.loss = loss
    self.accuracy = accuracy
    self.images = images
    self.seconds = seconds
    self.totalSeconds = totalSeconds
  }

  /// Images trained on per second in this epoch.
  public var imagesPerSecond: Double { seconds > 0 ? Double(images) / seconds : 0 }

  /// Whether this was the last step of its epoch.
  public var isEndOfEpoch: Bool { step == steps }

  /// Seconds until the end of the run at the pace so far.
  public var secondsLeft: Double {
    let done = (epoch - 1) * steps + step
    return done > 0 ? totalSeconds * Double(epochs * steps - done) / Double(done) : 0
  }
}

/// Is told of every step of a training run: progress lines, logs, curves.
public protocol TrainingObserver {
  /// A step has been made. Called on the thread of the loop, which waits for it.
  func trainingDidStep(_ progress: TrainingProgress)
}

/// How a training run ended.
public struct TrainingSummary: Sendable {
  /// The last step of each epoch that was begun, in order.
  public let epochs: [TrainingProgress]
  /// The steps made in all.
  public let steps: Int
  /// The images trained on in all; one that was used in two epochs counts twice.
  public let images: Int
  /// Seconds that the loop took.
  public let seconds: Double
  /// Whether a ``StopRequest`` ended the run early.
  public let wasStopped: Bool

  /// Images trained on per second.
  public var imagesPerSecond: Double { seconds > 0 ? Double(images) / seconds : 0 }
}
