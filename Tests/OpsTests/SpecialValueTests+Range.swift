import Foundation
import TapestryGraph
import TapestryOps
import TestSupport
import Testing

// Normalisation and reductions at infinities, and where sums or squares leave the range.

extension SpecialValues {
  @Test(
    "batch normalisation with given statistics and relu is the two ops apart, at infinities too")
  func fixedNormalization() {
    for dtype in [DType.float32, .float64] {
      for pixels in [1, 3, 40] {
        let special = [.infinity, -.infinity, 0, -0.0, 1, -1, Self.large, -Self.large, Self.small]
        let values = (0..<(8 * 3 * pixels)).map { special[$0 % special.count] }
        let scale = Tensor([2, -1, 0.5], dtype: dtype)
        let shift = Tensor([0.1, 0.2, -0.3], dtype: dtype)
        let mean = Buffer(Tensor([0, 0.5, -1], dtype: dtype))
        let variance = Buffer(Tensor([1, 4, 0.25], dtype: dtype))
        let (x, apart) = (
          Tensor(values, shape: [8, 3, pixels], dtype: dtype).tracked(),
          Tensor(values, shape: [8, 3, pixels], dtype: dtype).tracked()
        )
        inference {
          recordingGradients {
            let y = batchNorm(
              x, runningMean: mean, runningVariance: variance, scale: scale, shift: shift,
              relu: true)
            let z = relu(
              batchNorm(
                apart, runningMean: mean, runningVariance: variance, scale: scale, shift: shift))
            #expect(Self.same(y.detached(), z.detached()))
            let g = sample(y.shape, dtype: dtype)
            #expect(
              Self.same(y.gradients(cotangent: g)[x]!, z.gradients(cotangent: g)[apart]!))
          }
        }
      }
    }
  }

  private static func same(_ a: Tensor, _ b: Tensor) -> Bool {
    zip(a.scalars(), b.scalars()).allSatisfy { agree($0, $1) }
  }

  @Test("normalisation of numbers whose squares overflow, forward and backward")
  func hugeNormalization() {
    for (dtype, huge) in [
      (DType.float32, 1e30), (.float32, 3e38), (.float64, 1e200), (.float64, 1.5e308),
    ] {
      let values = sample([4, 6, 5]).scalars().map { Swift.max(-1, Swift.min(1, $0 / 4)) }
      let x = Tensor(values.map { $0 * huge }, shape: [4, 6, 5], dtype: dtype)
      let plain = Tensor(values, shape: [4, 6, 5], dtype: .float64)
      let weights = positiveSample([6], seed: 3, dtype: .float64)
      let functions: [(Tensor, Tensor) -> Tensor] = [
        { x, w in layerNorm(x, normalizedShape: [5], epsilon: 0) * w.reshaped(to: [6, 1]) },
        { groupNorm($0, groups: 2, scale: $1, epsilon: 0) },
        { batch($0, $1) }, { batch($0.reshaped(to: [20, 6]), $1) },
        { batch($0, $1, relu: true) }, { batch($0.reshaped(to: [20, 6]), $1, relu: true) },
      ]
      for (index, function) in functions.enumerated() {
        let (a, b) = (x.tracked(), plain.tracked())
        let (wa, wb) = (weights.converted(to: dtype).tracked(), weights.tracked())
        let (y, z) = (function(a, wa), function(b, wb))
        let tolerance = dtype == .float32 ? 1e-5 : 1e-9
        expectClose(
          y.detached().converted(to: .float64), z.detached(), "\(index) of \(huge)",
          relativeTolerance: tolerance, absoluteTolerance: tolerance)
        let g = sample(y.shape, seed: 9)
        let (first, second) = (
          y.gradients(cotangent: g.converted(to: dtype)), z.gradients(cotangent: g)
        )
        expectClose(
          first[wa]!.converted(to: .float64), second[wb]!, "\(index) of \(huge)",
          relativeTolerance: tolerance, absoluteTolerance: tolerance)
        // Gradients by x are small as x is large; the largest of float64 leave only some of their digits.
        if huge < 1e37 || huge == 1e200 {
          expectClose(
            first[a]!.converted(to: .float64) * huge, second[b]!, "\(index) of \(huge)",
            relativeTolerance: tolerance, absoluteTolerance: tolerance)
        }
      }
    }

    func batch(_ x: Tensor, _ scale: Tensor, relu: Bool = false) -> Tensor {
      let statistic = Tensor.zeros([6], dtype: x.dtype)
      return batchNorm(
        x, runningMean: Buffer(statistic), runningVariance: Buffer(statistic), scale: scale,
        epsilon: 0, relu: relu)
    }
  }

  @Test("means and variances of numbers whose sums or squares overflow")
  func hugeReductions() {
    for (dtype, huge) in [(DType.float32, 3e38), (.float64, 1.5e308)] {
      let x = Tensor([[huge, huge, huge], [huge, -huge, 0], [1, 2, 3]], dtype: dtype)
      expectClose(x.mean(along: 1), Tensor([huge, 0, 2], dtype: dtype), relativeTolerance: 1e-6)
      expectClose(x.mean(), Tensor(huge / 3, dtype: dtype), relativeTolerance: 1e-6)
      let root = huge.squareRoot()
      let y = Tensor([[2 * root, -2 * root, 0], [1, 2, 3]], dtype: dtype) * 0.25
      expectClose(
        y.variance(along: 1, keepingDimensions: true),
        Tensor([[huge / 4], [0.0625]], dtype: dtype), relativeTolerance: 1e-6)
      #expect(Tensor([.infinity, 1], dtype: dtype).mean().item == .infinity)
      #expect(Tensor([.infinity, -.infinity], dtype: dtype).mean().item.isNaN)
    }
  }
}
