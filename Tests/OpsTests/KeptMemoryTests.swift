import TapestryGraph
import TapestryOps
import TestSupport
import Testing

/// What ops keep for their backwards. The counters are the process's, so each of these runs in a process of its own.
@Suite("Memory that ops keep") struct KeptMemory {
  @Test("ReLU keeps a bit per element, and max pooling a byte per window")
  func bits() async {
    await #expect(processExitsWith: .success) {
      let x = Tensor.normal([2, 8, 64, 64]).tracked()
      let before = LiveCounters.bytes
      let y = relu(x)
      #expect(LiveCounters.bytes - before == x.count * 4 + x.count / 8)
      let pooled = maxPool2d(y, window: 2)
      #expect(
        LiveCounters.bytes - before
          == x.count * 4 + x.count / 8 + pooled.count * 4 + pooled.count)
      withExtendedLifetime((x, y, pooled)) {}
    }
  }

  @Test("what was rectified and pooled is gone before the backward, which still knows the way")
  func between() async {
    await #expect(processExitsWith: .success) {
      let x = Tensor.normal([2, 8, 64, 64]).tracked()
      let before = LiveCounters.bytes
      let y = maxPool2d(relu(x), window: 2)
      #expect(LiveCounters.bytes - before == x.count / 8 + y.count * 5)
      let g = Tensor.normal(y.shape)
      let gradient = y.gradients(cotangent: g, retaining: true)[x]!
      // The definition, from the values.
      let (values, weights) = (x.scalars(), g.scalars())
      var expected = [Double](repeating: 0, count: x.count)
      for window in 0..<y.count {
        let (plane, row, column) = (window / 1024, window % 1024 / 32, window % 32)
        let corner = plane * 4096 + 2 * row * 64 + 2 * column
        let best = [corner, corner + 1, corner + 64, corner + 65].max {
          max(values[$0], 0) < max(values[$1], 0)
        }!
        if values[best] > 0 { expected[best] = weights[window] }
      }
      #expect(gradient.scalars() == expected)
      // Retained: once more, and recording, which writes nothing in place.
      #expect(y.gradients(cotangent: g, recording: true)[x]!.scalars() == expected)
    }
  }

  @Test("outside of recording neither keeps anything")
  func unrecorded() async {
    await #expect(processExitsWith: .success) {
      let x = Tensor.normal([2, 8, 64, 64]).tracked()
      let before = LiveCounters.bytes
      let y = withoutGradients { maxPool2d(relu(x), window: 2) }
      #expect(LiveCounters.bytes - before == y.count * 4)
      withExtendedLifetime((x, y)) {}
    }
  }

  @Test(
    "an op recorded without its mask, as when it is applied again by itself, has the gradient too")
  func appliedAgain() {
    final class Seen: OperationObserver {
      nonisolated(unsafe) var operation: (any TensorOperation)?
      func didApply(_ event: OperationEvent) { operation = event.operation }
    }
    let seen = Seen()
    let plain = sample([3, 35])
    observing(seen) { _ = relu(plain) }
    let x = plain.tracked()
    let y = apply(seen.operation!, to: Tensors(x))[0]
    let g = sample([3, 35], seed: 4)
    let expected = relu(x).gradients(cotangent: g)[x]!
    expectClose(y.gradients(cotangent: g)[x]!, expected)
  }
}
