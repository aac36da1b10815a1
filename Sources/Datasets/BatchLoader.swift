import Synchronization
import TapestryFiles
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
/// number alone, and what augmentation does to an image on these and the image's position in the set, so that a
/// resumed program continues with the batches that the first would have seen: ``batches(from:file:line:)``. The
/// number of workers changes nothing but the time.
///
/// An image that is decoded on demand may turn out to be unreadable. With ``BrokenImages/skipped`` its batch is
/// shorter; with ``BrokenImages/refused`` the epoch ends before its batch. ``brokenImages`` lists both,
/// ``requireIntact()`` throws them.
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
  /// The number of batches that are prepared in the background at the same time, while the program works on one; 0
  /// for none. No more than that are ever waiting.
  public let workers: Int
  /// What becomes of images that cannot be read.
  public let broken: BrokenImages

  let conversion: ImageConversion
  let failures = FailureList()

  /// What changes the images anew in every epoch.
  public var augmentation: Augmentation { conversion.augmentation }
  /// The size of the images in a batch.
  public var imageSize: ImageSize { conversion.outputSize }
  /// Every image that could not be read so far, each once.
  public var brokenImages: [FileError] { failures.all }

  /// A loader over `set`.
  ///
  /// - Parameters:
  ///   - positions: of the images that take part. Default all.
  ///   - batchSize: images per batch.
  ///   - height: to enlarge and pad to, see ``ImageScaling``. Default: that of the images.
  ///   - width: likewise.
  ///   - normalization: applied to the values in 0 ... 1, padding included. Default none.
  ///   - augmentation: steps that change the images after scaling and before the normalisation. Default none.
  ///   - dtype: of the images, `float32` or `float64`. Default `float32`.
  ///   - shuffled: whether every epoch has its own random order. Default true.
  ///   - seed: chooses the orders and what augmentation does. Default 0.
  ///   - dropsLast: whether a short last batch is left out. Default false.
  ///   - workers: the number of batches prepared in the background at once; 0 leaves the work to the caller. The
  ///     batches are the same. Default 1, or 2 where images are augmented or decoded.
  ///   - broken: what becomes of images that cannot be read. Default `refused`.
  /// - Precondition: `batchSize` is positive, `workers` not negative, every position is in `0 ..< set.count`.
  /// - Throws: `ImageScalingError` when the images are larger than `height` x `width`, `AugmentationError` when a step
  ///   does not suit them, `ResourceError` when the batches that are there at once take more memory than is allowed.
  public init(
    _ set: ImageSet, positions: [Int]? = nil, batchSize: Int, height: Int? = nil,
    width: Int? = nil, normalization: Normalization? = nil, augmentation: Augmentation = [],
    dtype: DType = .float32, shuffled: Bool = true, seed: UInt64 = 0, dropsLast: Bool = false,
    workers: Int? = nil, broken: BrokenImages = .refused, file: StaticString = #fileID,
    line: UInt = #line
  ) throws {
    guard batchSize > 0 else {
      trap("BatchLoader: batch size \(batchSize) is not positive", file: file, line: line)
    }
    guard workers.map({ $0 >= 0 }) != false else {
      trap("BatchLoader: \(workers ?? 0) workers are negative", file: file, line: line)
    }
    for position in positions ?? [] {
      set.requirePosition(position, "BatchLoader", file: file, line: line)
    }
    var conversion = try ImageConversion(
      set, height: height, width: width, normalization: normalization, dtype: dtype,
      file: file, line: line)
    conversion.outputSize = try augmentation.outputSize(for: conversion.outputSize)
    conversion.augmentation = augmentation
    conversion.seed = seed
    self.conversion = conversion
    self.positions = positions ?? Array(set.indices)
    self.batchSize = batchSize
    isShuffled = shuffled
    self.seed = seed
    self.dropsLast = dropsLast
    self.workers = workers ?? (set.isInMemory && augmentation.isEmpty ? 1 : 2)
    self.broken = broken
    try requireMemory()
  }

  /// The batches that are there at once: those being prepared, each with two canvases, and the one in use.
  private func requireMemory() throws(ResourceError) {
    let count = Swift.min(batchSize, positions.count)
    let start = ImageSize(
      channels: set.channels, height: conversion.scaling.height, width: conversion.scaling.width)
    let canvas = augmentation.isEmpty ? start : augmentation.largestSize(for: start)
    let output = checkedProduct(
      count, imageSize.channels, imageSize.height, imageSize.width, conversion.dtype.size)
    let preparing = checkedSum(
      output, augmentation.isEmpty ? 0 : canvas.floatByteCount.flatMap { checkedProduct($0, 2) })
    let needed = preparing.flatMap { checkedProduct($0, Swift.max(workers, 1)) }
    try ResourceLimits.current.requireMemory(
      checkedSum(needed, output),
      for: "batches of \(count) images of \(imageSize)"
        + (canvas == imageSize ? "" : ", drawn on \(canvas),"))
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
    return BatchSequence(loader: self, number: number, order: order(ofEpoch: number), first: first)
  }

  /// The batches of the epoch that `position` is in, from there on: what a resumed program continues with.
  ///
  /// - Precondition: `position` is that of a loader of the same batch size over as many images.
  public func batches(
    from position: LoaderPosition, file: StaticString = #fileID, line: UInt = #line
  ) -> BatchSequence {
    guard position.batch >= batchCount, batchCount > 0 else {
      return epoch(position.epoch, from: position.batch, file: file, line: line)
    }
    // At the end of an epoch begins the next.
    return epoch(position.epoch + 1, file: file, line: line)
  }

  /// Checks that every image could be read so far.
  ///
  /// With ``BrokenImages/refused``, ask after each epoch: it ended early if one could not.
  /// - Throws: `DatasetError` that lists all that could not.
  public func requireIntact() throws(DatasetError) {
    let failures = brokenImages
    guard failures.isEmpty else {
      throw DatasetError(path: set.name, problems: failures.map { .file($0) })
    }
  }

  private func order(ofEpoch number: Int) -> [Int] {
    guard isShuffled else { return positions }
    let source = RandomSource(seed: seed, stream: .shuffle, block: UInt64(number))
    return source.permutation(of: positions.count).map { positions[$0] }
  }
}

/// A place between two batches: what is next.
public struct LoaderPosition: Hashable, Sendable {
  /// The epoch, from 0.
  public var epoch: Int
  /// The batch of it that comes next, from 0.
  public var batch: Int

  /// The beginning, or a place that was kept.
  public init(epoch: Int = 0, batch: Int = 0) {
    self.epoch = epoch
    self.batch = batch
  }
}

/// The images that could not be read, noted from any thread.
final class FailureList: Sendable {
  private let noted = Mutex<[FileError]>([])

  var all: [FileError] { noted.withLock { $0 } }

  func note(_ failures: [FileError]) {
    noted.withLock { noted in
      for failure in failures where !noted.contains(where: { $0.path == failure.path }) {
        noted.append(failure)
      }
    }
  }
}
