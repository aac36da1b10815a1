import CTapestryKernels
import Synchronization

/// Names one block of random numbers: equal keys give equal numbers, on any platform and thread count.
public struct RandomKey: Hashable, Sendable {
  public let key: UInt64
  public let counter: UInt64

  public init(key: UInt64, counter: UInt64) {
    self.key = key
    self.counter = counter
  }
}

/// A counter-based source of randomness (Philox4x32-10): its state is two integers.
///
/// Initialisers, dropout and shuffles draw from the scope's source, see ``withRandomSource(_:_:)``;
/// outside any scope from ``shared``, whose seed is 0, so a program without a seed is reproducible.
public final class RandomSource: Sendable {
  /// The process-wide default, of seed 0.
  public static let shared = RandomSource(seed: 0)

  /// The source in force here.
  public static var current: RandomSource { Scope.current.extras?.randomSource ?? shared }

  private let position: Mutex<RandomKey>

  /// A source that starts at counter 0 of the stream `seed`.
  public init(seed: UInt64) { position = Mutex(RandomKey(key: seed, counter: 0)) }

  /// A source that continues from a saved state.
  public init(state: RandomKey) { position = Mutex(state) }

  /// The whole state: seed, and how many blocks have been drawn.
  public var state: RandomKey {
    get { access { $0 } }
    set { access { $0 = newValue } }
  }

  /// The name of a fresh block of numbers.
  public func next() -> RandomKey {
    access { position in
      let key = position
      position = RandomKey(key: key.key, counter: key.counter &+ 1)
      return key
    }
  }

  /// The position, or that of a first run in its place where a checkpointed body runs again.
  private func access<Result>(_ body: (inout RandomKey) -> Result) -> Result {
    let extras = Scope.current.extras
    let holder = extras?.replay?.source(for: self) ?? self
    return holder.position.withLock { position in
      extras?.record?.note(self, position)
      return body(&position)
    }
  }

  /// A uniformly random integer in `0 ..< bound`, without bias.
  ///
  /// - Precondition: `bound` is positive.
  public func integer(below bound: Int) -> Int {
    guard bound > 0 else { trapAtCaller("integer(below:) needs a positive bound, not \(bound)") }
    var generator = SplitKey(next())
    return Int.random(in: 0..<bound, using: &generator)
  }

  /// A random order of `0 ..< count`.
  public func permutation(of count: Int) -> [Int] {
    var generator = SplitKey(next())
    return (0..<count).shuffled(using: &generator)
  }

  /// The stream of 64-bit words under one key; two words a block.
  private struct SplitKey: RandomNumberGenerator {
    let key: UInt64
    var counter: UInt64
    var pending: UInt64?

    init(_ key: RandomKey) {
      var (low, high): (UInt64, UInt64) = (0, 0)
      tapestry_random_block(key.key, key.counter, &low, &high)
      self.key = low
      counter = high
    }

    mutating func next() -> UInt64 {
      if let word = pending {
        pending = nil
        return word
      }
      var (low, high): (UInt64, UInt64) = (0, 0)
      tapestry_random_block(key, counter, &low, &high)
      counter &+= 1
      pending = high
      return low
    }
  }
}
