import TapestryFiles
import TestSupport
import Testing

@Suite("convnet export, run and verify")
struct ONNXCommandTests {
  /// An input of zeros and ones for the nets of the digits.
  private func writeImages(to path: String, _ shape: [Int] = [2, 1, 32, 32]) throws {
    let count = shape.reduce(1, *)
    let pixels = (0..<count).map { Float($0 % 7 == 0 ? 1 : 0) }
    try SafetensorsFile.write(
      [SafetensorsItem(name: "images", shape: shape, elements: pixels)], to: path)
  }

  private func numbers(_ path: String) throws -> [Float] {
    let file = try SafetensorsFile(path: path)
    let entry = try #require(file.entries.first)
    return try #require(file.elements(of: entry))
  }

  @Test("a trained net gives the same results from its weights and from its ONNX file")
  func exportAndRun() throws {
    let scratch = try Scratch()
    let data = try SmallData().write(to: scratch)
    let training = Session([
      "train", "--data", data, "--epochs", "1", "--output", scratch("out"), "--json",
    ])
    try #require(training.exitCode == 0)
    let weights = scratch("out/weights.safetensors")
    let export = Session(["export", "--weights", weights, "--onnx", scratch("net.onnx")])
    #expect(export.exitCode == 0, "\(export.errors)")
    #expect(export.output.contains("for images [N, 1, 32, 32] written to"))
    #expect(try ONNXFile(path: scratch("net.onnx")).model.metadata.contains { $0.key == "model" })
    try writeImages(to: scratch("images.safetensors"))
    for source in [["--weights", weights], ["--onnx", scratch("net.onnx")]] {
      let run = Session(
        ["run"] + source + [
          "--input", scratch("images.safetensors"), "--output", scratch("\(source[0]).safetensors"),
        ])
      #expect(run.exitCode == 0, "\(run.errors)")
      #expect(run.lines == ["output [2, 10] float32"])
    }
    let (ours, exported) = (
      try numbers(scratch("--weights.safetensors")), try numbers(scratch("--onnx.safetensors"))
    )
    #expect(ours.count == 20)
    for (a, b) in zip(ours, exported) { #expect(abs(a - b) < 1e-5) }
  }

  @Test("a model without weights is exported with fresh ones, for a fixed batch too")
  func freshModel() throws {
    let scratch = try Scratch()
    let session = Session([
      "export", "--model", "digitnet", "--batch", "3", "--onnx", scratch("net.onnx"),
    ])
    #expect(session.exitCode == 0, "\(session.errors)")
    #expect(session.output.contains("[3, 1, 32, 32]"))
    let small = Session([
      "export", "--model", "digitnet", "--input", "1,8,8", "--onnx", scratch("small.onnx"),
    ])
    #expect(small.exitCode == 1)
    #expect(small.complaint.contains("smallest square image"))
    #expect(scratch.names == ["net.onnx"])
    let state = Session([
      "export", "--model", "digitnet", "--classes", "3", "--safetensors",
      scratch("net.safetensors"),
    ])
    #expect(state.exitCode == 0, "\(state.errors)")
    let file = try SafetensorsFile(path: scratch("net.safetensors"))
    #expect(file.metadata["model"] == "digitnet" && file.metadata["classes"] == "3")
    #expect(file["fc3.weight"]?.shape == [3, 100])
  }

  @Test("what cannot be exported or run is said, and nothing is written")
  func refusals() throws {
    let scratch = try Scratch()
    try writeImages(to: scratch("images.safetensors"))
    let net = scratch("net.onnx")
    _ = try scratch.file("bad.onnx", [0x08, 0x80])
    #expect(Session(["export", "--model", "lenet5", "--onnx", net]).exitCode == 0)
    let common = ["--input", scratch("images.safetensors"), "--output", scratch("out.safetensors")]
    for (words, code, text) in [
      (["export", "--onnx", net], Int32(2), "'--weights' or a model with '--model'"),
      (["export", "--model", "lenet5"], 2, "say what to write"),
      (["run"] + common, 2, "either with '--onnx' or with '--weights'"),
      (["run", "--onnx", scratch("bad.onnx")] + common, 1, "is not an ONNX file"),
      (["run", "--onnx", scratch("none.onnx")] + common, 1, "check the path"),
      (
        ["run", "--onnx", net, "--input", net, "--output", scratch("out.safetensors")], 1,
        "safetensors"
      ),
    ] {
      let session = Session(words)
      #expect(session.exitCode == code, "\(words)")
      #expect(session.complaint.contains(text), "\(session.complaint)")
    }
    try writeImages(to: scratch("images.safetensors"), [1, 3, 32, 32])
    let wrong = Session(["run", "--onnx", net] + common)
    #expect(wrong.exitCode == 1)
    #expect(wrong.complaint.contains("but must have [N, 1, 32, 32]"))
    #expect(!scratch.names.contains("out.safetensors"))
  }

  /// A folder with a model of one node and test data for it.
  private func writeCase(
    _ scratch: Scratch, _ name: String, operation: String, output: [Float]
  ) throws {
    let folder = scratch.folder(name)
    var model = ONNX.Model()
    model.opsets = [("", 17)]
    var graph = ONNX.Graph()
    graph.nodes = [ONNX.Node(operation, name: "n", inputs: ["x"], outputs: ["y"])]
    graph.inputs = [ONNX.ValueInfo(name: "x", type: .float, shape: [.size(2)])]
    graph.outputs = [ONNX.ValueInfo(name: "y", type: .float, shape: [.size(2)])]
    model.graph = graph
    try ONNXFile.write(model, items: [], to: "\(folder)/model.onnx")
    _ = scratch.folder("\(name)/test_data_set_0")
    for (file, values) in [("input_0", [-1, 2]), ("output_0", output)] {
      var writer = ProtocolBufferWriter()
      writer.integer(1, 2)
      writer.integer(2, 1)
      for value in values { writer.float(4, value) }
      _ = try scratch.file("\(name)/test_data_set_0/\(file).pb", writer.bytes)
    }
  }

  @Test("models are compared with the data beside them, and counted")
  func verify() throws {
    let scratch = try Scratch()
    _ = scratch.folder("all")
    try writeCase(scratch, "all/good", operation: "Relu", output: [0, 2])
    try writeCase(scratch, "all/near", operation: "Relu", output: [0, 2.001])
    try writeCase(scratch, "all/odd", operation: "NonMaxSuppression", output: [0, 2])
    let good = Session(["verify", scratch("all"), "--verbose"])
    #expect(good.exitCode == 0, "\(good.errors)")
    #expect(good.lines.last == "passed 2, failed 0, not supported 1")
    #expect(good.output.contains("node \"n\" (NonMaxSuppression): this operator is not supported"))
    let strict = Session(["verify", scratch("all"), "--rtol", "0.0001"])
    #expect(strict.exitCode == 1)
    #expect(strict.lines.last == "passed 1, failed 1, not supported 1")
    #expect(strict.output.contains("output \"y\": element 1 is 2.0, expected 2.00"))
    let json = try Session(["verify", scratch("all/good"), "--json"]).json()
    #expect(json.count == 2)
    #expect(Session(["verify", scratch("all/good/test_data_set_0")]).exitCode == 1)
  }
}
