import Dispatch
import Synchronization
import TapestryGraph

/// The batches of one epoch, in order. Iterating again gives the same batches again.
public struct BatchSequence: Sequence, Sendable {
  let loader: BatchLoader
  /// The number of the epoch, from 0.
  public let number: Int
  /// The positions in the set, in the order in which the epoch visits them.
  public let order: [Int]
  /// The batch that iteration begins with.
  public let first: Int

  /// The number of batches of the whole epoch.
  public var count: Int { loader.batchCount }

  /// The number of batches that are left; 0 where images may turn out to be unreadable.
  public var underestimatedCount: Int { loader.set.isInMemory ? count - first : 0 }

  /// Batch `index` of the epoch, counted from 0, prepared by the caller. Images that cannot be read are missing.
  ///
  /// - Precondition: `index` is in `0 ..< count`.
  public subscript(index: Int) -> Batch {
    let prepared = prepare(index)
    loader.failures.note(prepared.failures)
    return prepared.batch
  }

  func prepare(_ index: Int) -> ImageConversion.Prepared {
    guard index >= 0, index < count else {
      trapAtCaller("BatchSequence: there is no batch \(index) among \(count)")
    }
    let start = index * loader.batchSize
    let end = Swift.min(start + loader.batchSize, order.count)
    return loader.conversion.prepare(Array(order[start..<end]), epoch: number)
  }

  public func makeIterator() -> BatchIterator { BatchIterator(self) }
}

/// A walk over the batches of an epoch that has as many prepared ahead as the loader has workers.
///
/// Each batch is a separate piece of background work. One is begun whenever one is handed out, so that never more
/// than there are workers wait, and no thread outlives a walk that is given up midway.
public final class BatchIterator: IteratorProtocol {
  private let batches: BatchSequence
  /// The batch that is handed out next.
  private var index: Int
  /// The batches from `index` on that have been begun.
  private var pending: [Handoff] = []

  init(_ batches: BatchSequence) {
    self.batches = batches
    index = batches.first
  }

  deinit { abandon() }

  /// What is next: keep it with a checkpoint, and continue with ``BatchLoader/batches(from:file:line:)``.
  public var position: LoaderPosition { LoaderPosition(epoch: batches.number, batch: index) }

  public func next() -> Batch? {
    while index < batches.count {
      let prepared = pending.isEmpty ? batches.prepare(index) : pending.removeFirst().take()
      batches.loader.failures.note(prepared.failures)
      guard prepared.failures.isEmpty || batches.loader.broken == .skipped else { break }
      index += 1
      begin()
      if prepared.batch.count > 0 { return prepared.batch }
    }
    abandon()
    return nil
  }

  private func begin() {
    while pending.count < batches.loader.workers, index + pending.count < batches.count {
      let handoff = Handoff()
      let next = index + pending.count
      pending.append(handoff)
      DispatchQueue.global().async { [batches] in handoff.fill { batches.prepare(next) } }
    }
  }

  /// Waits for what is under way, so that nothing runs or holds memory afterwards.
  private func abandon() {
    for handoff in pending { _ = handoff.take() }
    pending = []
  }
}

/// The place where the background leaves one batch for the iterator.
private final class Handoff: Sendable {
  private let prepared = Mutex<ImageConversion.Prepared?>(nil)
  private let isReady = DispatchSemaphore(value: 0)

  func fill(_ make: () -> ImageConversion.Prepared) {
    // No name for it here: the iterator must be the only one that holds it after the signal.
    prepared.withLock { $0 = make() }
    isReady.signal()
  }

  /// Waits for the batch and takes it out; once only.
  func take() -> ImageConversion.Prepared {
    isReady.wait()
    return prepared.withLock { prepared in
      defer { prepared = nil }
      guard let prepared else { trapAtCaller("BatchIterator: a batch was taken twice") }
      return prepared
    }
  }
}
