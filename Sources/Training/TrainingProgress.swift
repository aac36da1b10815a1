/// The progress of a training run after a step.
public struct TrainingProgress: Sendable {
  /// The epoch, counted from 1, and the number of epochs of the run, of which the last may be a part.
  public let epoch: Int
  public let epochs: Int
  /// The batch in this epoch, counted from 1, and the number of batches of an epoch.
  public let step: Int
  public let steps: Int
  /// The updates of the optimizer since its beginning.
  public let updates: Int
  /// The loss of this batch, before the update that it took part in.
  public let batchLoss: Double
  /// Mean loss of the images of this epoch so far, each measured before the update that it took part in.
  public let loss: Double
  /// Share of them classified correctly, 0 ... 1.
  public let accuracy: Double
  /// Images of this epoch so far.
  public let images: Int
  /// The rate of the latest update.
  public let learningRate: Double
  /// The Euclidean norm of the gradients of the latest update, before clipping.
  public let gradientNorm: Double
  /// Seconds since the epoch began.
  public let seconds: Double
  /// Seconds since the run began, or was resumed.
  public let totalSeconds: Double
  /// Seconds until the end of the run at the pace so far.
  public let secondsLeft: Double

  public init(
    epoch: Int, epochs: Int, step: Int, steps: Int, updates: Int = 0, batchLoss: Double? = nil,
    loss: Double, accuracy: Double, images: Int, learningRate: Double = 0,
    gradientNorm: Double = 0, seconds: Double, totalSeconds: Double, secondsLeft: Double? = nil
  ) {
    self.epoch = epoch
    self.epochs = epochs
    self.step = step
    self.steps = steps
    self.updates = updates
    self.batchLoss = batchLoss ?? loss
    self.loss = loss
    self.accuracy = accuracy
    self.images = images
    self.learningRate = learningRate
    self.gradientNorm = gradientNorm
    self.seconds = seconds
    self.totalSeconds = totalSeconds
    let done = Double((epoch - 1) * steps + step)
    self.secondsLeft =
      secondsLeft ?? (done > 0 ? totalSeconds * (Double(epochs * steps) - done) / done : 0)
  }

  /// Images trained on per second in this epoch.
  public var imagesPerSecond: Double { seconds > 0 ? Double(images) / seconds : 0 }

  /// Whether this was the last batch of its epoch.
  public var isEndOfEpoch: Bool { step == steps }
}

/// The results of an epoch.
public struct EpochRecord: Sendable, Equatable {
  /// Counted from 1.
  public let epoch: Int
  /// The updates of the optimizer by its end, since the beginning of the run.
  public let updates: Int
  /// The rate of the last update.
  public let learningRate: Double
  /// Mean loss of the images, each measured before the update that it took part in.
  public let loss: Double
  /// Share of them classified correctly, 0 ... 1.
  public let accuracy: Double
  /// The images trained on.
  public let images: Int
  /// Seconds that training on them took, validation not counted.
  public let seconds: Double
  /// Measured on the validation set after the epoch.
  public var validation: Validation?

  /// What was measured on the validation set.
  public struct Validation: Sendable, Equatable {
    /// Mean softmax cross-entropy per image.
    public let loss: Double
    /// Share classified correctly, 0 ... 1.
    public let accuracy: Double
    /// Share whose class is among the five most probable; `nil` with five classes or fewer.
    public let topFiveAccuracy: Double?

    public init(loss: Double, accuracy: Double, topFiveAccuracy: Double?) {
      self.loss = loss
      self.accuracy = accuracy
      self.topFiveAccuracy = topFiveAccuracy
    }
  }

  public init(
    epoch: Int, updates: Int, learningRate: Double, loss: Double, accuracy: Double, images: Int,
    seconds: Double, validation: Validation? = nil
  ) {
    self.epoch = epoch
    self.updates = updates
    self.learningRate = learningRate
    self.loss = loss
    self.accuracy = accuracy
    self.images = images
    self.seconds = seconds
    self.validation = validation
  }

  /// Images trained on per second.
  public var imagesPerSecond: Double { seconds > 0 ? Double(images) / seconds : 0 }
}

/// How a training run ended.
public struct TrainingSummary: Sendable {
  /// The epochs of the run in order, also those before it was resumed; the last may be a part where the run was
  /// stopped.
  public let epochs: [EpochRecord]
  /// The batches trained on, since the run began or was resumed.
  public let steps: Int
  /// The images trained on in them; one that was used in two epochs counts twice.
  public let images: Int
  /// Seconds that the loop took, since the run began or was resumed, validation not counted.
  public let seconds: Double
  /// Why the run ended.
  public let ending: Ending
  /// The best epoch on the validation set, where there is one.
  public let best: BestEpoch?

  /// Why a run ended.
  public enum Ending: Sendable, Equatable {
    /// All epochs, or steps, have been made.
    case complete
    /// The validation set has shown no improvement for as many epochs as the patience allows.
    case patience
    /// A ``StopRequest`` asked for it.
    case stopped
  }

  public init(
    epochs: [EpochRecord], steps: Int, images: Int, seconds: Double, ending: Ending,
    best: BestEpoch? = nil
  ) {
    self.epochs = epochs
    self.steps = steps
    self.images = images
    self.seconds = seconds
    self.ending = ending
    self.best = best
  }

  /// Whether a ``StopRequest`` ended the run early.
  public var wasStopped: Bool { ending == .stopped }

  /// Images trained on per second.
  public var imagesPerSecond: Double { seconds > 0 ? Double(images) / seconds : 0 }
}

/// The epoch with the best validation, and what it was.
public struct BestEpoch: Sendable, Equatable {
  /// Counted from 1.
  public let epoch: Int
  public let loss: Double
  public let accuracy: Double

  public init(epoch: Int, loss: Double, accuracy: Double) {
    self.epoch = epoch
    self.loss = loss
    self.accuracy = accuracy
  }

  /// Whether this epoch takes the place of `best`: the first does, whatever it is. After that an epoch whose loss is
  /// NaN is worse than any other, also by accuracy: logits that are NaN still name a class.
  func isBetter(than best: BestEpoch?, by monitor: Trainer.Monitor) -> Bool {
    guard let best else { return true }
    guard !loss.isNaN, !accuracy.isNaN else { return false }
    guard !best.loss.isNaN, !best.accuracy.isNaN else { return true }
    return switch monitor {
    case .accuracy: (accuracy, -loss) > (best.accuracy, -best.loss)
    case .loss: loss < best.loss
    }
  }
}
