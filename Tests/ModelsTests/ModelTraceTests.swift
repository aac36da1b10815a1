import TapestryGraph
import TapestryModels
import TapestryOps
import Testing

@Suite("Model traces")
struct ModelTraceTests {
  /// Two results and a constant; an op outside any layer.
  private struct Forked: Model {
    let first = Linear(4, 3)
    let second = Linear(3, 2)
    func callAsFunction(_ input: Tensor) -> Tensor { both(input)[0] }
    func both(_ input: Tensor) -> [Tensor] {
      let hidden = first(input) + Tensor([1, 2, 3])
      return [second(hidden), hidden]
    }
  }

  @Test("steps come in order with names, layers, shapes and costs")
  func steps() throws {
    let net = LeNet5()
    let trace = try net.trace(for: [2, 1, 32, 32])
    #expect(
      trace.steps.map(\.layer) == [
        "c1", "tanh1", "s2", "c3", "tanh3", "s4", "c5", "tanh5", nil, "f6", "tanh6", "output",
      ])
    #expect(trace.steps[0].name == "conv2d")
    #expect(trace.outputShape(of: trace.steps[0]) == [2, 6, 28, 28])
    #expect(trace.cost.multiplyAccumulates == 2 * 416_520)
    #expect(trace.values[trace.outputs[0]].source == .step(11, output: 0))
    #expect(trace.values[trace.input].spec == TensorSpec([2, 1, 32, 32], .float32))
  }

  @Test(
    "operands are known by the names of parameters, as constants, or by the step that made them")
  func sources() throws {
    let trace = try Forked().named().trace(for: [5, 4])
    let sources = trace.steps.map { $0.inputs.map { trace.values[$0].source } }
    #expect(
      sources == [
        [.input, .parameter("first.weight"), .parameter("first.bias")],
        [.step(0, output: 0), .constant],
        [.step(1, output: 0), .parameter("second.weight"), .parameter("second.bias")],
      ])
    #expect(trace.readers(of: trace.steps[0].outputs[0]) == [1])
  }

  @Test("a body of one's own can have several results")
  func severalResults() throws {
    let net = Forked()
    let trace = try net.trace(for: [5, 4], running: { net.both($0) })
    #expect(
      trace.outputs.map { trace.values[$0].source } == [.step(2, output: 0), .step(1, output: 0)])
  }

  @Test("layers behave as in inference unless training is asked for")
  func modes() throws {
    struct Dropping: Model {
      func callAsFunction(_ input: Tensor) -> Tensor { relu(dropout(input)) }
    }
    #expect(try Dropping().trace(for: [3]).steps.map(\.name) == ["relu"])
    #expect(
      try Dropping().trace(for: [3], training: true).steps.map(\.name) == ["dropout", "relu"])
  }

  @Test("an input that does not fit names the layer and the smallest size")
  func mismatch() throws {
    let error = #expect(throws: InputMismatch.self) { try DigitNet().trace(for: [1, 1, 20, 20]) }
    #expect(error?.smallestSize == 32)
    #expect(error?.description.contains("fc1") == true)
  }
}
