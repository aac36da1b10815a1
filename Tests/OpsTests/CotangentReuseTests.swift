import TapestryGraph
import TapestryOps
import TestSupport
import Testing

/// Backwards that write over a cotangent may do so only where nobody else holds it.
@Suite struct CotangentReuse {
  private let x = sample([3, 4, 5, 5]).tracked()
  private let statistics = (
    Buffer(.zeros([4], dtype: .float64)), Buffer(.ones([4], dtype: .float64))
  )

  private func normalized(_ x: Tensor) -> Tensor {
    batchNorm(x, runningMean: statistics.0, runningVariance: statistics.1)
  }

  private func rectified(_ x: Tensor, adding addend: Tensor? = nil) -> Tensor {
    batchNorm(
      x, runningMean: statistics.0, runningVariance: statistics.1, adding: addend, relu: true)
  }

  private func graphs() -> [Tensor] {
    let (a, n, m, k) = (relu(x), normalized(x), normalized(x), normalized(x))
    return [
      relu(normalized(x)),
      // An addition hands one cotangent to both sides.
      relu(x) + relu(-x),
      relu(n) + n + x,
      normalized(a) + a,
      relu(relu(x) + normalized(relu(m)).reshaped(to: x.shape)),
      relu(x.reshaped(to: [3, 100])).reshaped(to: x.shape) + x,
      rectified(x) + rectified(relu(x), adding: x),
      rectified(k, adding: rectified(x)) + k,
      layerNorm(relu(x), normalizedShape: [4, 5, 5]) + groupNorm(relu(x), groups: 2),
    ]
  }

  @Test("gradients are those of a walk that records, and so writes nothing in place")
  func recorded() {
    let cotangent = sample(x.shape, seed: 5)
    let plain = graphs().map { $0.gradients(cotangent: cotangent)[x]! }
    let recorded = graphs().map { $0.gradients(cotangent: cotangent, recording: true)[x]! }
    for (index, (a, b)) in zip(plain, recorded).enumerated() {
      expectClose(a, b.detached(), "graph \(index)", relativeTolerance: 1e-14)
    }
  }

  @Test(
    "a cotangent that the caller holds keeps its values, and so do gradients of what lies between")
  func held() {
    let cotangent = sample(x.shape, seed: 5)
    let before = cotangent.scalars()
    for graph in graphs() { _ = graph.gradients(cotangent: cotangent) }
    #expect(cotangent.scalars() == before)
    func between() -> (Tensor, Tensor) {
      let middle = relu(x)
      return (middle, relu(middle * 2) * 3)
    }
    let (middle, y) = between()
    let reached = gradients(of: y, withRespectTo: [middle, x], cotangent: cotangent)
    let (again, z) = between()
    let expected = gradients(
      of: z, withRespectTo: [again, x], cotangent: cotangent, recording: true)
    expectClose(reached[middle]!, expected[again]!.detached())
    expectClose(reached[x]!, expected[x]!.detached())
  }
}
