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
}
