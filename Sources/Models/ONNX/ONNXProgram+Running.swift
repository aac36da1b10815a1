import TapestryFiles
import TapestryGraph

extension ONNXProgram {
  /// Why a node cannot be computed.
  struct Fault: Error {
    let node: ONNX.Node
    let step: LayerOrigin
    let reason: String
    let isUnsupported: Bool
    let operands: [Tensor]
  }

  /// The graph's results for these values of its inputs, in order, computed by ops: recorded, observed and in dry
  /// runs as any model is.
  ///
  /// - Throws: `Fault` for a node whose operands do not fit an operator's own rules. Those of the ops behind it trap,
  ///   or are noted by a dry run.
  func run(_ feeds: [Tensor]) throws -> [Tensor] {
    var values = [Tensor?](repeating: nil, count: placeCount)
    let isDouble =
      feeds.contains { $0.dtype == .float64 }
      && !inputs.contains { $0.info.type == .double }
    let floatType: DType = isDouble ? .float64 : .float32
    for (place, _, tensor) in state { values[place] = constant(tensor, floatType) }
    for ((place, _), feed) in zip(inputs, feeds) { values[place] = feed }
    let given = (state.map(\.tensor) + feeds).reduce(0) { $0 + $1.count }
    let limit = ONNXCall.limit(for: given)
    for (index, step) in steps.enumerated() {
      let call = ONNXCall(
        node: step.node, version: version,
        inputs: step.inputs.map { $0.flatMap { values[$0] } },
        constants: step.constants.mapValues { constant($0, floatType) }, floatType: floatType,
        limit: limit,
        file: site.file, line: site.line)
      let results = try self.results(of: step, call)
      for (output, result) in zip(step.outputs, results) {
        if let output { values[output] = result }
      }
      for (place, output) in step.outputs.enumerated() where place >= results.count {
        guard output != nil else { continue }
        throw fault(step, call, ONNXUnsupported("its result \(place)"))
      }
      for place in finished[index] { values[place] = nil }
    }
    return outputs.map { values[$0.place]! }
  }

  /// Constants follow the type that the net is computed in.
  private func constant(_ tensor: Tensor, _ floatType: DType) -> Tensor {
    let isConstant = !(tensor is Parameter) && !(tensor is Buffer)
    guard isConstant, floatType == .float64, tensor.dtype == .float32 else { return tensor }
    return computingValues { tensor.converted(to: .float64) }
  }

  private func results(of step: Step, _ call: ONNXCall) throws -> [Tensor] {
    let operands = call.inputs.compactMap { $0 }
    if let unknown = operands.first(where: \.isUnknown) {
      return step.outputs.map { _ in unknown }
    }
    do {
      let results = try withLayer(step.origin) { try step.operation.run(call) }
      for result in results where !call.isAcceptable(result.shape) {
        throw Misuse("the result would have the shape \(result.shape), which is too large")
      }
      // Shapes that depend on shapes have to be known in a dry run too.
      guard isDryRun, !results.contains(where: \.isUnknown),
        operands.allSatisfy({ Self.isKnown($0) })
      else { return results }
      return try computingValues { try step.operation.run(call) }
    } catch let misuse as Misuse {
      throw fault(step, call, misuse)
    } catch let unsupported as ONNXUnsupported {
      throw fault(step, call, unsupported)
    }
  }

  /// Whether a value is there although nothing is computed, and small enough to be computed with.
  private static func isKnown(_ tensor: Tensor) -> Bool {
    !(tensor is Parameter) && !(tensor is Buffer) && !tensor.isPlaceholder
      && tensor.count <= 1 << 16
  }

  private func fault(_ step: Step, _ call: ONNXCall, _ error: any Error) -> Fault {
    Fault(
      node: step.node, step: step.origin,
      reason: (error as? Misuse)?.reason ?? (error as? ONNXUnsupported).map {
        "\($0.reason) is not supported"
      } ?? "\(error)", isUnsupported: error is ONNXUnsupported,
      operands: call.inputs.compactMap { $0 })
  }
}
