import TapestryGraph
import Testing

@Suite("Tensors and shapes")
struct TensorTests {
  @Test("values come back as they went in, in every type")
  func roundTrip() {
    #expect(Tensor([1, 2.5, -3]).scalars() == [1, 2.5, -3])
    #expect(Tensor([[1, 2], [3, 4]]).shape == [2, 2])
    #expect(Tensor(integers: [3, -1]).integers() == [3, -1])
    #expect(Tensor(integers: [3, -1]).dtype == .int64)
    #expect(Tensor(scalars: [true, false, true]).scalars(as: Bool.self) == [true, false, true])
    #expect(Tensor(scalars: [1.5, 2.5] as [Float], shape: [2, 1]).shape == [2, 1])
    #expect(Tensor.range(4, from: 1, step: 0.5).scalars() == [1, 1.5, 2, 2.5])
    #expect(Tensor.full([2], 7, dtype: .int32).integers() == [7, 7])
    #expect(Tensor(0.1, dtype: .float64).item == 0.1)
    #expect(Tensor(0.1).item == Double(Float(0.1)))
    #expect(Tensor([Double]()).count == 0)
  }

  @Test("a shape of six axes, a scalar's, an empty one")
  func shapes() {
    let shape: TensorShape = [2, 3, 4, 5, 6, 7]
    #expect(shape.rank == 6 && shape.elementCount == 5040 && shape[5] == 7)
    #expect(TensorShape().elementCount == 1)
    #expect((TensorShape([0, 3])).elementCount == 0)
    #expect(TensorShape(validating: [1, 1, 1, 1, 1, 1, 1]) == nil)
    #expect(TensorShape(validating: [-1]) == nil)
    #expect(TensorShape(validating: [1 << 31]) == nil)
    #expect(TensorShape(validating: [1 << 30, 1 << 30]) == nil)
    #expect(TensorShape([2, 3]).description == "[2, 3]")
    #expect(TensorShape([2, 3]) != [2, 3, 1])
  }

  @Test(
    "broadcasting",
    arguments: [
      ([2, 3], [3], [2, 3]), ([2, 1], [1, 4], [2, 4]), ([], [5], [5]), ([0], [1], [0]),
      ([4, 1, 2], [3, 1], [4, 3, 2]),
    ])
  func broadcasting(_ a: [Int], _ b: [Int], _ expected: [Int]) {
    #expect(TensorShape.broadcast(TensorShape(a), TensorShape(b)) == TensorShape(expected))
    #expect(TensorShape.broadcast(TensorShape(b), TensorShape(a)) == TensorShape(expected))
  }

  @Test("shapes that do not broadcast")
  func notBroadcasting() {
    #expect(TensorShape.broadcast([2, 3], [2]) == nil)
    #expect(TensorShape.broadcast([0], [2]) == nil)
  }

  @Test("printing: whole numbers, columns, large tensors shortened")
  func printing() {
    #expect("\(Tensor([[4, 3, 4], [2, 4, 3]]))" == "[[4 3 4]\n [2 4 3]]")
    #expect("\(Tensor([0.5, -1.25]))" == "[  0.5 -1.25]")
    #expect("\(Tensor(2.5))" == "2.5")
    #expect("\(Tensor(integers: [1, 20]))" == "[ 1 20]")
    #expect("\(Tensor.range(100))".contains("..."))
    #expect("\(Tensor([Double]()))" == "[]")
    #expect("\(Tensor([Double.nan, 1]))".contains("nan"))
    #expect("\(Tensor.shape([2, 2]))" == "placeholder [2, 2] float32")
    #expect("\(Tensor([1e-9, 123456.789], dtype: .float64))".contains("e-9"))
  }

  @Test("non-finite values are found")
  func nonFinite() {
    #expect(Tensor([1, 2]).firstNonFinite == nil)
    #expect(Tensor([1, .infinity, .nan]).firstNonFinite == 1)
    #expect(Tensor(integers: [1]).firstNonFinite == nil)
  }
}
