/// One call of an op, as an observer sees it.
public struct OperationEvent: Sendable {
  public let operation: any TensorOperation
  /// The operands, parameters replaced by their values.
  public let inputs: Tensors
  public let outputs: Tensors
  /// Shapes and types of the results.
  public let specs: Specs
  /// The user's line; for an op of a backward pass, the line of the node being differentiated.
  public let site: CallSite
  /// Whether the call is part of a backward or forward-mode walk.
  public let isBackward: Bool
  /// The time that the forward took; 0 in a dry run.
  public let nanoseconds: Int

  /// The op's name.
  public var name: String { operation.displayName }
  /// Arithmetic and memory traffic.
  public var cost: OperationCost { operation.cost(of: inputs, specs) }
}

/// Something that is told of every op while ``observing(_:_:)`` is in force: profilers, summaries, counters.
public protocol OperationObserver: Sendable {
  /// Called after the op ran, on the thread that ran it.
  func didApply(_ event: OperationEvent)

  /// Whether layers may run several ops as one while this observes, as they do when nobody looks. Default: `false`,
  /// every layer is seen as ops of its own.
  var acceptsFusedOperations: Bool { get }
}

extension OperationObserver {
  public var acceptsFusedOperations: Bool { false }
}

/// Whether layers may run several ops as one: nobody looks at single ones.
package var mayFuseOperations: Bool {
  let scope = Scope.current
  if scope.flags.contains(.dryRun) { return false }
  guard scope.flags.contains(.watched), let extras = scope.extras else { return true }
  return extras.anomalies == nil && extras.observers.allSatisfy(\.acceptsFusedOperations)
}

/// Whether ops leave nothing behind here but their results: nothing is recorded, observed, examined or run dry.
/// Layers may then be computed in other ways than op by op.
package var leavesOnlyResults: Bool {
  Scope.current.flags.isDisjoint(with: [.recording, .dryRun, .watched])
}

/// Runs `body` and tells `observer` of every op that runs in it, backward passes included. Scopes nest: outer
/// observers are told first.
public func observing<Result>(
  _ observer: some OperationObserver, _ body: () throws -> Result
) rethrows -> Result {
  try Scope.current.with { $0.observers.append(observer) }.run(body)
}
