import Foundation
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps
import Testing

/// Files of few bytes that ask for much, or for what there is no number for. None may end the process.
@Suite("ONNX files that ask too much")
struct ONNXHostileTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../Fixtures/faults/onnx").standardized

  /// The error of a call of the net in a fixture with an input of the shape that it declares; nil for a result.
  private func refusal(_ name: String) throws -> ONNXError? {
    let path = Self.folder.appendingPathComponent("\(name).onnx").path
    let net = try ONNXModel(contentsOf: path)
    let input = try #require(net.inputs.first)
    let shape = (input.shape ?? []).map { $0 ?? 1 }
    do throws(ONNXError) {
      _ = try net.outputs(for: [input.name: Tensor.ones(TensorShape(shape))])
      return nil
    } catch {
      return error
    }
  }

  @Test(
    "memory and arithmetic are worked out and refused before anything is computed",
    .timeLimit(.minutes(1)))
  func bombs() throws {
    let start = ContinuousClock.now
    for name in ["bomb_outputs", "bomb_pool_time"] {
      let error = try #require(try refusal(name), "\(name)")
      let resources = try #require(error.resources, "\(error)")
      #expect(resources.needed.map { $0 > resources.limit } ?? true)
      #expect(error.description.contains("raise the limit with TAPESTRY_"), "\(error)")
    }
    let limits = ResourceLimits(memory: 1 << 28, arithmetic: 1_000_000_000)
    let chain = try withResourceLimits(limits) { () throws -> ONNXError? in
      try refusal("bomb_chain")
    }
    #expect(chain?.resources?.resource == .arithmetic)
    #expect(ContinuousClock.now - start < .seconds(10))
  }

  @Test("a stride beyond the image gives the one output of the first window")
  func stride() throws {
    #expect(try refusal("Conv_65536_4x4") == nil)
    let file = try onnxFile(
      [
        node(
          "Conv", ["x", "w"],
          [
            ONNX.Attribute("strides", .integers([65536, 3])),
            ONNX.Attribute("pads", .integers([1, 0, 1, 0])),
          ])
      ], initializers: [("w", Tensor.ones([1, 1, 2, 2]))])
    let x = Tensor((0..<16).map(Double.init), shape: [1, 1, 4, 4])
    let y = try ONNXModel(bytes: file).outputs(for: ["x": x])["y"]
    #expect(y?.scalars() == [0 + 1])
  }

  @Test("numbers outside their range are told, not trapped")
  func numbers() throws {
    #expect(
      try refusal("pad_int_min")?.description.contains("are not two for each of 4 axes") == true)
    #expect(
      try refusal("convtranspose_output_shape_short")?.description
        .contains("attribute \"output_shape\" is [12], but needs 2 sizes") == true)
    // Backwards over no distance: an empty range, as in NumPy.
    #expect(try refusal("range_minus_huge") == nil)
  }

  @Test(
    "extreme numbers in attributes and operands end with a result or an error",
    arguments: [Int.min, -1, 0, 1 << 16, 1 << 31, 1 << 40, .max])
  func extremes(number: Int) throws {
    let whole = Tensor(integers: [number, number, number, number])
    let one = Tensor(integers: [number])
    let single = Tensor(Double(number), dtype: .float32)
    let attributes = [
      "axis", "group", "num_groups", "size", "to", "blocksize", "start", "end", "p", "batch_dims",
    ].map { ONNX.Attribute($0, .integer(number)) }
    let lists = [
      "kernel_shape", "strides", "pads", "dilations", "axes", "output_shape", "perm",
      "output_padding",
    ]
    .map { ONNX.Attribute($0, .integers($0 == "pads" ? [number, 0, 0, number] : [number, 1])) }
    let operators = [
      "Concat", "Split", "Slice", "Pad", "Trilu", "Gather", "ArgMax", "Reshape", "Flatten",
      "Squeeze",
      "Unsqueeze", "Transpose", "Shape", "ConstantOfShape", "Range", "Expand", "Tile",
      "DepthToSpace",
      "SpaceToDepth", "Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool", "Softmax", "LRN",
      "GroupNormalization", "LayerNormalization", "ReduceSum", "ReduceMax", "Cast", "Dropout",
      "Clip", "LpNormalization",
      "GlobalLpPool", "Pow", "Mod",
    ]
    for operation in operators {
      for version in [9, 21] {
        for inputs in [
          ["x", "whole"], ["whole"], ["single", "single", "single"],
          ["x", "one", "one", "axis", "one"],
        ] {
          for attributes in version == 9 ? [attributes + lists] : [attributes + lists, []] {
            let bytes = try onnxFile(
              [node(operation, inputs, attributes)],
              initializers: [
                ("whole", whole), ("one", one), ("single", single), ("axis", Tensor(integers: [1])),
              ], version: version)
            do {
              let net = try ONNXModel(bytes: bytes)
              try withResourceLimits(ResourceLimits(memory: 1 << 22, arithmetic: 1 << 22)) {
                _ = try net.outputs(for: ["x": Tensor.ones([1, 4, 4, 4])])
              }
            } catch is ONNXError {}
          }
        }
      }
    }
  }

  @Test("a call as a model is estimated once, and refused with the user's line; smaller ones run")
  func estimate() throws {
    let file = try onnxFile(
      [node("Expand", ["x", "s"])], initializers: [("s", Tensor(integers: [1000, 1000]))])
    let net = try ONNXModel(bytes: file)
    let x = Tensor([1, 2], shape: [2, 1])
    #expect(throws: ONNXError.self) { try net.outputs(for: ["x": x]) }
    let scalar = Tensor([1], shape: [1])
    let estimate = try net.estimate(for: ["x": scalar])
    #expect(estimate.memory >= 4_000_000 && estimate.memory < 9_000_000)
    #expect(estimate.operations >= 1_000_000)
    #expect(estimate.description.contains("MiB of memory, "))
    #expect(net(scalar).shape == [1000, 1000])
    let error = withResourceLimits(ResourceLimits(memory: 4_000_000)) {
      #expect(throws: ONNXError.self) { try net.outputs(for: ["x": scalar]) }
    }
    #expect(error?.resources?.limit == 4_000_000)
  }

  @Test("sizes written as -1, and a name that is none, are unknown")
  func unknownSizes() throws {
    let file = try onnxFile([node("Relu")]) { model in
      model.graph?.inputs = [
        ONNX.ValueInfo(
          name: "x", type: .float,
          shape: [.size(-1), .symbol("?"), .symbol("?"), .symbol("")])
      ]
    }
    let net = try ONNXModel(bytes: file)
    #expect(net.inputs[0].shape == [nil, nil, nil, nil])
    let y = try net.outputs(for: ["x": Tensor.ones([2, 3, 4, 5])])["y"]
    #expect(y?.shape == [2, 3, 4, 5])
  }

  @Test("names of values are equal where their bytes are")
  func names() throws {
    let (composed, decomposed) = ("\u{E9}", "e\u{301}")
    let nodes = [
      ONNX.Node("Neg", name: "a", inputs: ["x"], outputs: [composed]),
      ONNX.Node("Exp", name: "b", inputs: ["x"], outputs: [decomposed]),
      ONNX.Node("Add", name: "c", inputs: [composed, decomposed], outputs: ["y"]),
    ]
    let net = try ONNXModel(bytes: onnxFile(nodes))
    #expect(try net.outputs(for: ["x": Tensor([0])])["y"]?.scalars() == [1])
  }
}
