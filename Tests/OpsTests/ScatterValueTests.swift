import TapestryGraph
import TapestryOps
import TestSupport
import Testing

/// Exact values of the ops that move elements, of any element type, and what ends the process.
@Suite struct ScatterValues {
  @Test("integers and masks move as numbers do")
  func elementTypes() {
    for dtype in [DType.int32, .int64, .float32] {
      let x = Tensor(integers: [1, 2, 3, 4, 5, 6], shape: [2, 3], dtype: dtype)
      #expect(x.rolled(by: 1, along: 1).integers() == [3, 1, 2, 6, 4, 5])
      #expect(x.tiled([1, 2]).integers() == [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6])
      #expect(x.repeatedElements([0, 2], along: 0).integers() == [4, 5, 6, 4, 5, 6])
      #expect(x.diagonal(offset: 1).integers() == [2, 6])
      #expect(x.trace().integers() == [6])
      #expect(x.lowerTriangle().integers() == [1, 0, 0, 4, 5, 0])
      #expect(x.upperTriangle(offset: 1).integers() == [0, 2, 3, 0, 0, 6])
      #expect(x.windows(size: 2, along: 1).integers() == [1, 2, 2, 3, 4, 5, 5, 6])
      let mirrored = x.padded([(0, 0), (2, 1)], mode: .reflect)
      #expect(mirrored.integers() == [3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5])
      let around = x.padded([(1, 0), (0, 1)], mode: .circular)
      #expect(around.integers() == [4, 5, 6, 4, 1, 2, 3, 1, 4, 5, 6, 4])
      let places = Tensor(integers: [2, 2, 0, 2], shape: [2, 2])
      let updates = Tensor(integers: [10, 20, 30, 40], shape: [2, 2], dtype: dtype)
      #expect(x.scatter(updates, at: places, along: 1).integers() == [1, 2, 20, 30, 5, 40])
      #expect(x.scatterAdd(updates, at: places, along: 1).integers() == [1, 2, 33, 34, 5, 46])
      let rows = x.indexAdd(x, at: Tensor(integers: [1, 1]), along: 0)
      #expect(rows.integers() == [1, 2, 3, 9, 12, 15])
      #expect(x.maskedFill(where: x .> 4, with: -1).integers() == [1, 2, 3, 4, -1, -1])
      #expect(x.maskedSelect(where: x .> 4).integers() == [5, 6])
    }
    let mask = Tensor(integers: [1, 2, 3]) .> 1
    #expect(mask.rolled(by: 1, along: 0).integers() == [1, 0, 1])
    #expect(mask.scatter(mask, at: Tensor(integers: [2, 1, 0]), along: 0).integers() == [1, 1, 0])
    #expect(
      oneHot(Tensor(integers: [1, 0]), classes: 3, dtype: .bool).integers() == [0, 1, 0, 1, 0, 0])
  }

  @Test("what a triangle or a mask leaves out stays out, NaN and infinities too")
  func notANumber() {
    let x = Tensor([1, .nan, .infinity, 4], shape: [2, 2], dtype: .float64).tracked()
    #expect(x.lowerTriangle().scalars().prefix(2) == [1, 0])
    let filled = x.maskedFill(where: Tensor([0, 1, 1, 0], shape: [2, 2]) .!= 0, with: 7)
    #expect(filled.scalars() == [1, 7, 7, 4])
    #expect(filled.sum().gradients()[x]!.scalars() == [1, 0, 0, 1])
    let product = einsum("ij,ij->i", x.detached(), .ones([2, 2], dtype: .float64)).scalars()
    #expect(product[0].isNaN && product[1] == .infinity)
  }

  @Test("patches times filters are a convolution, and folding counts overlaps")
  func patches() {
    let (x, w) = (sample([2, 3, 7, 6]), sample([4, 3, 3, 2], seed: 2))
    let padding = Padding2d(top: 1, left: 0, bottom: 2, right: 1)
    let columns = unfold2d(x, window: [3, 2], stride: [2, 1], padding: padding, dilation: [1, 2])
    let product = matmul(w.reshaped(to: [4, 18]), columns)
    let expected = conv2d(x, w, stride: [2, 1], padding: padding, dilation: [1, 2])
    expectClose(product.reshaped(to: expected.shape), expected)
    let counts = fold2d(.ones([1, 4, 4], dtype: .float64), outputSize: 3, window: 2)
    #expect(counts.scalars() == [1, 2, 1, 2, 4, 2, 1, 2, 1])
  }

  @Test("an equation of ten operands, and one of three in its best order")
  func manyOperands() {
    let chain = (0..<10).map { sample([2, 2], seed: UInt64($0)) }
    let product = chain.dropFirst().reduce(chain[0]) { matmul($0, $1) }
    expectClose(einsum("ab,bc,cd,de,ef,fg,gh,hi,ij,jk->ak", chain), product)
    expectClose(
      einsum("ab,bc,cd->ad", chain[0], chain[1], chain[2]),
      matmul(matmul(chain[0], chain[1]), chain[2]))
    let vectors = (0..<3).map { sample([3], seed: UInt64($0)) }
    expectClose(einsum("i,i,i->", vectors), (vectors[0] * vectors[1] * vectors[2]).sum())
    expectClose(einsum("...", sample([2, 3])), sample([2, 3]))
    expectClose(einsum(",", Tensor(2), Tensor(3)), [6], shape: [])
  }

  @Test("an index out of range ends the process with its place and the user's line")
  func traps() async {
    let scatter = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([5]).scatterAdd(
        .zeros([2]), at: Tensor(integers: [1, 5]), along: 0)
    }
    expectWords(scatter, "scatterAdd: index 5 (element 1 of the indices) is not in 0 ..< 5")
    let add = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([5]).indexAdd(.zeros([2]), at: Tensor(integers: [-1, 4]), along: 0)
    }
    expectWords(add, "indexAdd: index -1 (element 0 of the indices) is not in 0 ..< 5")
    let hot = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = oneHot(Tensor(integers: [0, 3]), classes: 3)
    }
    expectWords(hot, "oneHot: index 3 (element 1 of the indices) is not in 0 ..< 3")
  }

  private func expectWords(_ result: ExitTest.Result?, _ words: String) {
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains(words), "\(text)")
    #expect(text.contains("ScatterValueTests.swift"))
  }
}
