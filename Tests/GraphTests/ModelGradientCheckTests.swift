import TapestryGraph
import Testing

/// Two float32 parameters, and a buffer that counts calls.
private struct SmallModel: ParameterContainer {
  let weight = Parameter(Tensor([0.5, -0.25, 2]), name: "weight")
  let gain = Parameter(Tensor([1, 2, 3]), name: "gain")
  let calls = Buffer(Tensor([0]), name: "calls")
  var isBroken = false

  var namedParameters: [(name: String, parameter: Parameter)] {
    [("layer.weight", weight), ("layer.gain", gain)]
  }
  var namedBuffers: [(name: String, buffer: Buffer)] { [("layer.calls", calls)] }

  func callAsFunction(_ x: Tensor) -> Tensor {
    calls.value = mapped(calls.value) { $0 + 1 }
    let gain = isBroken ? apply(Scale(factor: 1, claimedFactor: 2), to: [gain])[0] : gain
    return times(sine(times(x, weight)), gain)
  }
}

@Suite struct ModelGradientCheckTests {
  private let input = Tensor([0.1, 0.9, -0.4], dtype: .float64)

  @Test("a float32 model is checked in float64 and comes out untouched", arguments: [1, 2])
  func passes(order: Int) {
    let model = SmallModel()
    let report = checkGradients(ofParametersIn: model, at: [input], options: .init(order: order)) {
      model($0[0])
    }
    #expect(report.passed, "\(report)")
    #expect(report.checked == (order == 1 ? 27 : 54))
    #expect(model.weight.dtype == .float32)
    #expect(model.weight.value.scalars() == [0.5, -0.25, 2])
    #expect(model.calls.value.scalars() == [0])
    #expect(model.calls.dtype == .float32)
  }

  @Test("a fault in a model names the parameter and the op")
  func fails() {
    let model = SmallModel(isBroken: true)
    let report = checkGradients(ofParametersIn: model, at: [input]) { model($0[0]) }
    #expect(!report.passed)
    #expect(report.failures.allSatisfy { $0.input == "layer.gain" })
    #expect(report.fault?.operation == "scale")
    #expect(report.fault?.site.description == "ModelGradientCheckTests.swift:18")
  }

  @Test("a model is checked by its parameters alone")
  func parametersAlone() {
    let model = SmallModel()
    let constant = input
    let report = checkGradients(ofParametersIn: model) { _ in model(constant) }
    #expect(report.passed, "\(report)")
    #expect(report.checked == 18)
  }
}
