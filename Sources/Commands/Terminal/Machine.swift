#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The most memory that this process has held at once, in bytes: all of it, not the tensors alone.
func peakMemory() -> Int {
  #if os(Linux)
    // What getrusage reports on Linux starts with the size of the process that started this one: `swift run` holds
    // more than a small training does.
    if let kilobytes = highWaterMark() { return kilobytes * 1024 }
  #endif
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

#if os(Linux)
  /// The line `VmHWM:  46412 kB` of the kernel's page on this process.
  private func highWaterMark() -> Int? {
    guard let file = fopen("/proc/self/status", "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
      let words = String(
        decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self
      )
      .split { $0.isWhitespace }
      if words.count > 1, words[0] == "VmHWM:" { return Int(words[1]) }
    }
    return nil
  }
#endif
