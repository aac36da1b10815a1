import Synchronization

/// Holds a value that may be the last to hold another of its kind: closures of ops, which capture tensors, whose nodes
/// have ops with closures. They are freed one after the other, for each freeing the one before it would overflow the
/// stack.
final class FreedInTurn<Value: Sendable>: Sendable {
  private let held: Mutex<Value?>

  init(_ value: Value) { held = Mutex(value) }

  /// The value, unless it has been taken.
  var value: Value? { held.withLock { $0 } }

  /// The value, which is no longer held afterwards.
  func take() -> Value? {
    held.withLock { held in
      defer { held = nil }
      return held
    }
  }

  deinit {
    if let queue = FreeingQueue.current {
      queue.waiting.append(take())
      return
    }
    let queue = FreeingQueue()
    FreeingQueue.$current.withValue(queue) {
      queue.waiting.append(take())
      while !queue.waiting.isEmpty { _ = queue.waiting.popLast() }
    }
  }
}

/// What waits for being freed on this thread. Sendable, because it is seen by the call that made it and by what that
/// calls.
private final class FreeingQueue: @unchecked Sendable {
  @exclusivity(unchecked) var waiting: [Any?] = []
  @TaskLocal static var current: FreeingQueue?
}
