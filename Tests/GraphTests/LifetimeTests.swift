import TapestryGraph
import TapestryOps
import Testing

@Suite("Lifetime of graphs", .serialized)
struct LifetimeTests {
  @Test("a chain of 1,000,000 ops backpropagates and is freed")
  func longChain() {
    let nodes = LiveCounters.nodes
    let x = Tensor(1, dtype: .float64).tracked()
    do {
      var y = x
      for _ in 0..<1_000_000 { y = y * 1.000001 }
      #expect(LiveCounters.nodes >= nodes + 1_000_000)
      let gradient = gradients(of: y, withRespectTo: [x])[x]!.item
      #expect(abs(gradient - 2.718280469) < 1e-6)
    }
    do {
      // Freed without having been walked: kept inputs, both operands the same tensor.
      var y = x
      for _ in 0..<1_000_000 { y = y * y }
      #expect(y.item == 1)
    }
  }

  @Test("1,000 training steps leave live nodes and bytes where they were, and make a constant number of blocks")
  func steadyTraining() {
    let weight = Parameter(Tensor.normal([64, 64]))
    func step() {
      let loss = apply(Total(), to: Tensors(weight * weight * 0.5))[0]
      let gradient = loss.gradients()[weight]!
      weight.value = weight.value - gradient * 0.01
    }
    step()
    let nodes = LiveCounters.nodes
    let bytes = LiveCounters.bytes
    for _ in 0..<1000 { step() }
    #expect(LiveCounters.nodes == nodes)
    #expect(LiveCounters.bytes == bytes)
  }

  @Test("a releasing walk lets go of the graph while the result is still held")
  func releasing() {
    let x = Parameter(Tensor.zeros([1000]))
    let nodes = LiveCounters.nodes
    let bytes = LiveCounters.bytes
    let y = apply(Total(), to: Tensors(x * x * x))[0]
    #expect(LiveCounters.nodes == nodes + 3)
    _ = y.gradients()
    #expect(LiveCounters.nodes == nodes + 1)  // y's own
    #expect(LiveCounters.bytes <= bytes + 4)
    withExtendedLifetime(y) {}
  }

  @Test("a parameter's memory is changed in place once no graph holds it")
  func inPlace() {
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
