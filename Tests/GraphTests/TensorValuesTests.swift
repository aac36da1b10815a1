import TapestryGraph
import TapestryOps
import Testing

@Suite("Tensors of Swift values, and back")
struct TensorValuesTests {
  @Test("variables keep their element type, lists that are written out are float32")
  func types() {
    let (floats, doubles, ints): ([Float], [Double], [Int]) = ([1, 2.5], [1, 2.5], [1, .max])
    #expect(Tensor(floats).spec == TensorSpec([2], .float32))
    #expect(Tensor(doubles).spec == TensorSpec([2], .float32))
    #expect(Tensor(ints).spec == TensorSpec([2], .int64))
    #expect(Tensor(ints).integers() == ints)
    #expect(Tensor([1, 2, 3]).spec == TensorSpec([3], .float32))
    #expect(Tensor([[1, 2], [3, 4]]).spec == TensorSpec([2, 2], .float32))
    #expect(Tensor([Int32(7)]).dtype == .int32)
    #expect(Tensor(ints[0]).spec == TensorSpec([], .int64))
    #expect(Tensor([[true], [false]]).spec == TensorSpec([2, 1], .bool))
    #expect(Tensor(floats, dtype: .float64).scalars() == [1, 2.5])
    #expect(Tensor([[Float]]()).shape == [0, 0])
    #expect(Tensor([[[Float]]](repeating: [], count: 2)).shape == [2, 0, 0])
  }

  @Test("nested arrays both ways")
  func nested() {
    let values: [[[Int]]] = [[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]]
    let x = Tensor(values)
    #expect(x.shape == [2, 2, 3])
    #expect(x.array(of: [[Int]].self) == values)
    #expect(x.array(of: [[Float]].self)[1][0] == [7, 8, 9])
    #expect(x.array(of: Double.self) == x.scalars())
    #expect(Tensor.zeros([0, 3]).array(of: [Float].self) == [])
    #expect(Tensor.zeros([2, 0]).array(of: [Float].self) == [[], []])
  }

  @Test("arrays of different lengths and depths end with words and the user's line")
  func ragged() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let rows: [[[Float]]] = [[[1, 2], [3, 4]], [[5, 6], [7]]]
      _ = Tensor(rows)
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(
      text.contains("the arrays differ in length: [1][1] has 1 values, but [0][0] has 2"), "\(text)"
    )
    #expect(text.contains("TensorValuesTests.swift:\(#line - 8)"), "\(text)")
    let depth = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor([1, 2]).array(of: [Float].self)
    }
    let second = String(decoding: depth?.standardErrorContent ?? [], as: UTF8.self)
    #expect(second.contains("has 1 axes, but Array<Array<Float>> has 2"), "\(second)")
  }

  @Test("printing: whole numbers as they are, and only what is shown is looked at")
  func printing() {
    #expect(
      "\(Tensor(integers: [.max, .min, 9_007_199_254_740_993]))"
        == "[ 9223372036854775807 -9223372036854775808     9007199254740993]")
    #expect("\(Tensor(integers: [.max], shape: []))" == "9223372036854775807")
    #expect("\(Tensor([true, false]))" == "[ true false]")
    #expect("\(Tensor.zeros([2, 0]))" == "[[]\n []]")
    #expect("\(Tensor.range(12))" == "[ 0  1  2  3 ...  8  9 10 11]")
    let matrix = Tensor.range(24).reshaped(to: [12, 2])
    #expect("\(matrix)".hasPrefix("[[ 0  1]\n [ 2  3]"))
    #expect("\(matrix)".contains("[ 6  7]\n ...\n [16 17]"))
    let large = Tensor.full([37, 1_000_000], 0.5)
    let time = ContinuousClock().measure { #expect("\(large)".contains("0.5 ... 0.5")) }
    #expect(time < .seconds(2))
  }
}
