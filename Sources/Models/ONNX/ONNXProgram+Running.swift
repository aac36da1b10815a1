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
    /// What it asks too much of.
    var resources: ResourceError?
  }

  /// The graph's results for these values of its inputs, in order, computed by ops: recorded, observed and in dry
  /// runs as any model is.
  ///
  /// - Throws: `Fault` for a node whose operands do not fit an operator's own rules. Those of the ops behind it trap,
  ///   or are noted by a dry run.
  ///
  /// - Parameter meter: follows a dry run and refuses what goes beyond the limits, before the next node.
  func run(_ feeds: [Tensor], meter: ONNXMeter? = nil) throws -> [Tensor] {
    guard let meter else { return try runNodes(feeds, nil) }
    return try observing(meter.cost) { try runNodes(feeds, meter) }
  }

  private func runNodes(_ feeds: [Tensor], _ meter: ONNXMeter?) throws -> [Tensor] {
    var values = [Tensor?](repeating: nil, count: placeCount)
    let isDouble =
      feeds.contains { $0.dtype == .float64 }
      && !inputs.contains { $0.info.type == .double }
    let floatType: DType = isDouble ? .float64 : .float32
    for (place, _, tensor) in state { values[place] = constant(tensor, floatType) }
    for ((place, _), feed) in zip(inputs, feeds) { values[place] = feed }
    let given = checkedSum(of: (state.map(\.tensor) + feeds).map { $0.count }) ?? .max
    let limit = ONNXCall.limit(for: given)
    var held =
      checkedSum(of: (state.map(\.tensor) + feeds).map { $0.spec.byteCount }) ?? .max
    for (index, step) in steps.enumerated() {
      let call = ONNXCall(
        node: step.node, version: version,
        inputs: step.inputs.map { $0.flatMap { values[$0] } },
        constants: step.constants.mapValues { constant($0, floatType) }, floatType: floatType,
        limit: limit, meter: meter?.cost,
        file: site.file, line: site.line)
      meter?.cost.beginPart()
      let results = try self.results(of: step, call, meter, held: held)
      for (output, result) in zip(step.outputs, results) {
        if let output {
          values[output] = result
          held = checkedSum(held, result.spec.byteCount) ?? .max
        }
      }
      for (place, output) in step.outputs.enumerated() where place >= results.count {
        guard output != nil else { continue }
        throw fault(step, call, ONNXUnsupported("its result \(place)"))
      }
      for place in finished[index] {
        if held != .max, let value = values[place] { held -= min(held, value.spec.byteCount) }
        values[place] = nil
      }
    }
    return outputs.map { values[$0.place]! }
  }

  /// What a call with operands like these takes, from a dry run that draws no random numbers of the program.
  ///
  /// - Throws: `Fault`, with ``Fault/resources`` where it goes beyond the limits, or `Misuse`.
  func estimate(_ feeds: [Tensor], source: String) throws -> ONNXEstimate {
    let meter = ONNXMeter(source: source)
    _ = try withRandomSource(RandomSource(seed: 0)) {
      try withoutGradients { try dryRun { try run(feeds.map(Self.placeholder), meter: meter) } }
    }
    return meter.estimate
  }

  /// An operand without values, unless it may be sizes, on which shapes depend.
  private static func placeholder(_ feed: Tensor) -> Tensor {
    feed.dtype.isFloatingPoint && feed.rank > 0 ? .shape(feed.shape, dtype: feed.dtype) : feed
  }

  /// Constants follow the type that the net is computed in.
  private func constant(_ tensor: Tensor, _ floatType: DType) -> Tensor {
    let isConstant = !(tensor is Parameter) && !(tensor is Buffer)
    guard isConstant, floatType == .float64, tensor.dtype == .float32 else { return tensor }
    return computingValues { tensor.converted(to: .float64) }
  }

  private func results(
    of step: Step, _ call: ONNXCall, _ meter: ONNXMeter?, held: Int
  ) throws -> [Tensor] {
    let operands = call.inputs.compactMap { $0 }
    if let unknown = operands.first(where: \.isUnknown) {
      return step.outputs.map { _ in unknown }
    }
    do {
      let results = try withLayer(step.origin) { try step.operation.run(call) }
      for result in results where !call.isAcceptable(result.shape) {
        throw Misuse("the result would have the shape \(result.shape), which is too large")
      }
      try meter?.check(held: held)
      // Shapes that depend on shapes have to be known in a dry run too.
      guard isDryRun, !results.contains(where: \.isUnknown),
        operands.allSatisfy({ Self.isKnown($0) }),
        results.allSatisfy({ $0.count <= Self.largestKnown })
      else { return results }
      return try computingValues { try step.operation.run(call) }
    } catch let misuse as Misuse {
      throw fault(step, call, misuse)
    } catch let unsupported as ONNXUnsupported {
      throw fault(step, call, unsupported)
    } catch let error as ResourceError {
      throw fault(step, call, error)
    }
  }

  /// Larger tensors have no values in a dry run.
  private static let largestKnown = 1 << 16

  /// Whether a value is there although nothing is computed, and small enough to be computed with.
  private static func isKnown(_ tensor: Tensor) -> Bool {
    !(tensor is Parameter) && !(tensor is Buffer) && !tensor.isPlaceholder
      && tensor.count <= largestKnown
  }

  private func fault(_ step: Step, _ call: ONNXCall, _ error: any Error) -> Fault {
    Fault(
      node: step.node, step: step.origin,
      reason: (error as? Misuse)?.reason ?? (error as? ONNXUnsupported).map {
        "\($0.reason) is not supported"
      } ?? "\(error)", isUnsupported: error is ONNXUnsupported,
      operands: call.inputs.compactMap { $0 }, resources: error as? ResourceError)
  }
}
