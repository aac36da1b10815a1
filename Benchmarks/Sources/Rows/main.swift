import CPeak
import Foundation
import Tapestry

// Prints one JSON object per row asked for: {"row": ..., "median_us": ..., "peak_bytes": ...}. Without arguments: all rows.

/// What is timed; made only when its row is asked for.
struct Row: Sendable {
  let name: String
  /// Calls per measurement and measurements; `nil`: as many as take about 0.3 s together.
  var repeats: Int? = nil
  let make: @Sendable () -> () -> Void
}

/// The median time of one call in microseconds.
func median(_ row: Row) -> Double {
  let body = row.make()
  let clock = ContinuousClock()
  func seconds(_ count: Int) -> Double {
    let elapsed = clock.measure { for _ in 0..<count { body() } }
    return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
  }
  if let repeats = row.repeats {
    _ = seconds(2)
    let times = (0..<repeats).map { _ in seconds(1) }
    return times.sorted()[repeats / 2] * 1e6
  }
  _ = seconds(3)
  let once = max(seconds(3) / 3, 1e-8)
  let calls = max(1, Int(0.01 / once))
  let times = (0..<31).map { _ in seconds(calls) / Double(calls) }
  return times.sorted()[15] * 1e6
}

/// The most memory that this process has had, in bytes.
func peakBytes() -> Int {
  #if os(Linux)
    // getrusage begins with the size of the process that started this one, which is Python with PyTorch.
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
    return (Int(line.filter(\.isNumber)) ?? 0) * 1024
  #else
    var usage = rusage()
    getrusage(RUSAGE_SELF, &usage)
    return usage.ru_maxrss
  #endif
}

func product(_ size: Int) -> Row {
  Row(name: "matrix product \(size)") {
    let a = Tensor.uniform([size, size], from: -1)
    let b = Tensor.uniform([size, size], from: -1)
    return { _ = matmul(a, b) }
  }
}

/// One op on 16 floats: recorded, differentiated, freed.
func tiny(_ name: String, _ function: @escaping @Sendable (Tensor, Tensor) -> Tensor) -> Row {
  Row(name: "tiny op: \(name)") {
    let x = Tensor.uniform([16]).tracked()
    let seed = Tensor.ones([16])
    return { _ = function(x, seed).gradients(cotangent: seed) }
  }
}

/// One training step of the digit net and nothing else: what a process takes for it is measured from outside.
func firstStep() {
  let net = DigitNet()
  let labels = Tensor(integers: (0..<64).map { $0 % 10 })
  let loss = softmaxCrossEntropy(net(Tensor.uniform([64, 1, 32, 32])), labels: labels)
  SGD(net, learningRate: 1e-3, momentum: 0.9).update(along: loss.gradients())
}

nonisolated(unsafe) var sink: Float = 0

let rows: [Row] =
  [
    tiny("relu") { x, _ in relu(x) },
    tiny("add") { x, seed in x + seed },
    tiny("100 products in a chain") { x, seed in (0..<100).reduce(x) { y, _ in y * seed } },
    product(512), product(1024), product(2048),
    Row(name: "peak: a million rounds of 12 multiply-adds") {
      { _ = peak_fused_multiply_adds(1_000_000, &sink) }
    },
  ] + convolutionRows + netRows

if CommandLine.arguments.dropFirst() == ["first step"] {
  firstStep()
  exit(0)
}

let wanted = CommandLine.arguments.dropFirst()
for row in rows where wanted.isEmpty || wanted.contains(row.name) {
  print(
    "{\"row\": \"\(row.name)\", \"median_us\": \(median(row)), \"peak_bytes\": \(peakBytes())}")
}
