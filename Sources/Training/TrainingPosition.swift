import TapestryOptim

/// Where a training run stands, apart from the values of its tensors: what a checkpoint keeps as text.
///
/// A loop of your own uses ``epoch`` and ``batch``; the rest belongs to ``Trainer``.
public struct TrainingPosition: Sendable, Equatable {
  /// The epochs that are over: the number, from 0, of the one under way.
  public var epoch = 0
  /// The batches of that epoch that have been trained on: the number, from 0, of the next.
  public var batch = 0
  /// The sums over the images of that epoch so far.
  public var totals = Totals()
  /// The epochs that are over.
  public var history: [EpochRecord] = []
  /// The best of them on the validation set.
  public var best: BestEpoch?
  /// The number of epochs since the best one.
  public var epochsWithoutImprovement = 0
  /// The state of `ReduceOnPlateau`.
  public var plateau: ReduceOnPlateau.State?
  /// The data and its order, so that a run is not continued with other images.
  public var data: DataOrder?

  public init() {}

  /// Sums over the images of an epoch.
  public struct Totals: Sendable, Equatable {
    public internal(set) var images = 0
    public internal(set) var correct = 0
    public internal(set) var lossSum = 0.0
    /// Seconds spent on them.
    public internal(set) var seconds = 0.0

    public init() {}

    /// Mean loss per image.
    public var loss: Double { images > 0 ? lossSum / Double(images) : 0 }
    /// Share classified correctly.
    public var accuracy: Double { images > 0 ? Double(correct) / Double(images) : 0 }
  }

  /// What determines the batches of every epoch.
  public struct DataOrder: Sendable, Equatable {
    /// The number of images.
    public let images: Int
    public let batchSize: Int
    /// The seed of the orders.
    public let seed: UInt64

    public init(images: Int, batchSize: Int, seed: UInt64) {
      self.images = images
      self.batchSize = batchSize
      self.seed = seed
    }
  }

  /// Goes on to the next epoch.
  public mutating func beginNextEpoch() {
    epoch += 1
    batch = 0
    totals = Totals()
  }
}
