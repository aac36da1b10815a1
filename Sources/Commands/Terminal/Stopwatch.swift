import CTapestryKernels
import TapestryTraining

/// Times of repeated calls, in seconds.
struct Timing {
  let median: Double
  let shortest: Double
  let count: Int

  /// Calls `body` until warm (twice, and 0.2 s at least), then `count` times, or without one for about two seconds,
  /// 5 to 101 times. Short bodies are called several times for each of these.
  init(repeating count: Int?, _ body: () -> Void) {
    let clock = ContinuousClock()
    func seconds(_ calls: Int) -> Double {
      clock.measure { for _ in 0..<calls { body() } }.inSeconds
    }
    var once = seconds(1)
    var total = once
    while total < 0.2 || once == total {
      once = seconds(1)
      total += once
    }
    let calls = once < 0.002 ? max(1, Int(0.002 / max(once, 1e-8))) : 1
    let repeats = count ?? min(max(Int(2 / (once * Double(calls))), 5), 101)
    let times = (0..<repeats).map { _ in seconds(calls) / Double(calls) }.sorted()
    median =
      repeats % 2 == 1
      ? times[repeats / 2] : (times[repeats / 2 - 1] + times[repeats / 2]) / 2
    shortest = times[0]
    self.count = repeats
  }
}

/// Multiplications and additions per second that the threads in use could do at best, measured now: the best of ten
/// looks of some milliseconds each.
func measuredPeak() -> Double {
  let clock = ContinuousClock()
  var best = 0.0
  for _ in 0..<10 {
    var operations: Int64 = 0
    let time = clock.measure { operations = tapestry_peak_operations(20_000) }.inSeconds
    best = max(best, Double(operations) / time)
  }
  return best
}
