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
  #if canImport(Darwin)
    let bytesPerUnit = 1
    let result = getrusage(RUSAGE_SELF, &usage)
  #elseif canImport(Musl)
    let bytesPerUnit = 1024
    let result = getrusage(RUSAGE_SELF, &usage)
  #else
    let bytesPerUnit = 1024
    let result = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  #endif
  return result == 0 ? usage.ru_maxrss * bytesPerUnit : 0
}
