import Tapestry
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What is taken from the system is counted for the whole process, so this runs in one of its own. On one thread: with
/// more, scratch of kernels that overlap for the first time may add to it at any step.
@Suite("Memory of training") struct SteadyStateTests {
  @Test(
    "on one thread a training step takes no memory from the system once the first ones have run")
  func steady() async {
    await #expect(processExitsWith: .success) {
      setenv("TAPESTRY_THREADS", "1", 1)
      let net = DigitNet()
      let optimizer = SGD(net, learningRate: 0.01, momentum: 0.9)
      let images = Tensor.normal([64, 1, 32, 32])
      let labels = Tensor(integers: (0..<64).map { $0 % 10 })
      func step() {
        optimizer.update(along: softmaxCrossEntropy(net(images), labels: labels).gradients())
      }
      for _ in 0..<5 { step() }
      let taken = LiveCounters.bytesTaken
      #expect(taken > LiveCounters.bytes / 2)
      for _ in 0..<20 { step() }
      #expect(LiveCounters.bytesTaken == taken)
    }
  }
}
