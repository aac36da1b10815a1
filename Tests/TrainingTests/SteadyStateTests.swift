import Tapestry
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What is taken from the system is counted for the whole process, so each of these runs in one of its own.
@Suite("Memory of training") struct SteadyStateTests {
  private static func digitNetStep() -> () -> Void {
    let net = DigitNet()
    let optimizer = SGD(net, learningRate: 0.01, momentum: 0.9)
    let images = Tensor.normal([64, 1, 32, 32])
    let labels = Tensor(integers: (0..<64).map { $0 % 10 })
    return {
      optimizer.update(along: softmaxCrossEntropy(net(images), labels: labels).gradients())
    }
  }

  @Test(
    "on one thread a training step takes no memory from the system once the first ones have run")
  func steady() async {
    await #expect(processExitsWith: .success) {
      setenv("TAPESTRY_THREADS", "1", 1)
      let step = Self.digitNetStep()
      for _ in 0..<5 { step() }
      let taken = LiveCounters.bytesTaken
      #expect(taken > LiveCounters.bytes / 2)
      for _ in 0..<20 { step() }
      #expect(LiveCounters.bytesTaken == taken)
    }
  }

  /// Scratch of kernels on two threads may meet for the first time at any step, but there is only so much of it.
  @Test("on two threads it comes to take none, either, and makes as many blocks in every step")
  func steadyOnTwo() async {
    await #expect(processExitsWith: .success) {
      setenv("TAPESTRY_THREADS", "2", 1)
      let step = Self.digitNetStep()
      step()
      func blocks() -> Int {
        let made = LiveCounters.storagesMade
        step()
        return LiveCounters.storagesMade - made
      }
      let perStep = blocks()
      var (calm, taken) = (0, LiveCounters.bytesTaken)
      for _ in 0..<1_000 where calm < 100 {
        #expect(blocks() == perStep)
        calm = LiveCounters.bytesTaken == taken ? calm + 1 : 0
        taken = LiveCounters.bytesTaken
      }
      #expect(calm == 100)
    }
  }
}
