import TapestryGraph
import TestSupport
import Testing

/// The comparison helper itself: what it must refuse.
@Suite struct Comparison {
  private func found(_ a: Tensor, _ b: Tensor, equatingNaN: Bool = false) -> Mismatch? {
    mismatch(a, b, relativeTolerance: 1e-3, absoluteTolerance: 1e-6, equatingNaN: equatingNaN)
  }

  @Test("values within the tolerances agree, both ways round")
  func agreement() {
    let (a, b) = (Tensor([1, 2, 0]), Tensor([1.0005, 2, 5e-7]))
    #expect(found(a, b) == nil)
    #expect(found(b, a) == nil)
    #expect(expectClose(a, [1, 2, 0]))
  }

  @Test("a value beyond them is refused with its index, both ways round")
  func disagreement() {
    let (a, b) = (Tensor([[1, 2], [3, 4]]), Tensor([[1, 2], [3.1, 4.01]]))
    #expect(found(a, b)?.description.contains("worst at [1, 0]: 3.0, but expected 3.0999") == true)
    #expect(found(b, a)?.description.contains("worst at [1, 0]") == true)
  }

  @Test("other shapes and types are refused before any value")
  func specs() {
    #expect(
      found(Tensor([1, 2]), Tensor([1, 2, 3]))?.description == "shape [2], but expected [3]")
    #expect(found(Tensor([1]), Tensor(1))?.description == "shape [1], but expected []")
    #expect(
      found(Tensor([1]), Tensor([1], dtype: .float64))?.description
        == "type float32, but expected float64")
    #expect(found(.zeros([0, 3]), .zeros([3, 0])) != nil)
    #expect(found(.zeros([0, 3]), .zeros([0, 3])) == nil)
  }

  @Test("NaN agrees with nothing, with NaN only when asked; infinities agree with themselves")
  func nonFinite() {
    let (nan, one) = (Tensor([.nan]), Tensor([1]))
    #expect(found(nan, nan) != nil)
    #expect(found(nan, nan, equatingNaN: true) == nil)
    #expect(found(nan, one, equatingNaN: true) != nil)
    #expect(found(one, nan) != nil)
    #expect(found(Tensor([.infinity]), Tensor([.infinity])) == nil)
    #expect(found(Tensor([.infinity]), Tensor([-.infinity])) != nil)
    #expect(found(Tensor([.infinity]), one) != nil)
  }

  @Test("an exact comparison tells zeros apart, and large integers; any NaN passes for a NaN")
  func exactness() {
    #expect(inexactness(Tensor([0, 1, .nan]), Tensor([0, 1, -.nan])) == nil)
    #expect(
      inexactness(Tensor([1, 0]), Tensor([1, -0.0]))?.description
        == "first at [1]: 0.0, but expected -0.0")
    #expect(inexactness(Tensor([1]), Tensor([1 + 0x1p-23])) != nil)
    #expect(inexactness(Tensor([.nan]), Tensor([1])) != nil)
    let large = 1 << 53
    #expect(inexactness(Tensor(integers: [large]), Tensor(integers: [large])) == nil)
    #expect(inexactness(Tensor(integers: [large]), Tensor(integers: [large + 1])) != nil)
    #expect(inexactness(Tensor(integers: [1]), Tensor([1])) != nil)
    #expect(inexactness(.zeros([0, 3]), .zeros([3, 0])) != nil)
  }

  @Test("expectClose records an issue")
  func issue() {
    withKnownIssue {
      expectClose(Tensor([1]), [2], "planted")
    } matching: {
      $0.comments.contains { $0.rawValue.contains("planted: worst at [0]") }
    }
    withKnownIssue { expectClose(Tensor([1]), [1, 1], shape: [3]) }
  }
}
