import Foundation
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps
import Testing

/// A file that is removed when its owner goes away.
final class TemporaryFile {
  let path = FileManager.default.temporaryDirectory.appendingPathComponent(
    "tapestry-\(UUID().uuidString).onnx"
  ).path

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var bytes: [UInt8] { get throws { Array(try Data(contentsOf: URL(fileURLWithPath: path))) } }
}

/// A small net that PyTorch exported: convolution, batch norm, and a flattening whose size is taken from the shape.
func pytorchFile() throws -> [UInt8] {
  let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../Fixtures/onnx/pytorch.onnx")
  return Array(try Data(contentsOf: url))
}

/// The bytes of a model of these nodes.
func onnxFile(
  _ nodes: [ONNX.Node], inputs: [String] = ["x"], outputs: [String] = ["y"],
  initializers: [(name: String, tensor: Tensor)] = [], version: Int = 17,
  change: (inout ONNX.Model) -> Void = { _ in }
) throws -> [UInt8] {
  var model = ONNX.Model()
  model.opsets = [("", version)]
  var graph = ONNX.Graph()
  graph.name = "test"
  graph.nodes = nodes
  graph.inputs = inputs.map { ONNX.ValueInfo(name: $0, type: .float, shape: nil) }
  graph.outputs = outputs.map { ONNX.ValueInfo(name: $0, type: .float, shape: nil) }
  model.graph = graph
  change(&model)
  let items = initializers.map { name, tensor in
    ONNXItem(
      name: name, dimensions: Array(tensor.shape),
      type: tensor.dtype == .int64 ? .int64 : .float, bytes: StateFile.item(name, tensor).bytes)
  }
  let file = TemporaryFile()
  try ONNXFile.write(model, items: items, to: file.path)
  return try file.bytes
}

/// One node from `x` (and what else is named) to `y`.
func node(
  _ operation: String, _ inputs: [String] = ["x"], _ attributes: [ONNX.Attribute] = []
) -> ONNX.Node {
  ONNX.Node(
    operation, name: "the node", inputs: inputs, outputs: ["y"], attributes: attributes)
}

/// The problems of the error that `body` throws.
func onnxProblems(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) -> [String] {
  let error = #expect(throws: ONNXError.self, sourceLocation: sourceLocation) { try body() }
  return error?.problems ?? []
}

/// The largest difference of two tensors of one shape, in relation to the largest element.
func relativeDifference(_ a: Tensor, _ b: Tensor) -> Double {
  guard a.spec == b.spec else { return .infinity }
  let scale = b.scalars().map { abs($0) }.max() ?? 0
  let worst = zip(a.scalars(), b.scalars()).map { abs($0 - $1) }.max() ?? 0
  return worst / Swift.max(scale, 1e-6)
}
