import TapestryGraph
import TapestryOps
import TestSupport
import Testing

@Suite struct RearrangementEdges {
  @Test("empty tensors in every rearrangement")
  func empty() {
    let x = Tensor.zeros([2, 0, 3])
    #expect(x.reshaped(to: [0]).shape == [0])
    #expect(x.reshaped(to: [2, 3, -1]).shape == [2, 3, 0])
    #expect(x.transposed(2, 0, 1).shape == [3, 2, 0])
    #expect(x.flipped().shape == [2, 0, 3])
    #expect(x.flattened(from: 1).shape == [2, 0])
    #expect(x.broadcast(to: [4, 2, 0, 3]).shape == [4, 2, 0, 3])
    #expect(
      concatenate([x, .ones([2, 1, 3])], along: 1).scalars() == Array(repeating: 1, count: 6))
    #expect(x.sliced(0..<0, along: 1).shape == [2, 0, 3])
    #expect(x.padded([(0, 0), (1, 0), (0, 0)], value: 2).sum().item == 12)
    #expect(x.gathered(Tensor(integers: []), along: 0).shape == [0, 0, 3])
    #expect(x.split([0, 0], along: 1).map(\.shape) == [[2, 0, 3], [2, 0, 3]])
    let leaf = x.tracked()
    let gradient = leaf.padded([(0, 0), (1, 0), (0, 0)]).sum().gradients()[leaf]!
    #expect(gradient.shape == [2, 0, 3])
  }

  @Test("a reshape shares the memory")
  func sharing() {
    let x = Tensor([1, 2, 3, 4])
    let y = x.reshaped(to: [2, 2])
    #expect(x.readingMemory { a in y.readingMemory { b in a == b } })
    #expect(y.reshaped(to: x.shape).shape == [4])
    #expect(Tensor(3).flattened().shape == [1])
  }

  @Test("all element types rearrange")
  func types() {
    for dtype in DType.allCases {
      let x = Tensor([[0, 1], [1, 1]], dtype: dtype)
      #expect(x.transposed().scalars() == [0, 1, 1, 1])
      #expect(concatenate([x, x.flipped()], along: 1).scalars() == [0, 1, 1, 1, 1, 1, 1, 0])
      #expect(x.padded([(1, 0), (0, 0)], value: 1).scalars() == [1, 1, 0, 1, 1, 1])
      #expect(x.gathered(Tensor(integers: [1, 0, 0]), along: 0).scalars() == [1, 1, 0, 1, 0, 1])
    }
  }

  @Test("indices that repeat add up their gradients")
  func repeatedIndices() {
    let x = Tensor([[1, 2], [3, 4]], dtype: .float64).tracked()
    let rows = x.gathered(Tensor(integers: [0, 0, 0]), along: 0).sum().gradients()[x]!
    expectClose(rows, [3, 3, 0, 0], shape: [2, 2])
    let taken = x.takenAlongAxis(Tensor(integers: [1, 1, 0, 0], shape: [2, 2]), axis: 1)
    expectClose(taken, [2, 2, 3, 3], shape: [2, 2])
    expectClose(taken.sum().gradients()[x]!, [0, 2, 2, 0], shape: [2, 2])
  }

  @Test("an index out of range ends the process with its value and the user's line")
  func indexOutOfRange() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor([1, 2]).gathered(Tensor(integers: [0, 2]), along: 0)
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("gather: index 2 (element 1 of the indices) is not in 0 ..< 2"))
    #expect(text.contains("RearrangementTests.swift"))
    await #expect(processExitsWith: .failure) {
      _ = Tensor([[1, 2]]).takenAlongAxis(Tensor(integers: [-1], shape: [1, 1]), axis: 1)
    }
  }

  @Test("a broken rule outside a dry run ends the process with its text and the user's line")
  func trap() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor([1, 2]).reshaped(to: [3])
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("reshape: [2] has 2 elements, but [3] has 3"))
    #expect(text.contains("RearrangementTests.swift"))
  }

  @Test("a rearranged parameter is differentiated like any tensor")
  func parameter() {
    let weight = Parameter(Tensor([[1, 2], [3, 4]]))
    let y = concatenate([weight, weight.transposed()], along: 0).sliced(1..<3, along: 0)
    expectClose(y, [3, 4, 1, 3], shape: [2, 2])
    expectClose(y.sum().gradients()[weight]!, [1, 0, 2, 1], shape: [2, 2])
  }
}
