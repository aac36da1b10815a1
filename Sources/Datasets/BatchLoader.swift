import TapestryGraph

/// Batches of a set for training and testing.
///
/// ```swift
/// let loader = try BatchLoader(training, batchSize: 32, height: 32, width: 32, seed: 7)
/// for epoch in 0..<10 {
///   for batch in loader.epoch(epoch) { ... batch.images ... batch.labels ... }
/// }
/// ```
///
/// The loader has no position of its own: the order of an epoch depends on the seed and the epoch's
/// number alone, so that a resumed program continues with the batches that the first would have seen.
public struct BatchLoader: Sendable {
  /// The images to choose from.
  public var set: ImageSet { conversion.set }
  /// The positions in the set that take part.
  public let positions: [Int]
  /// The number of images in a batch; the last of an epoch may be shorter.
  public let batchSize: Int
  /// Whether every epoch has its own random order; else the order is that of `positions`.
  public let isShuffled: Bool
  /// Chooses the orders.
  public let seed: UInt64
  /// Whether a short last batch is left out.
  public let dropsLast: Bool
  /// Whether the next batch is prepared in the background while the program works on one.
  public let prefetches: Bool

  let conversion: ImageConversion

  /// A loader over `set`.
  ///
  /// - Parameters:
  ///   - positions: of the images that take part. Default all.
  ///   - batchSize: images per batch.
  ///   - height, width: to enlarge and pad to, see ``ImageScaling``. Default: the size of the images.
  ///   - normalization: applied to the values in 0 ... 1, padding included. Default none.
  ///   - dtype: of the images, `float32` or `float64`. Default `float32`.
  ///   - shuffled: whether every epoch has its own random order. Default true.
  ///   - seed: chooses the orders. Default 0.
  ///   - dropsLast: whether a short last batch is left out. Default false.
  ///   - prefetches: whether the next batch is prepared in the background; the batches are the same. Default true.
  /// - Precondition: `batchSize` is positive, every position is in `0 ..< set.count`.
  /// - Throws: `ImageScalingError` when the images are larger than `height` x `width`.
  public init(
    _ set: ImageSet, positions: [Int]? = nil, batchSize: Int, height: Int? = nil,
    width: Int? = nil, normalization: Normalization? = nil, dtype: DType = .float32,
    shuffled: Bool = true, seed: UInt64 = 0, dropsLast: Bool = false, prefetches: Bool = true,
    file: StaticString = #fileID, line: UInt = #line
  ) throws(ImageScalingError) {
    guard batchSize > 0 else {
      trap("BatchLoader: batch size \(batchSize) is not positive", file: file, line: line)
    }
    for position in positions ?? [] {
      set.requirePosition(position, "BatchLoader", file: file, line: line)
    }
    conversion = try ImageConversion(
      set, height: height, width: width, normalization: normalization, dtype: dtype,
      file: file, line: line)
    self.positions = positions ?? Array(set.indices)
    self.batchSize = batchSize
    isShuffled = shuffled
    self.seed = seed
    self.dropsLast = dropsLast
    self.prefetches = prefetches
  }

  /// The number of batches of an epoch; 0 when even the first would be short and short ones are left out.
  public var batchCount: Int {
    let whole = positions.count / batchSize
    return dropsLast || positions.count % batchSize == 0 ? whole : whole + 1
  }

  /// The batches of an epoch.
  ///
  /// - Parameters:
  ///   - number: of the epoch, from 0; with the seed it determines the order.
  ///   - first: the batch to begin with, to continue in the middle of an epoch. Default 0.
  /// - Precondition: `number` is not negative, `first` is in `0 ... batchCount`.
  public func epoch(
    _ number: Int, from first: Int = 0, file: StaticString = #fileID, line: UInt = #line
  ) -> BatchSequence {
    guard number >= 0 else {
      trap("epoch: \(number) is negative; epochs count from 0", file: file, line: line)
    }
    guard first >= 0, first <= batchCount else {
      trap("epoch: there is no batch \(first) among \(batchCount)", file: file, line: line)
    }
    return BatchSequence(loader: self, order: order(ofEpoch: number), first: first)
  }

  private func order(ofEpoch number: Int) -> [Int] {
    guard isShuffled else { return positions }
    let source = RandomSource(seed: seed, stream: .shuffle, block: UInt64(number))
    return source.permutation(of: positions.count).map { positions[$0] }
  }
}
