import CTapestryKernels
import TapestryGraph
import TapestryOptim
import TestSupport
import Testing

@Suite struct ClippingTests {
  private let parameters = [
    Parameter(.zeros([2]), name: "a"), Parameter(.zeros([1], dtype: .float64), name: "b"),
  ]

  private func make(_ a: [Double], _ b: Double) -> Gradients {
    makeGradients(parameters, [Tensor(a), Tensor([b], dtype: .float64)])
  }

  @Test("the norm is that of all gradients together, whatever their types")
  func norm() {
    #expect(make([3, 0], 4).norm == 5)
    #expect(make([0, 0], 0).norm == 0)
    #expect(Gradients().norm == 0)
  }

  @Test("gradients above the norm are scaled down by maximum / (norm + 1e-6)")
  func clippedToNorm() throws {
    let (clipped, norm) = make([3, 0], 4).clipped(toNorm: 1)
    #expect(norm == 5)
    expectClose(try #require(clipped[parameters[0]]), [3 / 5.000001, 0])
    expectClose(try #require(clipped[parameters[1]]), [4 / 5.000001])
  }

  @Test("gradients below the norm are handed back as they are")
  func untouched() throws {
    let gradients = make([3, 0], 4)
    let (clipped, norm) = gradients.clipped(toNorm: 10)
    #expect(norm == 5)
    #expect(clipped[parameters[0]] === gradients[parameters[0]])
  }

  @Test(
    "a norm that is not finite is reported and scales nothing", arguments: [Double.nan, .infinity])
  func notFinite(value: Double) throws {
    let gradients = make([3, value], 4)
    let (clipped, norm) = gradients.clipped(toNorm: 1)
    #expect(!norm.isFinite)
    #expect(clipped[parameters[1]] === gradients[parameters[1]])
    #expect(gradients.clippingFactor(toNorm: 1).factor == 1)
  }

  @Test("the factor passed to an optimizer is the same step as clipping first")
  func fused() {
    let (a, b) = (makeParameters(), makeParameters())
    let gradients = makeGradients(a, step: 0)
    let (factor, norm) = gradients.clippingFactor(toNorm: 0.5)
    #expect(norm > 0.5 && factor < 1)
    SGD(a, learningRate: 0.1).update(along: gradients, scale: factor)
    let same = makeGradients(b, a.map { gradients[$0]! })
    SGD(b, learningRate: 0.1).update(along: same.clipped(toNorm: 0.5).gradients)
    for (x, y) in zip(a, b) { expectClose(x.value, y.value, relativeTolerance: 1e-14) }
  }

  @Test("elements are limited to ± the magnitude, and NaN stays NaN")
  func magnitude() throws {
    let clipped = make([3, -0.25], -4).clipped(toMagnitude: 0.5)
    #expect(try #require(clipped[parameters[0]]).scalars() == [0.5, -0.25])
    #expect(try #require(clipped[parameters[1]]).scalars() == [-0.5])
    let poisoned = make([.nan, 1], 0).clipped(toMagnitude: 0.5)
    #expect(try #require(poisoned[parameters[0]]).scalars()[0].isNaN)
  }
}
