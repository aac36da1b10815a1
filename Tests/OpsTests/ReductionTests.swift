import TapestryGraph
import TapestryOps
import TestSupport
import Testing

@Suite struct ReductionEdges {
  @Test(
    "of nothing: a sum is 0, a mean and a variance NaN; along an axis that is not empty, nothing")
  func empty() {
    let x = Tensor.zeros([0, 3])
    expectClose(x.sum(), Tensor(0))
    expectClose(x.sum(along: 0), [0, 0, 0])
    expectClose(x.mean(along: 0), [.nan, .nan, .nan], equatingNaN: true)
    expectClose(x.variance(along: 0), [.nan, .nan, .nan], equatingNaN: true)
    expectClose(x.norm(along: 0), [0, 0, 0])
    #expect(x.sum(along: 1).shape == [0])
    #expect(x.max(along: 1).shape == [0])
    #expect(x.logSumExp(along: 1).shape == [0])
    #expect(x.argmax(along: 1).shape == [0])
    let leaf = x.tracked()
    #expect(leaf.sum().gradients()[leaf]!.shape == [0, 3])
    #expect(leaf.norm().gradients()[leaf]!.shape == [0, 3])
  }

  @Test("a scalar reduces to itself")
  func scalar() {
    let x = Tensor(2, dtype: .float64)
    expectClose(x.sum(), x)
    expectClose(x.mean(keepingDimensions: true), x)
    expectClose(x.max(), x)
    expectClose(x.norm(), x)
    expectClose(x.logSumExp(), x)
    expectClose(x.variance(unbiased: false), Tensor(0, dtype: .float64))
    #expect(x.variance().item.isNaN)
    #expect(x.argmax().integers() == [0])
  }

  @Test("equal extrema share the gradient evenly, also over several axes")
  func ties() {
    let x = Tensor([[1, 3, 3], [3, 0, 0]], dtype: .float64).tracked()
    expectClose(
      x.max().gradients()[x]!, [0, 1.0 / 3, 1.0 / 3, 1.0 / 3, 0, 0], shape: [2, 3])
    let rows = x.min(along: 1).gradients(cotangent: Tensor([1, 4], dtype: .float64))[x]!
    expectClose(rows, [1, 0, 0, 0, 2, 2], shape: [2, 3])
    #expect(x.argmax().integers() == [1])
    #expect(x.argmax(along: 1).integers() == [1, 0])
    #expect(x.argmax(along: 0, keepingDimensions: true).shape == [1, 3])
  }

  @Test("NaN wins every extremum and passes through every sum")
  func nan() {
    let x = Tensor([[1, .nan], [3, 4]])
    expectClose(x.max(along: 1), [.nan, 4], equatingNaN: true)
    expectClose(x.min(along: 1), [.nan, 3], equatingNaN: true)
    expectClose(x.sum(along: 0), [4, .nan], equatingNaN: true)
    expectClose(x.logSumExp(along: 0).sliced(1..<2, along: 0), [.nan], equatingNaN: true)
    expectClose(x.norm(along: 1), [.nan, 5], equatingNaN: true)
    #expect(x.argmax(along: 1).integers() == [1, 1])
  }

  @Test("log-sum-exp of huge, tiny and infinite values")
  func logSumExp() {
    for dtype in [DType.float32, .float64] {
      let rows = [
        [1e30, 1e30], [-1e30, -1e30], [-.infinity, -.infinity], [-.infinity, 2], [.infinity, 1],
      ]
      let x = Tensor(rows, dtype: dtype)
      expectClose(x.logSumExp(along: 1), [1e30, -1e30, -.infinity, 2, .infinity])
    }
    let x = Tensor([-.infinity, 2], dtype: .float64).tracked()
    expectClose(x.logSumExp().gradients()[x]!, [0, 1])
  }

  @Test("the norm of huge and tiny values, and of zeros, whose gradient is 0")
  func norm() {
    expectClose(Tensor([3e30, 4e30]).norm(), Tensor(5e30))
    expectClose(
      Tensor([[3e-30, 4e-30], [0, 0], [3, 4]]).norm(along: 1), [5e-30, 0, 5], absoluteTolerance: 0)
    expectClose(Tensor([3e200, 4e200], dtype: .float64).norm(), Tensor(5e200, dtype: .float64))
    expectClose(Tensor([.infinity, 1]).norm(), Tensor(.infinity))
    let x = Tensor([[0, 0], [3, 4]], dtype: .float64).tracked()
    let gradient = x.norm(along: 1).sum().gradients(recording: true)[x]!
    expectClose(gradient, [0, 0, 0.6, 0.8], shape: [2, 2])
    #expect(gradient.sum().gradients()[x]!.firstNonFinite == nil)
  }

  @Test("the variance is not disturbed by a large mean")
  func variance() {
    let x = Tensor([1e6 + 1, 1e6 + 2, 1e6 + 3])
    expectClose(x.variance(), Tensor(1))
    expectClose(x.variance(unbiased: false), Tensor(2.0 / 3))
  }

  @Test("integers are summed and compared as integers")
  func integers() {
    let x = Tensor(integers: [1 << 40, 1, -3])
    #expect(x.sum().integers() == [(1 << 40) - 2])
    #expect(x.max().integers() == [1 << 40])
    #expect(x.min().integers() == [-3])
    #expect(square(Tensor(integers: [-3])).integers() == [9])
  }

  @Test("axes apart, neighbouring and of size 1 give what one axis at a time gives")
  func axes() {
    let x = sample([2, 3, 1, 4, 5])
    for axes in [[0, 2], [0, 1], [1, 2, 3], [0, 3], [0, 2, 4], [4, 0, 1], [0, 1, 2, 3, 4]] {
      let together = x.sum(along: axes, keepingDimensions: true)
      let apart = axes.reduce(x) { $0.sum(along: $1, keepingDimensions: true) }
      expectClose(together, apart, "\(axes)")
      let largest = axes.reduce(x) { $0.max(along: $1, keepingDimensions: true) }
      expectClose(x.max(along: axes, keepingDimensions: true), largest, "\(axes)")
      expectClose(
        x.norm(along: axes), sqrt(square(x).sum(along: axes)), "\(axes)")
    }
  }
}
