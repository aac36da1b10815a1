#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The most memory that this process has held at once, in bytes: all of it, not the tensors alone.
func peakMemory() -> Int {
  var usage = rusage()
  guard getrusage(RUSAGE_SELF, &usage) == 0 else { return 0 }
  #if canImport(Darwin)
    return usage.ru_maxrss
  #else
    // Kibibytes here.
    return usage.ru_maxrss * 1024
  #endif
}
