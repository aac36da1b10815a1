import TapestryGraph
import TapestryOps
import Testing

@Suite("Subscripts")
struct SubscriptTests {
  private let x = Tensor.range(24, dtype: .float64).reshaped(to: [2, 3, 4])

  @Test("indices, ranges, strides, the rest of the axes")
  func places() {
    let i = 1
    #expect(x[0].shape == [3, 4] && x[0, 1].scalars() == [4, 5, 6, 7])
    #expect(x[-1, -1, -1].item == 23 && x[i, i].scalars() == [16, 17, 18, 19])
    #expect(x[.all, 2].shape == [2, 4] && x[.all, 2].scalars() == [8, 9, 10, 11, 20, 21, 22, 23])
    #expect(x[..., 0].scalars() == [0, 4, 8, 12, 16, 20])
    #expect(x[0, .rest, 1...2].scalars() == [1, 2, 5, 6, 9, 10])
    #expect(x[0..., 1..<3, ...1].shape == [2, 2, 2])
    #expect(x[0, 0, (-2)...].scalars() == [2, 3] && x[0, 0, ..<(-1)].scalars() == [0, 1, 2])
    #expect(x[0, 0, stride(from: 0, to: 4, by: 2)].scalars() == [0, 2])
    #expect(x[0, 0, stride(from: 3, through: 0, by: -2)].scalars() == [3, 1])
    #expect(x[0, 0, stride(from: 2, to: 2, by: 1)].shape == [0])
    #expect(x[.newAxis, 0, .newAxis].shape == [1, 1, 3, 4])
    #expect(x[...].scalars() == x.scalars() && x[1..<1].shape == [0, 3, 4])
  }

  @Test("tensors of indices and masks")
  func tensors() {
    let picked = Tensor(integers: [2, -3])
    #expect(x[0, picked].scalars() == [8, 9, 10, 11, 0, 1, 2, 3])
    #expect(x[Tensor(integers: [1, 0, 1, 0], shape: [2, 2]), 0, 0].shape == [2, 2])
    #expect(x[..., Tensor(integers: [1])].shape == [2, 3, 1])
    #expect(x[picked[1..<1], picked].shape == [0, 2, 4])
    #expect(x[x .> 20].scalars() == [21, 22, 23])
    let rows = Tensor([[true, false, false], [false, false, true]])
    #expect(x[rows].scalars() == [0, 1, 2, 3, 20, 21, 22, 23])
    #expect(x[x .> 100].shape == [0])
  }

  @Test("messages name the subscript and the user's line")
  func messages() async throws {
    let indices = Tensor([0.5])
    let mask = Tensor([true, false])
    func expect(
      _ text: String, _ line: Int = #line, _ body: @escaping @Sendable (Tensor) -> Tensor
    ) {
      let misuse = #expect(throws: Misuse.self) {
        try dryRun { _ = body(.shape([3, 4])) }
      }
      let message = misuse?.description ?? ""
      #expect(
        message.contains(text) && message.hasSuffix("SubscriptTests.swift:\(line)"), "\(message)")
    }
    expect("subscript: index 3 is not in axis 0 of [3, 4], 0 ..< 3") { $0[3] }
    expect("subscript: 3 places, but the tensor has 2 axes") { $0[.all, 0, 1] }
    expect("subscript: 1...3 is not in axis 0 of [3, 4], 0 ..< 3") { $0[1...3] }
    expect("subscript: the indices are float32") { $0[indices] }
    expect("subscript: the mask has shape [2], which does not begin [3, 4]") { $0[mask] }
    expect("subscript: a mask stands alone") { $0[0, mask] }
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.ones([2, 3])[0, 3]
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("SubscriptTests.swift:\(#line - 4): Fatal error: subscript:"), "\(text)")
  }
}
