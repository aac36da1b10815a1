import Synchronization
import TapestryGraph

/// The ops that a net runs for one input, in order, and the values that flow between them.
///
/// Found by a dry run: nothing is computed, no memory is taken. Summaries, exports, drawings and profiles are
/// made from this.
///
/// ```swift
/// let trace = try LeNet5().trace(for: [1, 1, 32, 32])
/// for step in trace.steps { print(step.layer ?? "", step.name, trace.outputShape(of: step)) }
/// ```
public struct ModelTrace: Sendable {
  /// Where a value comes from.
  public enum Source: Sendable, Equatable {
    /// The net's input.
    case input
    /// A parameter, by its dotted name.
    case parameter(String)
    /// A buffer, by its dotted name.
    case buffer(String)
    /// A tensor that the net made outside its ops, such as a number added to the input.
    case constant
    /// A result of a step.
    case step(Int, output: Int)
  }

  /// Something that flows between steps.
  public struct Value: Sendable {
    public let spec: TensorSpec
    public let source: Source
    /// The tensor itself: a placeholder, but for parameters, buffers and constants.
    public let tensor: Tensor
  }

  /// One op.
  public struct Step: Sendable {
    public let operation: any TensorOperation
    /// The op's name, such as `conv2d`.
    public let name: String
    /// Attributes worth showing, such as `5x5, stride 2`.
    public let label: String
    /// The dotted name of the innermost layer whose work it is, such as `features.0`; `nil` outside any layer.
    public let layer: String?
    /// The line that ran it.
    public let site: CallSite
    /// Indices into ``ModelTrace/values``.
    public let inputs: [Int]
    /// Indices into ``ModelTrace/values``.
    public let outputs: [Int]
    public let cost: OperationCost
  }

  public let values: [Value]
  public let steps: [Step]
  /// Index of the net's input in ``values``.
  public let input: Int
  /// Indices of the net's results in ``values``.
  public let outputs: [Int]

  /// The spec of a step's first result.
  public func outputSpec(of step: Step) -> TensorSpec { values[step.outputs[0]].spec }

  /// The shape of a step's first result.
  public func outputShape(of step: Step) -> TensorShape { outputSpec(of: step).shape }

  /// The steps that read a value, by index.
  public func readers(of value: Int) -> [Int] {
    steps.indices.filter { steps[$0].inputs.contains(value) }
  }

  /// The sum of the steps' costs.
  public var cost: OperationCost {
    steps.reduce(into: OperationCost(arithmetic: 0, bytes: 0)) { sum, step in
      sum.arithmetic += step.cost.arithmetic
      sum.bytes += step.cost.bytes
      sum.multiplyAccumulates += step.cost.multiplyAccumulates
    }
  }
}

extension Model {
  /// The ops that the net runs for an input of this shape.
  ///
  /// - Parameters:
  ///   - shape: of the input, `[N, C, H, W]` for images.
  ///   - dtype: element type of the input. Default float32.
  ///   - training: whether layers behave as in training. Default false.
  ///   - body: what to run. Default: the net itself. For nets with more than one result.
  /// - Throws: ``InputMismatch``, naming the layer that does not fit and the smallest size that does.
  public func trace(
    for shape: TensorShape, dtype: DType = .float32, training: Bool = false,
    running body: ((Tensor) -> [Tensor])? = nil
  ) throws -> ModelTrace {
    let recorder = TraceRecorder(of: members)
    let input = Tensor.shape(shape, dtype: dtype)
    let body = body ?? { [self($0)] }
    let run = { try observing(recorder) { try dryRun { body(input) } } }
    do {
      let outputs =
        try training ? TapestryGraph.training { try withoutGradients(run) } : inference(run)
      return recorder.finished(input: input, outputs: outputs)
    } catch let misuse as Misuse {
      throw inputMismatch(misuse, shape: shape, dtype: dtype)
    }
  }
}

/// Writes down the ops of a dry run.
private final class TraceRecorder: OperationObserver {
  /// The names of parameters and buffers, by the tensor that ops see.
  private let named: [ObjectIdentifier: ModelTrace.Source]
  private let events = Mutex<[OperationEvent]>([])

  init(of members: ModelMembers) {
    var named: [ObjectIdentifier: ModelTrace.Source] = [:]
    for (name, parameter) in members.parameters {
      named[ObjectIdentifier(parameter.resolved)] = .parameter(name)
    }
    for (name, buffer) in members.buffers {
      named[ObjectIdentifier(buffer.resolved)] = .buffer(name)
    }
    self.named = named
  }

  func didApply(_ event: OperationEvent) { events.withLock { $0.append(event) } }

  func finished(input: Tensor, outputs: [Tensor]) -> ModelTrace {
    var values: [ModelTrace.Value] = []
    // The tensors live in `values`, so that no identity is used twice.
    var indices: [ObjectIdentifier: Int] = [:]
    func index(of tensor: Tensor, _ source: ModelTrace.Source) -> Int {
      if let known = indices[ObjectIdentifier(tensor)] { return known }
      indices[ObjectIdentifier(tensor)] = values.count
      values.append(ModelTrace.Value(spec: tensor.spec, source: source, tensor: tensor))
      return values.count - 1
    }
    func index(ofOperand tensor: Tensor) -> Int {
      index(of: tensor, named[ObjectIdentifier(tensor)] ?? .constant)
    }
    let inputIndex = index(of: input, .input)
    let steps = events.withLock { $0 }.enumerated().map { place, event in
      ModelTrace.Step(
        operation: event.operation, name: event.name, label: event.operation.label,
        layer: event.site.layer?.name, site: event.site,
        inputs: event.inputs.all.map(index(ofOperand:)),
        outputs: event.outputs.all.enumerated().map { output, tensor in
          index(of: tensor, .step(place, output: output))
        },
        cost: event.cost)
    }
    let outputIndices = outputs.map { index(ofOperand: $0.resolved) }
    return ModelTrace(values: values, steps: steps, input: inputIndex, outputs: outputIndices)
  }
}
