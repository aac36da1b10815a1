import TapestryTraining

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Ctrl-C, and the signal by which systems end processes (SIGTERM), as a wish to stop.
package enum Interrupts {
  /// The wish; the one object that the handler, which may not capture anything, can reach.
  package static let stopRequest = StopRequest()

  /// Runs `body`, during which the first signal of a kind makes ``stopRequest``; the second ends the process as usual.
  static func caught<Result>(_ body: () throws -> Result) rethrows -> Result {
    // Made before the handler can run: a handler must not make anything.
    _ = stopRequest
    var action = sigaction()
    var (previous, previousTermination) = (sigaction(), sigaction())
    #if canImport(Darwin)
      action.__sigaction_u.__sa_handler = { _ in Interrupts.stopRequest.request() }
    #else
      action.__sigaction_handler.sa_handler = { _ in Interrupts.stopRequest.request() }
    #endif
    action.sa_flags = Int32(truncatingIfNeeded: Int(SA_RESETHAND)) | SA_RESTART
    sigaction(SIGINT, &action, &previous)
    sigaction(SIGTERM, &action, &previousTermination)
    defer {
      sigaction(SIGINT, &previous, nil)
      sigaction(SIGTERM, &previousTermination, nil)
    }
    return try body()
  }
}
