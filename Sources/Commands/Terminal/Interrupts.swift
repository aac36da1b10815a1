import TapestryTraining

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Ctrl-C, and the signal by which systems end processes (SIGTERM), as a request to stop.
package enum Interrupts {
  /// The request: global, because a signal handler captures nothing.
  package static let stopRequest = StopRequest()

  /// Runs `body`, during which the first signal of a kind makes ``stopRequest``; the second ends the process as usual.
  static func caught<Result>(_ body: () throws -> Result) rethrows -> Result {
    // Created before the handler can run, because a handler must not allocate.
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
