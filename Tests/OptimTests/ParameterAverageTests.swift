import TapestryGraph
import TapestryOptim
import TestSupport
import Testing

private struct Model: ParameterContainer {
  let weight = Parameter(Tensor([1, 2], dtype: .float64), name: "weight")
  let mean = Buffer(Tensor([5]), name: "mean")
  var namedParameters: [(name: String, parameter: Parameter)] { [("weight", weight)] }
  var namedBuffers: [(name: String, buffer: Buffer)] { [("mean", mean)] }
}

@Suite struct ParameterAverageTests {
  @Test("averages start as the parameters and follow them")
  func follows() {
    let model = Model()
    let average = ParameterAverage(model, decay: 0.75)
    model.weight.value = Tensor([3, 10], dtype: .float64)
    average.update()
    #expect(average.substituted { model.weight.scalars() } == [1.5, 4])
    average.update()
    #expect(average.substituted { model.weight.scalars() } == [1.875, 5.5])
    #expect(model.weight.scalars() == [3, 10])
    #expect(average.step == 2)
  }

  @Test("buffers are copied")
  func buffers() {
    let model = Model()
    let average = ParameterAverage(model, decay: 0.75)
    model.mean.value = Tensor([7])
    #expect(average.substituted { model.mean.scalars() } == [5])
    average.update()
    #expect(average.substituted { model.mean.scalars() } == [7])
  }

  @Test("an equal average is the mean of all updates, of buffers too, and continues from its state")
  func equal() throws {
    let model = Model()
    let average = ParameterAverage.equal(model)
    #expect(average.decay == nil)
    for (weight, mean) in [(3.0, 1.0), (5, 2), (10, 6)] {
      model.weight.value = Tensor([weight, .greatestFiniteMagnitude / 8], dtype: .float64)
      model.mean.value = Tensor([mean])
      average.update()
    }
    let values = average.substituted { model.weight.scalars() + model.mean.scalars() }
    #expect(abs(values[0] - 6) < 1e-12 && values[1] > 1e300 && abs(values[2] - 3) < 1e-6)
    let other = ParameterAverage.equal(model)
    try other.load(state: average.state)
    model.weight.value = Tensor([2, 0], dtype: .float64)
    average.update()
    other.update()
    #expect(average.state.map { $0.value.scalars() } == other.state.map { $0.value.scalars() })
    #expect(abs(other.substituted { model.weight.scalars()[0] } - 5) < 1e-12)
  }

  @Test("a saved average continues, and one that does not fit is refused")
  func state() throws {
    let model = Model()
    let first = ParameterAverage(model, decay: 0.5)
    model.weight.value = Tensor([3, 10], dtype: .float64)
    first.update()
    let second = ParameterAverage(model, decay: 0.5)
    try second.load(state: first.state)
    first.update()
    second.update()
    #expect(first.state.map(\.name) == ["step", "weight", "mean"])
    #expect(first.state.map { $0.value.scalars() } == second.state.map { $0.value.scalars() })
    let error = try #require(throws: OptimizerStateError.self) {
      try second.load(state: [("weight", Tensor([1, 2]))])
    }
    #expect(error.missing == ["step", "mean"])
    #expect(error.unfit == ["weight is [2] float32, but expected [2] float64"])
  }

  @Test("an element that is NaN is not taken in, and gives way to the first number")
  func notANumber() {
    for dtype in [DType.float32, .float64] {
      let weight = Parameter(Tensor([1, .nan, 3], dtype: dtype), name: "weight")
      let average = ParameterAverage([weight], decay: 0.5)
      weight.value = Tensor([.nan, .nan, 5], dtype: dtype)
      average.update()
      weight.value = Tensor([3, 8, .nan], dtype: dtype)
      average.update()
      let values = average.state.first { $0.name == "weight" }!.value.scalars()
      #expect(values == [2, 8, 4])
    }
  }
}
