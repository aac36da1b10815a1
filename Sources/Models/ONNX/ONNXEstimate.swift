import Synchronization
import TapestryFiles
import TapestryGraph

/// What a call of a net from a file takes, worked out from shapes before anything is computed.
public struct ONNXEstimate: Sendable, Equatable {
  /// Bytes of parameters, constants and results that are held at once, at most.
  public var memory: Int
  /// Multiplications that are summed, and for everything else that is computed or moved what takes as long.
  public var operations: Int
}

extension ONNXEstimate: CustomStringConvertible {
  /// `12.3 MiB of memory, 1.80 G operations`
  public var description: String {
    "\(byteText(memory)) of memory, \(countText(operations)) operations"
  }
}

/// Follows a dry run of a graph node by node, and refuses what goes beyond the limits before it is computed.
final class ONNXMeter: Sendable {
  let cost = CostMeter()
  private let peak = Mutex(0)
  private let source: String
  private let limits = ResourceLimits.current

  init(source: String) { self.source = source }

  var estimate: ONNXEstimate {
    ONNXEstimate(memory: peak.withLock { $0 }, operations: cost.operations)
  }

  /// Checks the limits at a node that begins with so many bytes held.
  func check(held: Int) throws(ResourceError) {
    let total = checkedSum(held, cost.made) ?? .max
    peak.withLock { $0 = max($0, total) }
    try limits.requireMemory(total == .max ? nil : total, for: "the graph")
    try limits.requireArithmetic(
      cost.operations == .max ? nil : cost.operations, for: "the graph")
  }
}

/// The shapes that a graph has been run dry with, so that a net in a loop is estimated once.
final class ONNXApprovals: Sendable {
  private struct Key: Hashable {
    let specs: [TensorSpec]
    let limits: ResourceLimits
    let isTraining: Bool
  }

  private let approved = Mutex<Set<Key>>([])

  /// The refusal of `check` for operands of these kinds; nil where there was none, now or before.
  func refusal(
    of specs: [TensorSpec], _ check: () -> ResourceError?
  ) -> ResourceError? {
    let key = Key(specs: specs, limits: .current, isTraining: isTraining)
    if approved.withLock({ $0.contains(key) }) { return nil }
    if let error = check() { return error }
    approved.withLock { _ = $0.insert(key) }
    return nil
  }
}
