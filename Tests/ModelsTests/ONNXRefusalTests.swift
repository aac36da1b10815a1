import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps
import Testing

@Suite("ONNX files that are refused")
struct ONNXRefusalTests {
  private func problems(
    _ nodes: [ONNX.Node], inputs: [String] = ["x"], outputs: [String] = ["y"],
    initializers: [(name: String, tensor: Tensor)] = [], version: Int = 17,
    change: (inout ONNX.Model) -> Void = { _ in }
  ) throws -> [String] {
    let bytes = try onnxFile(
      nodes, inputs: inputs, outputs: outputs, initializers: initializers, version: version,
      change: change)
    return onnxProblems { _ = try ONNXModel(bytes: bytes) }
  }

  private func link(_ operation: String, _ from: String, _ to: String) -> ONNX.Node {
    ONNX.Node(operation, name: "\(from)-\(to)", inputs: [from], outputs: [to])
  }

  @Test("every node whose operator is not supported is named")
  func operators() throws {
    var foreign = link("Relu", "a", "y")
    foreign.domain = "com.example"
    let unnamed = ONNX.Node("NonMaxSuppression", name: "", inputs: ["x"], outputs: ["a"])
    #expect(
      try problems([unnamed, foreign]) == [
        "node 0 (NonMaxSuppression): this operator is not supported",
        #"node "a-y" (Relu): the operators of the domain "com.example" are not supported"#,
      ])
    #expect(
      try problems([link("Relu", "x", "y")], version: 4) == [
        "was written for version 4 of the operators; those from 6 to 28 are supported"
      ])
  }

  @Test("cycles are found, of any length")
  func cycles() throws {
    #expect(
      try problems([link("Relu", "y", "y")]) == [
        #"there is a cycle: node "y-y" (Relu) wait for each other"#
      ])
    let count = 20_000
    let ring = (0..<count).map { link("Relu", "\($0)", $0 == count - 1 ? "0" : "\($0 + 1)") }
    let found = try problems(ring + [link("Relu", "x", "y")])
    #expect(found.count == 1 && found[0].contains("and 19995 more wait for each other"))
  }

  @Test("nodes in another order are sorted, and a long chain is computed")
  func order() throws {
    let count = 5_000
    let chain = (0..<count).map { index in
      link("Neg", index == 0 ? "x" : "\(index)", index == count - 1 ? "y" : "\(index + 1)")
    }
    for nodes in [chain, chain.reversed()] {
      let net = try ONNXModel(bytes: onnxFile(nodes))
      #expect(try net.outputs(for: ["x": Tensor([1, 2])])["y"]?.scalars() == [1, 2])
    }
  }

  @Test("values that are missing or made twice are named")
  func values() throws {
    #expect(
      try problems(
        [link("Relu", "nothing", "y"), link("Relu", "x", "y"), link("Relu", "x", "x")],
        outputs: ["y", "z"]) == [
          #"a result of node "x-y" (Relu) "y" has the name of another value"#,
          #"a result of node "x-x" (Relu) "x" has the name of another value"#,
          #"node "nothing-y" (Relu): reads "nothing", which is no input, initialiser or result"#,
          #"the output "z" is made by no node"#,
        ])
    for bytes in [[], [0x08, 0x08]] as [[UInt8]] {
      #expect(
        onnxProblems { _ = try ONNXModel(bytes: bytes) } == [
          "is not an ONNX model: there is no graph in it"
        ])
    }
    #expect(
      try problems([link("Relu", "x", "y")], change: { $0.opsets = [] }) == [
        "does not say which version of the standard operators it was written for"
      ])
    #expect(try problems([node("Add", ["x"])]) == [#"node "the node" (Add): has 1 inputs"#])
  }

  @Test("inputs and initialisers of types that tensors do not have are named")
  func types() throws {
    #expect(
      try problems([link("Relu", "x", "y")], change: { $0.graph?.inputs[0].type = .uint64 }) == [
        #"the input "x" has elements of type uint64"#
      ])
    #expect(
      try problems([link("Relu", "x", "y")], change: { $0.graph?.inputs[0].type = nil }) == [
        #"the input "x" is no tensor"#
      ])
  }

  @Test(
    "attributes and operands that make no sense are errors when the net runs",
    arguments: [
      (
        node("Conv", ["x", "w"], [ONNX.Attribute("strides", .integers([0, 1]))]), "from 1 to 2^16"
      ),
      (node("Conv", ["x", "w"], [ONNX.Attribute("pads", .integers([.max, 1, 1, 1]))]), "2^16"),
      (node("Conv", ["x", "w"], [ONNX.Attribute("strides", .text("a"))]), "not a list"),
      (node("Conv", ["x", "w"], [ONNX.Attribute("group", .integer(.min))]), "groups"),
      (node("Conv", ["x", "w"], [ONNX.Attribute("auto_pad", .text("?"))]), "auto_pad"),
      (node("Reshape", ["x", "huge"]), "at most 6"),
      (node("Expand", ["x", "huge"]), "too large"),
      (node("Tile", ["x", "repeats"]), "the repeats are"),
      (node("Pad", ["x", "repeats"]), "not two for each"),
      (node("ConstantOfShape", ["huge"]), "too large"),
      (node("Gather", ["x", "huge"]), "index 1099511627776 is not in"),
      (node("Transpose", ["x"], [ONNX.Attribute("perm", .integers([0, 0, 7, 1]))]), "axis"),
      (node("Softmax", ["x"], [ONNX.Attribute("axis", .integer(.min))]), "axis"),
      (node("Flatten", ["x"], [ONNX.Attribute("axis", .integer(.min))]), "axis"),
      (
        node("Concat", ["x", "w"], [ONNX.Attribute("axis", .integer(1))]), "only axis 1 may differ"
      ),
      (node("Slice", ["x", "huge", "huge", "w"]), "must hold whole numbers"),
      (node("Slice", ["x", "huge", "huge", "repeats", "zeros"]), "do not belong together"),
      (node("Split", ["x", "huge"]), "the sizes"),
      (node("Squeeze", ["x", "huge"]), "axis 1099511627776"),
      (node("LRN", ["x"], [ONNX.Attribute("size", .integer(.max))]), "size"),
      (node("MaxPool", ["x"], [ONNX.Attribute("kernel_shape", .integers([1 << 15, 1]))]), "fit"),
      (node("MaxPool"), "kernel_shape"),
      (node("Gemm", ["x", "w"]), "two matrices"),
      (node("MatMul", ["x", "w"]), "columns"),
      (node("Cast", ["x"], [ONNX.Attribute("to", .integer(99))]), "type 99"),
      (node("Dropout", ["x", "w"]), "must be one number"),
      (node("Reshape", ["x", "w"]), "must hold whole numbers"),
      (
        node(
          "ConvTranspose", ["x", "w"], [ONNX.Attribute("strides", .integers([1 << 16, 1 << 16]))]),
        "too large"
      ),
    ] as [(ONNX.Node, String)])
  func misuse(node: ONNX.Node, reason: String) throws {
    let initializers: [(name: String, tensor: Tensor)] = [
      ("w", .ones([3, 2, 2, 2])), ("huge", Tensor(integers: [1 << 40, 1 << 40])),
      ("repeats", Tensor(integers: [1, 2])), ("zeros", Tensor(integers: [0, 1])),
    ].filter { node.inputs.contains($0.0) }
    let net = try ONNXModel(
      bytes: onnxFile([node], initializers: initializers))
    var values: [String: Tensor] = [:]
    values["x"] = .ones([1, 3, 4, 4])
    let problems = onnxProblems { _ = try net.outputs(for: values) }
    #expect(problems.count == 1 && problems[0].contains(reason), "\(problems)")
  }

  @Test("what is only known when it is computed cannot be a size")
  func unknownSize() throws {
    let nodes = [
      ONNX.Node(
        "Cast", name: "cast", inputs: ["x"], outputs: ["size"],
        attributes: [ONNX.Attribute("to", .integer(7))]), node("Reshape", ["x", "size"]),
    ]
    let net = try ONNXModel(bytes: onnxFile(nodes))
    let problems = onnxProblems { _ = try net.outputs(for: ["x": Tensor([2])]) }
    #expect(problems[0].contains("input 1 must be a constant, or made from shapes"))
  }

  @Test(
    "damaged copies of real files are refused or run, and never end the process",
    arguments: 0..<4 as Range<UInt64>)
  func damaged(seed: UInt64) throws {
    let file = TemporaryFile()
    try DigitNet().exportONNX(to: file.path, input: [1, 32, 32])
    var random = SplitMix(state: seed)
    let pytorch = try pytorchFile()
    // The graph's end, behind the weights, is where changes tell.
    let ours = try file.bytes
    var (refused, ran) = (0, 0)
    for round in 0..<300 {
      var bytes = round % 8 == 0 ? ours : pytorch
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
        case 2: bytes.remove(at: place)
        default: bytes.insert(bytes[place], at: place)
        }
      }
      if round % 16 == 3 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
      do {
        let net = try ONNXModel(bytes: bytes)
        var feeds: [String: Tensor] = [:]
        for input in net.inputs {
          let sizes = (input.shape ?? [2, 1, 8, 8]).map { Swift.min($0 ?? 2, 64) }
          guard let shape = TensorShape(validating: sizes.map { Swift.max($0, 0) }),
            shape.elementCount < 100_000
          else { continue }
          feeds[input.name] = .zeros(shape, dtype: input.dtype)
        }
        _ = try net.outputs(for: feeds)
        ran += 1
      } catch is ONNXError {
        refused += 1
      } catch is ProtocolBufferError {
        refused += 1
      }
    }
    #expect(refused > 20 && ran > 20, "\(refused) refused, \(ran) ran")
  }
}

/// Steele, Lea and Flood 2014.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
