import TapestryGraph
import TapestryOps
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The counters are the process's, so each of these runs in a process of its own.
@Suite("Lifetime of graphs")
struct LifetimeTests {
  @Test("a chain of 1,000,000 ops backpropagates and is freed, within 2.25 GB")
  func longChain() async {
    await #expect(processExitsWith: .success) {
      let x = Tensor(1, dtype: .float64).tracked()
      do {
        var y = x
        for _ in 0..<1_000_000 { y = y * 1.000001 }
        #expect(LiveCounters.nodes == 1_000_000)
        let gradient = gradients(of: y, withRespectTo: [x])[x]!.item
        #expect(abs(gradient - 2.718280469) < 1e-6)
      }
      #expect(LiveCounters.nodes == 0)
      do {
        // Freed without having been walked: kept inputs, both operands the same tensor.
        var y = x
        for _ in 0..<1_000_000 { y = y * y }
        #expect(y.item == 1)
        #expect(LiveCounters.nodes == 1_000_000)
      }
      #expect(LiveCounters.nodes == 0)
      #expect(LiveCounters.bytes == 8)
      var usage = rusage()
      #if canImport(Darwin)
        getrusage(RUSAGE_SELF, &usage)
        let peak = usage.ru_maxrss
      #else
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let peak = usage.ru_maxrss * 1024
      #endif
      #expect(peak < 9 << 28, "peak memory \(peak)")
      withExtendedLifetime(x) {}
    }
  }

  @Test(
    "1,000 training steps leave live nodes and bytes where they were, and each makes as many blocks"
  )
  func steadyTraining() async {
    await #expect(processExitsWith: .success) {
      let weight = Parameter(Tensor.normal([64, 64]))
      func step() {
        let loss = apply(Total(), to: Tensors(weight * weight * 0.5))[0]
        let gradient = loss.gradients()[weight]!
        weight.value = weight.value - gradient * 0.01
      }
      step()
      let nodes = LiveCounters.nodes
      let bytes = LiveCounters.bytes
      var made = LiveCounters.storagesMade
      step()
      let perStep = LiveCounters.storagesMade - made
      made += perStep
      for _ in 0..<1000 { step() }
      #expect(LiveCounters.nodes == nodes)
      #expect(LiveCounters.bytes == bytes)
      #expect(LiveCounters.storagesMade == made + 1000 * perStep)
    }
  }

  @Test("a releasing walk lets go of the graph while the result is still held")
  func releasing() async {
    await #expect(processExitsWith: .success) {
      let x = Parameter(Tensor.zeros([1000]))
      let bytes = LiveCounters.bytes
      let y = apply(Total(), to: Tensors(x * x * x))[0]
      #expect(LiveCounters.nodes == 3)
      _ = y.gradients()
      #expect(LiveCounters.nodes == 1)  // y's own
      #expect(LiveCounters.bytes == bytes + 4)
      withExtendedLifetime(y) {}
    }
  }

  @Test("a parameter's memory is changed in place once no graph holds it")
  func inPlace() async {
    await #expect(processExitsWith: .success) {
      let weight = Parameter(Tensor.zeros([4096]))
      let made = LiveCounters.storagesMade
      weight.update { $0.storeBytes(of: 1.0 as Float, as: Float.self) }
      #expect(LiveCounters.storagesMade == made)
      let y = weight * weight
      let during = LiveCounters.storagesMade
      weight.update { $0.storeBytes(of: 2.0 as Float, as: Float.self) }
      #expect(LiveCounters.storagesMade == during + 1)
      #expect(y.scalars()[0] == 1)
      #expect(weight.value.scalars()[0] == 2)
    }
  }

  @Test("a checkpoint does not keep the values inside it")
  func checkpointMemory() async {
    await #expect(processExitsWith: .success) {
      let x = Tensor.zeros([10_000], dtype: .float64).tracked()
      let before = LiveCounters.bytes
      let plain = x * x * x * x * x
      let plainBytes = LiveCounters.bytes - before
      let start = LiveCounters.bytes
      let light = checkpointed { x * x * x * x * x }
      #expect(LiveCounters.bytes - start == 80_000)
      #expect(plainBytes == 4 * 80_000)
      withExtendedLifetime((plain, light)) {}
    }
  }

  @Test("graphs are built, walked and freed on several threads at once")
  func threads() async {
    await #expect(processExitsWith: .success) {
      let weight = Parameter(Tensor(2, dtype: .float64))
      await withTaskGroup(of: Double.self) { group in
        for index in 1...8 {
          group.addTask {
            var total = 0.0
            for _ in 0..<500 {
              let y = weight * weight * Double(index)
              total += y.gradients()[weight]!.item
            }
            return total / 500 / Double(index)
          }
        }
        for await mean in group { #expect(mean == 4) }
      }
      #expect(LiveCounters.nodes == 0)
    }
  }
}
