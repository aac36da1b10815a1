import Synchronization

/// A request to stop, which any thread or a signal handler can make; the loop checks it between steps.
public final class StopRequest: Sendable {
  private let isWished = Atomic<Bool>(false)

  /// A request that has not been made yet.
  public init() {}

  /// Whether ``request()`` has been called.
  public var isRequested: Bool { isWished.load(ordering: .relaxed) }

  /// Asks the loop to stop after the step it is in. Safe to call in a signal handler.
  public func request() { isWished.store(true, ordering: .relaxed) }
}
