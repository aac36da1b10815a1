import CPeak
import Foundation
import Tapestry

// Prints one JSON object per row asked for: {"row": ..., "median_us": ...}. Without arguments: all rows.

/// The median time of one call in microseconds, over repeats that take about 0.3 s together.
func median(_ body: () -> Void) -> Double {
  let clock = ContinuousClock()
  func seconds(_ count: Int) -> Double {
    let elapsed = clock.measure { for _ in 0..<count { body() } }
    return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
  }
  _ = seconds(3)
  let once = max(seconds(3) / 3, 1e-8)
  let calls = max(1, Int(0.01 / once))
  let times = (0..<31).map { _ in seconds(calls) / Double(calls) }
  return times.sorted()[15] * 1e6
}

func gemm(_ size: Int) -> () -> Void {
  let a = Tensor.uniform([size, size], from: -1)
  let b = Tensor.uniform([size, size], from: -1)
  return { _ = matmul(a, b) }
}

func step(_ net: some Model, batch: Int) -> () -> Void {
  let images = Tensor.uniform([batch, 1, 32, 32])
  let labels = Tensor(integers: (0..<batch).map { $0 % 10 })
  let optimizer = SGD(net, learningRate: 1e-3, momentum: 0.9)
  return {
    let loss = softmaxCrossEntropy(net(images), labels: labels)
    optimizer.update(along: loss.gradients())
  }
}

let x = Tensor.uniform([16]).tracked()
let seed = Tensor.ones([16])
nonisolated(unsafe) var sink: Float = 0

let rows: [(name: String, body: () -> Void)] = [
  // One op on 16 floats: recorded, differentiated, freed.
  ("tiny op: relu", { _ = relu(x).gradients(cotangent: seed) }),
  ("tiny op: add", { _ = (x + seed).gradients(cotangent: seed) }),
  (
    "tiny op: 100 products in a chain",
    {
      var y = x
      for _ in 0..<100 { y = y * seed }
      _ = y.gradients(cotangent: seed)
    }
  ),
  ("matrix product 512", gemm(512)),
  ("matrix product 1024", gemm(1024)),
  ("matrix product 2048", gemm(2048)),
  ("digit net step, batch 1", step(DigitNet(), batch: 1)),
  ("digit net step, batch 64", step(DigitNet(), batch: 64)),
  ("digit net step, batch 256", step(DigitNet(), batch: 256)),
  ("lenet5 step, batch 64", step(LeNet5(), batch: 64)),
  (
    "peak: a million rounds of 12 multiply-adds", { _ = peak_fused_multiply_adds(1_000_000, &sink) }
  ),
]

let wanted = CommandLine.arguments.dropFirst()
for row in rows where wanted.isEmpty || wanted.contains(row.name) {
  print("{\"row\": \"\(row.name)\", \"median_us\": \(median(row.body))}")
}
