import Synchronization

/// Runs `body` without keeping what its backward needs, and runs it again when the backward pass arrives: memory
/// traded for time.
///
/// Tensors and parameters that the body uses are found by themselves. The second run sees the same parameter
/// values and the same random numbers (a dropout mask is the same), and writes no buffers (running statistics
/// are updated once).
///
/// - Parameter body: what to compute; called once now and once per backward pass, so it must not depend on
///   outside state that changes.
/// - Returns: the body's result.
public func checkpointed(
  file: StaticString = #fileID, line: UInt = #line, _ body: @escaping @Sendable () -> Tensor
) -> Tensor {
  checkpointed(file: file, line: line) { [body()] }[0]
}

/// As `checkpointed(file:line:_:)`, for several results.
public func checkpointed(
  file: StaticString = #fileID, line: UInt = #line, _ body: @escaping @Sendable () -> [Tensor]
) -> [Tensor] {
  let scope = Scope.current
  guard scope.flags.contains(.recording), !scope.flags.contains(.dryRun) else { return body() }
  let collector = TensorCollector()
  let randomState = RandomSource.current.state
  var inner = scope.with { $0.collector = collector }
  inner.flags.remove(.recording)
  let results = inner.run(body).map { $0.detached() }
  scope.extras?.collector?.merge(collector)
  let outer = collector.tracked
  if outer.isEmpty { return results }
  let operation = Checkpoint(
    body: body, scope: scope, randomState: randomState, substitutions: collector.values,
    cells: collector.cells, results: results)
  return apply(operation, to: Tensors(outer), file: file, line: line).all
}

/// What ops used while a checkpoint's body ran.
final class TensorCollector: Sendable {
  private struct State {
    var tracked: [Tensor] = []
    var seen: Set<Gradients.Key> = []
    var values: [ObjectIdentifier: Tensor] = [:]
    var cells: [Cell] = []
  }
  private let state = Mutex(State())

  /// Tracked tensors from outside the body (inside it nothing is recorded), each place in the graph once.
  var tracked: [Tensor] { state.withLock { $0.tracked } }
  /// The values of the parameters and buffers that were used, by cell.
  var values: [ObjectIdentifier: Tensor] { state.withLock { $0.values } }

  /// The cells that ``values`` names. They have to be kept: the address of one that the body made and dropped
  /// would name another in the second run.
  var cells: [Cell] { state.withLock { $0.cells } }

  func note(_ cell: Cell, _ value: Tensor) {
    state.withLock { state in
      if state.values.updateValue(value, forKey: ObjectIdentifier(cell)) == nil {
        state.cells.append(cell)
      }
    }
  }

  func collect(_ inputs: Tensors) {
    state.withLock { state in
      for input in inputs.all {
        guard let producer = input.producer else { continue }
        let key = Gradients.Key(serial: producer.serial, outputIndex: input.outputIndex)
        if state.seen.insert(key).inserted { state.tracked.append(input) }
      }
    }
  }

  /// What a nested checkpoint used, the enclosing one used too.
  func merge(_ other: TensorCollector) {
    collect(Tensors(other.tracked))
    let (values, cells) = other.state.withLock { ($0.values, $0.cells) }
    state.withLock { state in
      state.values.merge(values) { first, _ in first }
      state.cells += cells
    }
  }
}

/// The node of a checkpoint: its inputs are the outer tensors that the body uses.
struct Checkpoint: TensorOperation {
  static var name: String { "checkpointed" }
  let body: @Sendable () -> [Tensor]
  let scope: Scope
  let randomState: RandomKey
  /// What the first run used stands in during the second, by cell; ``cells`` keeps those alive.
  let substitutions: [ObjectIdentifier: Tensor]
  let cells: [Cell]
  let specsOfResults: [TensorSpec]
  /// The results of the first run, taken by the first forward.
  private let first: FirstResults

  init(
    body: @escaping @Sendable () -> [Tensor], scope: Scope, randomState: RandomKey,
    substitutions: [ObjectIdentifier: Tensor], cells: [Cell], results: [Tensor]
  ) {
    self.body = body
    self.scope = scope
    self.randomState = randomState
    self.substitutions = substitutions
    self.cells = cells
    specsOfResults = results.map(\.spec)
    first = FirstResults(results)
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { Specs(specsOfResults) }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(first.take() ?? withoutGradients { rerun() })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let isRecording = TapestryGraph.isRecording
    // Whatever the second run records is newer than this; the outer tensors are older and count as leaves.
    let floor = Node.nextSerial()
    let results = recordingGradients { rerun() }
    var outputs: [Tensor] = []
    var cotangents: [Tensor] = []
    for (index, result) in results.enumerated() {
      guard result.producer != nil, let cotangent = node.cotangent(index) else { continue }
      outputs.append(result)
      cotangents.append(cotangent)
    }
    let inputs = (0..<node.inputCount).map { node.input($0) }
    if outputs.isEmpty { return Tensors(inputs.map { _ in nil }) }
    return Tensors(
      gradientsInOrder(
        of: outputs, withRespectTo: inputs, cotangents: cotangents, retaining: false,
        recording: isRecording, floor: floor, site: node.site))
  }

  /// Runs the body in the scope of its first run, recording if the present scope does.
  private func rerun() -> [Tensor] {
    let present = Scope.current
    var scope = self.scope.with { draft in
      draft.substitutions.merge(substitutions) { _, used in used }
      draft.randomSource = RandomSource(state: randomState)
      draft.collector = nil
      draft.observers = present.extras?.observers ?? []
      draft.anomalies = present.extras?.anomalies
    }
    scope.walk = nil
    scope.flags.insert(.recomputing)
    if !present.flags.contains(.recording) { scope.flags.remove(.recording) }
    return scope.run(body)
  }

  private final class FirstResults: Sendable {
    private let results: Mutex<[Tensor]?>
    init(_ results: [Tensor]) { self.results = Mutex(results) }
    func take() -> [Tensor]? {
      results.withLock { results in
        defer { results = nil }
        return results
      }
    }
  }
}
