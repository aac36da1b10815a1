import CTapestryKernels
import Synchronization

/// What the graph and the tensors of this process hold at the moment.
///
/// Counted as objects come and go, so a training step that leaves nothing behind shows the same
/// numbers before and after it.
public enum LiveCounters {
  static let nodeCount = Atomic<Int>(0)
  static let byteCount = Atomic<Int>(0)
  static let peakByteCount = Atomic<Int>(0)
  static let storageCount = Atomic<Int>(0)

  /// Recorded op nodes that are alive. Leaves (parameters, tracked tensors) are not counted.
  public static var nodes: Int { nodeCount.load(ordering: .relaxed) }

  /// Bytes of tensor memory that are alive, in the whole process.
  public static var bytes: Int { byteCount.load(ordering: .relaxed) }

  /// The largest value of ``bytes`` since the process started or ``resetPeak()`` was called.
  public static var peakBytes: Int { peakByteCount.load(ordering: .relaxed) }

  /// Blocks of tensor memory made since the process started: a steady loop that copies nothing it
  /// need not copy makes a constant number of them per step.
  public static var storagesMade: Int { storageCount.load(ordering: .relaxed) }

  /// Bytes of tensor memory that were taken from the system since the process started. Memory that is
  /// let go of is kept for the next tensors, so a steady loop on one thread takes none
  /// after its first rounds; with more, scratch of kernels that overlap for the first time may add to it.
  public static var bytesTaken: Int { Int(tapestry_pool_taken_bytes()) }

  /// Makes ``peakBytes`` start again from the bytes alive now.
  public static func resetPeak() {
    peakByteCount.store(byteCount.load(ordering: .relaxed), ordering: .relaxed)
  }

  static func add(bytes: Int) {
    storageCount.wrappingAdd(1, ordering: .relaxed)
    let now = byteCount.wrappingAdd(bytes, ordering: .relaxed).newValue
    var peak = peakByteCount.load(ordering: .relaxed)
    while now > peak {
      let (exchanged, original) = peakByteCount.weakCompareExchange(
        expected: peak, desired: now, ordering: .relaxed)
      if exchanged { break }
      peak = original
    }
  }

  static func remove(bytes: Int) {
    byteCount.wrappingSubtract(bytes, ordering: .relaxed)
  }
}
