import TapestryGraph
import TapestryOps
import TestSupport
import Testing

/// Running statistics: when they move, and when they must not.
@Suite struct Normalization {
  private let mean = Buffer(Tensor([1, -1], dtype: .float64))
  private let variance = Buffer(Tensor([4, 9], dtype: .float64))
  private let x = Tensor([[1, 2], [3, 6], [5, 1]], dtype: .float64)

  private func normalized(_ x: Tensor) -> Tensor {
    batchNorm(x, runningMean: mean, runningVariance: variance, momentum: 0.5)
  }

  @Test("training records the new batch with its weight, the variance unbiased")
  func moving() {
    let y = normalized(x)
    expectClose(mean.value, [2, 1])
    expectClose(variance.value, [4, 8])
    expectClose(y.mean(along: 0), [0, 0], absoluteTolerance: 1e-12)
  }

  @Test("inference uses the running statistics and writes none")
  func still() {
    let y = inference { normalized(x) }
    expectClose(mean.value, [1, -1])
    expectClose(y.sliced(0..<1, along: 0), [0, 3 / 9.00001.squareRoot()], shape: [1, 2])
  }

  @Test("dry runs write nothing, and recomputation writes once")
  func once() throws {
    let shape = try dryRun { normalized(.shape([4, 2], dtype: .float64)).shape }
    #expect(shape == [4, 2])
    expectClose(mean.value, [1, -1])
    let (points, mean, variance) = (x.tracked(), mean, variance)
    let y = checkpointed {
      batchNorm(points, runningMean: mean, runningVariance: variance, momentum: 0.5)
    }
    expectClose(mean.value, [2, 1])
    _ = (y * y * y).sum().gradients()
    expectClose(mean.value, [2, 1])
    expectClose(variance.value, [4, 8])
  }

  @Test("a float32 layer under float64 substitutes keeps float32 statistics")
  func substituted() {
    let mean = Buffer(Tensor([0, 0]))
    let variance = Buffer(Tensor([1, 1]))
    let y = substituting([
      (mean, Tensor([0, 0], dtype: .float64)), (variance, Tensor([1, 1], dtype: .float64)),
    ]) { batchNorm(x, runningMean: mean, runningVariance: variance, momentum: 1) }
    #expect(y.dtype == .float64)
    expectClose(mean.value, Tensor([3, 3]))
  }

  @Test("a constant channel is normalised to 0")
  func constant() {
    let y = layerNorm(.full([2, 3], 1e6), normalizedShape: [3])
    expectClose(y, [0, 0, 0, 0, 0, 0], shape: [2, 3])
  }
}
