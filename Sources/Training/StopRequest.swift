import Synchronization

/// A wish to stop that any thread, or a signal handler, can voice; the loop honours it between steps.
public final class StopRequest: Sendable {
  private let isWished = Atomic<Bool>(false)

  /// No wish yet.
  public init() {}

  /// Whether ``request()`` has been called.
  public var isRequested: Bool { isWished.load(ordering: .relaxed) }

  /// Asks the loop to stop after the step it is in. Safe to call in a signal handler.
  public func request() { isWished.store(true, ordering: .relaxed) }
}
