import Dispatch
import Synchronization
import TapestryGraph

/// The batches of one epoch, in order. Iterating again gives the same batches again.
public struct BatchSequence: Sequence, Sendable {
  let loader: BatchLoader
  /// The positions in the set, in the order in which the epoch visits them.
  public let order: [Int]
  /// The batch that iteration begins with.
  public let first: Int

  /// The number of batches of the whole epoch.
  public var count: Int { loader.batchCount }

  public var underestimatedCount: Int { count - first }

  /// Batch `index` of the epoch, counted from 0, prepared by the caller.
  ///
  /// - Precondition: `index` is in `0 ..< count`.
  public subscript(index: Int) -> Batch {
    guard index >= 0, index < count else {
      trap("BatchSequence: there is no batch \(index) among \(count)")
    }
    let start = index * loader.batchSize
    let end = Swift.min(start + loader.batchSize, order.count)
    return loader.conversion.batch(Array(order[start..<end]))
  }

  public func makeIterator() -> BatchIterator { BatchIterator(self) }
}

/// A walk over the batches of an epoch that, where the loader says so, has one batch prepared ahead.
///
/// Each batch is a separate piece of background work, begun when the one before it is handed out:
/// never more than one is waiting, and no thread outlives a walk that is given up midway.
public final class BatchIterator: IteratorProtocol {
  private let batches: BatchSequence
  private var position: Int
  private var pending: Handoff?

  init(_ batches: BatchSequence) {
    self.batches = batches
    position = batches.first
  }

  deinit {
    // Work that is under way ends first, so that nothing runs or holds memory afterwards.
    _ = pending?.take()
  }

  public func next() -> Batch? {
    guard position < batches.count else { return nil }
    let batch = pending?.take() ?? batches[position]
    position += 1
    pending = nil
    if batches.loader.prefetches, position < batches.count {
      let handoff = Handoff()
      pending = handoff
      DispatchQueue.global().async { [batches, index = position] in handoff.fill { batches[index] }
      }
    }
    return batch
  }
}

/// The place where the background leaves one batch for the iterator.
private final class Handoff: Sendable {
  private let batch = Mutex<Batch?>(nil)
  private let isReady = DispatchSemaphore(value: 0)

  func fill(_ make: () -> Batch) {
    batch.withLock { $0 = make() }
    isReady.signal()
  }

  /// Waits for the batch and takes it out.
  func take() -> Batch? {
    isReady.wait()
    return batch.withLock { batch in
      defer { batch = nil }
      return batch
    }
  }
}
