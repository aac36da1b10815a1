#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Says on the standard error, if this package was built for debug, that it computes many times slower than it
/// could; does nothing in a release build. For the first line of a script.
public func warnIfBuiltForDebug() {
  #if DEBUG
    let warning = "warning: built for debug, many times slower; build with '-c release'\n"
    _ = write(STDERR_FILENO, warning, warning.utf8.count)
  #endif
}
