import TapestryGraph
import TapestryOps
import Testing

@Suite("Checkpoints and custom operations", .serialized)
struct CheckpointTests {
  @Test("first and second order equal the plain graph, by outer tensors and parameters")
  func sameDerivatives() {
    let weight = Parameter(Tensor([1.5, -0.5], dtype: .float64))
    let x = Tensor([2, 3], dtype: .float64).tracked()
    let hidden = x * 2
    @Sendable func body() -> Tensor {
      apply(Total(), to: Tensors(hidden * weight * hidden + x / weight))[0]
    }
    let plain = body()
    let memory = checkpointed { body() }
    #expect(plain.item == memory.item)
    let targets = [x, weight, hidden]
    let a = gradients(of: plain, withRespectTo: targets, recording: true)
    let b = gradients(of: memory, withRespectTo: targets, recording: true)
    for target in targets { #expect(a[target]!.scalars() == b[target]!.scalars()) }
    let direction = Tensor([1, 2], dtype: .float64)
    let second = gradients(
      of: a[x]!, withRespectTo: [x, weight], cotangent: direction, retaining: true)
    let secondMemory = gradients(
      of: b[x]!, withRespectTo: [x, weight], cotangent: direction, retaining: true)
    #expect(second[x]!.scalars() == secondMemory[x]!.scalars())
    #expect(second[weight]!.scalars() == secondMemory[weight]!.scalars())
  }

  @Test("forward mode goes through a checkpoint")
  func forwardMode() {
    let x = Tensor([2, 3], dtype: .float64)
    let direction = Tensor([1, -1], dtype: .float64)
    let plain = jvp(at: [x], along: [direction]) { $0[0] * $0[0] * $0[0] }
    let memory = jvp(at: [x], along: [direction]) { p in
      let p = p[0]
      return checkpointed { p * p * p }
    }
    #expect(plain.tangent.scalars() == memory.tangent.scalars())
  }

  @Test("the second run sees the same randomness and parameter values, and writes no buffer")
  func sameConditions() {
    let weight = Parameter(Tensor([1, 1, 1, 1], dtype: .float64))
    let buffer = Buffer(Tensor(0, dtype: .float64))
    let loss = withRandomSource(RandomSource(seed: 3)) {
      checkpointed {
        buffer.value = buffer.value + 1
        let noise = Tensor.normal([4], dtype: .float64)
        return apply(Total(), to: Tensors(weight * weight * noise))[0]
      }
    }
    let noise = withRandomSource(RandomSource(seed: 3)) {
      Tensor.normal([4], dtype: .float64).scalars()
    }
    weight.value = Tensor([9, 9, 9, 9], dtype: .float64)
    #expect(loss.gradients()[weight]!.scalars() == noise.map { $0 * 2 })
    #expect(buffer.value.item == 1)
  }

  @Test("buffers that the body makes itself keep their own values in the second run")
  func cellsOfTheBody() {
    // Those of the first run are gone by then, and their addresses are used again.
    for isNested in [false, true] {
      for _ in 0..<50 {
        let x = Tensor(3, dtype: .float64).tracked()
        @Sendable func body() -> Tensor {
          let slope = Buffer(Tensor(100, dtype: .float64))
          let curvature = Buffer(Tensor(1, dtype: .float64))
          return slope * x + curvature * x * x
        }
        let y = checkpointed { isNested ? checkpointed { body() } : body() }
        #expect(y.item == 309)
        #expect(y.gradients()[x]!.item == 106)
      }
    }
  }

  @Test("nested checkpoints, and a body without tracked tensors")
  func nested() {
    let x = Tensor(2, dtype: .float64).tracked()
    let y = checkpointed {
      let inner = checkpointed { x * x }
      return inner * x
    }
    #expect(y.gradients()[x]?.item == 12)
    #expect(!checkpointed { Tensor(1) * 2 }.isTracked)
  }

  @Test("an op of closures takes part in everything, and its backward is used")
  func closures() {
    func tripledGradient(_ x: Tensor) -> Tensor {
      customOperation("tripled", [x], forward: { [$0[0] * 2] }) { inputs, outputs, g in
        [g[0] * outputs[0] * 3]
      }[0]
    }
    let x = Tensor([1, 2], dtype: .float64).tracked()
    let y = tripledGradient(x)
    #expect(y.scalars() == [2, 4])
    let result = gradients(
      of: y, withRespectTo: [x], cotangent: Tensor([1, 1], dtype: .float64), recording: true)[x]!
    #expect(result.scalars() == [6, 12])
    #expect(!checkGradients(at: x.detached()) { tripledGradient($0) }.passed)
  }
}
