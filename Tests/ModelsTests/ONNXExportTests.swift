import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps
import Testing

/// A net of ops whose forms need more than one node, or depend on shapes.
private struct Assorted: Model {
  let conv = Conv2d(3, 4, kernel: 3, stride: 2, padding: .same)
  let pool = MaxPool2d(3, stride: 2, padding: 1, ceilMode: true)
  let average = AveragePool2d(2, stride: 2, padding: 1, ceilMode: true, countingPadding: false)
  let linear = Linear(36, 5)
  let mean = Buffer(Tensor([0.1, -0.2, 0.3, 0.4]))
  let variance = Buffer(Tensor([0.5, 1, 1.5, 2]))
  let scale = Parameter(Tensor([1, 2, 3, 4]))

  func callAsFunction(_ input: Tensor) -> Tensor {
    var x = conv(input)
    x = batchNorm(x, runningMean: mean, runningVariance: variance, scale: scale)
    x = localResponseNormalization(gelu(x), size: 4, alpha: 0.1) * 2 - 0.5
    x =
      groupNorm(pool(x), groups: 2) + 1
      / (square(x).mean(along: 2, 3, keepingDimensions: true) + 3)
      .broadcast(to: [x.shape[0], 4, 5, 5])
    x = sumPool2d(clip(x, min: -2, max: 2), window: 2, stride: 1, padding: 1)
    x = average(concatenate([x, -x], along: 1)).sliced(1..<5, along: 1)
    let parts = x.padded([(0, 0), (0, 0), (1, 0), (0, 1)]).split([1, 3], along: 1)
    x = concatenate([parts[1], leakyRelu(parts[0])], along: 1).transposed(0, 2, 3, 1)
    x = layerNorm(x.flipped(along: 1), normalizedShape: [4])
    x = adaptiveAveragePool2d(x.transposed(0, 3, 1, 2), outputSize: 3).flattened(from: 1)
    let variance = x.variance(along: 1, keepingDimensions: true)
    return logSoftmax(
      linear(x / sqrt(variance + 1)) + log1p(exp(x.max(along: 1, keepingDimensions: true))))
  }
}

@Suite("ONNX export")
struct ONNXExportTests {
  private func roundTrip(
    _ net: some Model, _ shape: TensorShape, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let file = TemporaryFile()
    try net.exportONNX(to: file.path, input: TensorShape(shape.dropFirst()))
    let read = try ONNXModel(contentsOf: file.path)
    #expect(read.inputs.map(\.name) == ["input"], sourceLocation: sourceLocation)
    #expect(read.inputs[0].shape?[0] == nil, sourceLocation: sourceLocation)
    #expect(
      Set(read.namedParameters.map(\.name)).isSuperset(of: net.namedParameters.map(\.name)),
      sourceLocation: sourceLocation)
    for batch in [shape[0], shape[0] + 3] {
      var shape = shape
      shape[0] = batch
      let images = Tensor.normal(shape)
      let expected = inference { net(images) }
      let results = try read.outputs(for: ["input": images])
      let actual = try #require(results["output"])
      #expect(relativeDifference(actual, expected) < 1e-5, sourceLocation: sourceLocation)
      #expect(
        relativeDifference(inference { read(images) }, expected) < 1e-5,
        sourceLocation: sourceLocation)
    }
  }

  @Test("what is exported and read again gives the same logits, for any batch")
  func nets() throws {
    try roundTrip(LeNet5(), [1, 1, 32, 32])
    try roundTrip(DigitNet(), [2, 1, 32, 32])
    try roundTrip(Assorted(), [2, 3, 17, 17])
  }

  @Test(
    "files name weights as state files do and nodes by their layers, and state the operator set")
  func names() throws {
    let net = LeNet5()
    let file = TemporaryFile()
    try net.exportONNX(to: file.path, input: [1, 32, 32], metadata: ["b": "2", "a": "1"])
    let model = try ONNXFile(path: file.path).model
    let graph = try #require(model.graph)
    #expect(model.opsets.map(\.version) == [17] && model.opsets.map(\.domain) == [""])
    #expect(model.metadata.map(\.key) == ["a", "b"])
    #expect(graph.initializers.map(\.name) == net.state.map(\.name))
    #expect(
      graph.nodes.map(\.name) == [
        "c1", "tanh1", "s2", "c3", "tanh3", "s4", "c5", "tanh5", "reshape", "f6", "tanh6",
        "output",
      ])
    #expect(
      graph.nodes.map(\.operation) == [
        "Conv", "Tanh", "AveragePool", "Conv", "Tanh", "AveragePool", "Conv", "Tanh", "Flatten",
        "Gemm", "Tanh", "Gemm",
      ])
    #expect(graph.name == "LeNet5")
    #expect(graph.inputs.map(\.shape) == [[.symbol("N"), .size(1), .size(32), .size(32)]])
    #expect(graph.outputs.map(\.shape) == [[.symbol("N"), .size(10)]])
    try net.exportONNX(to: file.path, input: [1, 32, 32], batch: 4)
    let fixed = try #require(ONNXFile(path: file.path).model.graph)
    #expect(fixed.outputs.map(\.shape) == [[.size(4), .size(10)]])
  }

  @Test("batch normalisation is one node with the running statistics, and dropout is none")
  func layers() throws {
    struct Net: Model {
      let mean = Buffer(Tensor([1, 2]))
      let variance = Buffer(Tensor([3, 4]))
      func callAsFunction(_ input: Tensor) -> Tensor {
        dropout(batchNorm(input, runningMean: mean, runningVariance: variance, epsilon: 0.25))
      }
    }
    let file = TemporaryFile()
    try Net().exportONNX(to: file.path, input: [2, 3, 3])
    let graph = try #require(ONNXFile(path: file.path).model.graph)
    #expect(graph.nodes.map(\.operation) == ["BatchNormalization"])
    #expect(graph.nodes[0].attributes == [ONNX.Attribute("epsilon", .float(0.25))])
    #expect(Array(graph.nodes[0].inputs.suffix(2)) == ["mean", "variance"])
  }

  @Test("a result that is the input, or a weight, still comes out")
  func identity() throws {
    struct Same: Model {
      func callAsFunction(_ input: Tensor) -> Tensor { dropout(input) }
    }
    try roundTrip(Same(), [2, 3])
  }

  private struct Cube: TensorOperation {
    func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { [inputs[0].spec] }
    func forward(_ inputs: borrowing Tensors) -> Tensors { [inputs[0]] }
    func backward(_ node: borrowing Differential) -> Tensors { [node.cotangent] }
  }

  @Test("ops without a form are listed with layer and line, and the old file stays")
  func unsupported() throws {
    struct Net: Model {
      let norm = Parameter(.ones([1]))
      func callAsFunction(_ input: Tensor) -> Tensor {
        let x = apply(Cube(), to: [input], file: "App/Net.swift", line: 12)[0]
        return apply(Cube(), to: [x], file: "App/Net.swift", line: 13)[0]
      }
    }
    let file = TemporaryFile()
    try AtomicFile.write("old", to: file.path)
    let problems = onnxProblems { try Net().exportONNX(to: file.path, input: [2]) }
    #expect(
      problems == [
        "cube at Net.swift:12: ONNX has no operator for it, or none that is known here",
        "cube at Net.swift:13: ONNX has no operator for it, or none that is known here",
      ])
    #expect(try file.bytes == Array("old".utf8))
  }

  @Test("a net that depends on the number of samples is exported for a fixed one only")
  func batches() throws {
    struct Net: Model {
      func callAsFunction(_ input: Tensor) -> Tensor { input / Double(input.shape[0]) }
    }
    let file = TemporaryFile()
    let problems = onnxProblems { try Net().exportONNX(to: file.path, input: [2]) }
    #expect(problems.count == 1 && problems[0].contains("depends on the number of samples"))
    try Net().exportONNX(to: file.path, input: [2], batch: 4)
    let y = try ONNXModel(contentsOf: file.path).outputs(for: ["input": .ones([4, 2])])
    #expect(y["output"]?.scalars() == [Double](repeating: 0.25, count: 8))
    #expect(throws: InputMismatch.self) {
      try LeNet5().exportONNX(to: file.path, input: [1, 8, 8])
    }
  }
}
