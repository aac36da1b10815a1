import TapestryGraph
import TapestryOps
import TestSupport
import Testing

@Suite struct ArithmeticEdges {
  @Test("empty tensors and size-1 axes broadcast against each other")
  func empty() {
    #expect((Tensor.zeros([0, 3]) + Tensor.ones([3])).shape == [0, 3])
    #expect((Tensor.zeros([0, 1]) * Tensor.ones([1, 4])).shape == [0, 4])
    #expect((Tensor.zeros([1]) - Tensor.zeros([0])).shape == [0])
    let x = Tensor.ones([1, 3]).tracked()
    let gradient = (x * Tensor.zeros([0, 3])).gradients(cotangent: .zeros([0, 3]))[x]
    expectClose(gradient!, [0, 0, 0], shape: [1, 3])
  }

  @Test("division by a number is exactly rounded, in both types")
  func exactDivision() {
    let values = sample([1000], dtype: .float32).scalars(as: Float.self)
    for divisor in [3, 7, 10, 0.1, 49, 1e-3, 4, 0.5, -8] {
      let quotients = (Tensor(scalars: values) / divisor).scalars(as: Float.self)
      #expect(quotients == values.map { $0 / Float(divisor) }, "by \(divisor)")
      let doubles = values.map(Double.init)
      #expect((Tensor(scalars: doubles) / divisor).scalars() == doubles.map { $0 / divisor })
    }
    // The reciprocal of the smallest normal number is finite, that of a subnormal one is not.
    #expect((Tensor([1e-40]) / 0x1p-130).item.isFinite)
    #expect((Tensor([1, -1, 0]) / 0).scalars()[..<2] == [.infinity, -.infinity])
  }

  @Test("integers: whole arithmetic, truncated quotients")
  func integers() {
    let x = Tensor(integers: [7, -7, 9])
    #expect((x + 2).integers() == [9, -5, 11])
    #expect((x * 3 - x).integers() == [14, -14, 18])
    #expect((x / 2).integers() == [3, -3, 4])
    #expect((x / Tensor(integers: [2])).integers() == [3, -3, 4])
    #expect((-x).integers() == [-7, 7, -9])
  }

  @Test("NaN and infinity pass through, forward and backward")
  func nonFinite() {
    let x = Tensor([.nan, .infinity, -.infinity, 1]).tracked()
    let y = x * 2 + 1
    expectClose(y, [.nan, .infinity, -.infinity, 3], equatingNaN: true)
    expectClose(y.gradients(cotangent: .ones([4]))[x]!, [2, 2, 2, 2])
    let z = Tensor([1, 1, 1, 1]).tracked()
    let gradient = (z * x).gradients(cotangent: .ones([4]))[z]!
    expectClose(gradient, [.nan, .infinity, -.infinity, 1], equatingNaN: true)
  }

  @Test("a tensor used several times, in a loop and on both sides, collects every contribution")
  func reuse() {
    let x = Tensor([2, 3], dtype: .float64).tracked()
    var y = x
    for _ in 0..<3 { y = y * x }
    y -= x - x
    expectClose(y.gradients(cotangent: .ones([2], dtype: .float64))[x]!, [4 * 8, 4 * 27])
    let quotient = (x / x).sum()
    expectClose(quotient.gradients()[x]!, [0, 0])
  }

  @Test("a scalar is rounded once, to the tensor's type")
  func scalars() {
    #expect((Tensor([1], dtype: .float64) * 0.1).item == 0.1)
    #expect((Tensor([1]) * 0.1).scalars(as: Float.self) == [0.1])
    #expect((1 - Tensor([0.1], dtype: .float64)).item == 0.9)
  }
}
