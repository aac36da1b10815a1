import TapestryTraining

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Ctrl-C, and the signals by which systems end processes (SIGTERM) and closed terminals (SIGHUP), as a request to stop.
package enum Interrupts {
  /// The request: global, because a signal handler captures nothing.
  package static let stopRequest = StopRequest()

  /// Runs `body`, during which the first signal of a kind makes ``stopRequest``; the second ends the process as usual.
  static func caught<Result>(_ body: () throws -> Result) rethrows -> Result {
    // Created before the handler can run, because a handler must not allocate.
    _ = stopRequest
    var action = sigaction()
    #if canImport(Darwin)
      action.__sigaction_u.__sa_handler = { _ in Interrupts.stopRequest.request() }
    #else
      action.__sigaction_handler.sa_handler = { _ in Interrupts.stopRequest.request() }
    #endif
    action.sa_flags = Int32(truncatingIfNeeded: Int(SA_RESETHAND)) | SA_RESTART
    var previous: [(signal: Int32, action: sigaction)] = []
    var heeded = sigset_t()
    sigemptyset(&heeded)
    for signal in [SIGINT, SIGTERM, SIGHUP] {
      var old = sigaction()
      sigaction(signal, nil, &old)
      // Who started the program with nohup does not want it to end with the terminal.
      if signal == SIGHUP, Self.isIgnored(old) { continue }
      sigaction(signal, &action, nil)
      previous.append((signal, old))
      sigaddset(&heeded, signal)
    }
    // Some programs start others with these signals blocked, which is inherited.
    var mask = sigset_t()
    pthread_sigmask(SIG_UNBLOCK, &heeded, &mask)
    defer {
      pthread_sigmask(SIG_SETMASK, &mask, nil)
      for (signal, action) in previous {
        var action = action
        sigaction(signal, &action, nil)
      }
    }
    return try body()
  }

  private static func isIgnored(_ action: sigaction) -> Bool {
    #if canImport(Darwin)
      let handler = action.__sigaction_u.__sa_handler
    #else
      let handler = action.__sigaction_handler.sa_handler
    #endif
    return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
