import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps
import Testing

@Suite("ONNX models")
struct ONNXModelTests {
  /// The input that the fixture's values belong to.
  private let images = Tensor.range(128, from: -1, step: 1 / 64).reshaped(to: [2, 1, 8, 8])
  private let expected = Tensor([
    [0.069_603_145, 0.122_529_984, -0.119_670_182], [0.026_468_426, 0.312_658_668, -0.193_542_376],
  ])

  @Test("a net that PyTorch exported gives PyTorch's results")
  func pytorch() throws {
    let net = try ONNXModel(bytes: pytorchFile())
    #expect(net.inputs.map(\.name) == ["input"] && net.inputs[0].dtype == .float32)
    #expect(net.inputs[0].shape == [nil, 1, 8, 8])
    #expect(net.outputs == ["output"])
    let results = try net.outputs(for: ["input": images])
    #expect(relativeDifference(try #require(results["output"]), expected) < 1e-5)
    #expect(relativeDifference(inference { net(images) }, expected) < 1e-5)
    #expect(try net.outputShape(for: [5, 1, 8, 8]) == [5, 3])
  }

  @Test("weights are parameters, running statistics buffers, nodes layers; gradients reach them")
  func training() throws {
    let net = try ONNXModel(bytes: pytorchFile())
    #expect(
      net.namedParameters.map(\.name) == [
        "conv.weight", "conv.bias", "bn.weight", "bn.bias", "fc.weight", "fc.bias",
      ])
    #expect(net.namedBuffers.map(\.name) == ["bn.running_mean", "bn.running_var"])
    #expect(net.members.layers.map(\.name).first == "/conv/Conv")
    let before = net.namedBuffers[0].buffer.scalars()
    let loss = square(net(images)).sum()
    let gradients = loss.gradients()
    for (name, parameter) in net.namedParameters {
      #expect(gradients[parameter]?.shape == parameter.shape, "\(name)")
    }
    #expect(net.namedBuffers[0].buffer.scalars() != before)
  }

  @Test("the net can be checked in float64, traced and exported again")
  func model() throws {
    let net = try ONNXModel(bytes: pytorchFile())
    let wide = net.namedParameters.map {
      ($0.parameter as Tensor, $0.parameter.converted(to: .float64))
    }
    let buffers = net.namedBuffers.map { ($0.buffer as Tensor, $0.buffer.converted(to: .float64)) }
    let y = substituting(wide + buffers) { inference { net(images.converted(to: .float64)) } }
    #expect(y.dtype == .float64)
    #expect(relativeDifference(y.converted(to: .float32), expected) < 1e-5)
    let file = TemporaryFile()
    try net.exportONNX(to: file.path, input: [1, 8, 8])
    let again = try ONNXModel(contentsOf: file.path).outputs(for: ["input": images])
    #expect(relativeDifference(try #require(again["output"]), expected) < 1e-5)
  }

  @Test("inputs that do not fit are listed")
  func inputs() throws {
    let net = try ONNXModel(bytes: pytorchFile(), source: "net.onnx")
    #expect(
      onnxProblems { _ = try net.outputs(for: ["image": images]) } == [
        #"the input "input" is missing"#, #"there is no input "image""#,
      ])
    #expect(
      onnxProblems {
        _ = try net.outputs(for: ["input": .zeros([2, 1, 9, 8], dtype: .float64)])
      } == [
        #"the input "input" is float64, but must be float32"#,
        #"the input "input" has the shape [2, 1, 9, 8], but must have [N, 1, 8, 8]"#,
      ])
  }

  @Test("a shape that does not fit inside is an error that names the node")
  func shapes() throws {
    let weight = Tensor.zeros([4, 3, 3, 3])
    let net = try ONNXModel(
      bytes: onnxFile([node("Conv", ["x", "w"])], initializers: [("w", weight)]))
    let problems = onnxProblems { _ = try net.outputs(for: ["x": .zeros([1, 2, 8, 8])]) }
    #expect(problems.count == 1)
    #expect(
      problems[0].contains(
        #"node "the node": conv2d: input has 2 channels, but the filters expect 3 (groups 1)"#))
    #expect(throws: InputMismatch.self) { try net.outputShape(for: [1, 2, 8, 8]) }
    let flat = onnxProblems { _ = try net.outputs(for: ["x": .zeros([1, 3])]) }
    #expect(
      flat == [
        #"node "the node" (Conv): the input has shape [1, 3], the filters [4, 3, 3, 3]"#
      ])
  }

  @Test(
    "operators hold in the versions that changed them",
    arguments: [
      (7, [ONNX.Attribute("axes", .integers([0]))], nil), (13, [], [0]),
    ] as [(Int, [ONNX.Attribute], [Int]?)])
  func versions(version: Int, attributes: [ONNX.Attribute], operand: [Int]?) throws {
    let axes = operand.map { [(name: "axes", tensor: Tensor(integers: $0))] } ?? []
    let net = try ONNXModel(
      bytes: onnxFile(
        [node("Squeeze", ["x"] + axes.map(\.name), attributes)], initializers: axes,
        version: version))
    let y = try net.outputs(for: ["x": .ones([1, 2, 1])])
    #expect(y["y"]?.shape == [2, 1])
  }

  @Test("softmax was over all axes from one on until version 12, and over one since")
  func softmaxVersions() throws {
    let x = Tensor([0, 1, 2, 3], shape: [1, 2, 2])
    for (version, expected) in [
      (12, softmax(x.reshaped(to: [1, 4])).reshaped(to: [1, 2, 2])), (13, softmax(x, axis: 2)),
    ] {
      let net = try ONNXModel(bytes: onnxFile([node("Softmax")], version: version))
      #expect(try net.outputs(for: ["x": x])["y"]?.scalars() == expected.scalars())
    }
  }

  @Test("half-precision weights are computed in float32")
  func halfPrecision() throws {
    let half = ONNX.Tensor(
      name: "", dimensions: [4], type: .float16,
      content: .memory([0x00, 0x3C, 0x00, 0xC0, 0x01, 0x00, 0x00, 0x7C]))
    let brain = ONNX.Tensor(
      name: "", dimensions: [2], type: .bfloat16, content: .memory([0x80, 0x3F, 0x20, 0xC1]))
    for (tensor, values) in [(half, [1, -2, 0x1p-24, .infinity]), (brain, [1, -10])] {
      let nodes = [
        ONNX.Node(
          "Constant", name: "", inputs: [], outputs: ["y"],
          attributes: [ONNX.Attribute("value", .tensor(tensor))])
      ]
      let net = try ONNXModel(bytes: onnxFile(nodes, inputs: []))
      let y = try net.outputs(for: [:])["y"]
      #expect(y?.dtype == .float32)
      #expect(y?.scalars() == values)
    }
  }
}
