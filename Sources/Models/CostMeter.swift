import Synchronization
import TapestryFiles
import TapestryGraph

/// Adds up what the ops of a dry run would take, before any of them is computed.
package final class CostMeter: OperationObserver {
  private struct Counts {
    var operations = 0
    /// What ops have made since the last ``beginPart()``.
    var made = 0
    /// The largest operands and results of one op.
    var largestOperation = 0
  }

  private let counts = Mutex(Counts())

  package init() {}

  /// Elements that are computed or moved take as long as so many multiply-adds each, by the byte.
  private static let operationsPerByte = 16

  /// Operations in the sense of `ResourceLimits`.
  package var operations: Int { counts.withLock { $0.operations } }
  /// Bytes that ops have made since the last ``beginPart()``.
  package var made: Int { counts.withLock { $0.made } }
  /// Bytes of the operands and results of the largest op.
  package var largestOperation: Int { counts.withLock { $0.largestOperation } }

  package func didApply(_ event: OperationEvent) {
    let cost = event.cost
    let outputs = (0..<event.specs.count).map { event.specs[$0].byteCount }
    let moved = checkedProduct(Self.operationsPerByte, max(cost.bytes, 0))
    let made = checkedSum(of: outputs.map { $0 }) ?? .max
    counts.withLock { counts in
      counts.operations =
        checkedSum(counts.operations, max(cost.multiplyAccumulates, 0), moved) ?? .max
      counts.made = checkedSum(counts.made, made) ?? .max
      counts.largestOperation = max(counts.largestOperation, max(cost.bytes, 0))
    }
  }

  package func beginPart() { counts.withLock { $0.made = 0 } }

  /// Adds operations that ops do not tell of, and memory that one needs beside operands and results.
  package func add(operations: Int?, bytes: Int? = 0) {
    counts.withLock { counts in
      counts.operations = checkedSum(counts.operations, operations) ?? .max
      counts.made = checkedSum(counts.made, bytes) ?? .max
    }
  }
}

/// What a net takes.
package struct NetCost: Sendable {
  /// Bytes of parameters and buffers.
  package let parameters: Int
  /// Bytes of the operands and results of the largest op for one input.
  package let activations: Int
  /// Operations for one input.
  package let operations: Int

  /// The cost of the net that `make` makes, for an input of this shape in inference; nothing of its size is made.
  ///
  /// - Throws: what `make` throws, or the `Misuse` of an input that does not fit.
  package init(of input: TensorShape, _ make: () throws -> any Model) throws {
    let meter = CostMeter()
    var bytes: Int? = 0
    try dryRun {
      let net = try make()
      for (_, value) in net.members.state {
        bytes = checkedSum(bytes, value.spec.byteCount)
      }
      _ = inference { observing(meter) { net(.shape(input, dtype: .float32)) } }
    }
    parameters = bytes ?? .max
    activations = meter.largestOperation
    operations = meter.operations
  }

  /// Checks that `subject`, a net of this cost, may be made and called once.
  ///
  /// - Parameters:
  ///   - copies: of each parameter: 1 to compute, 4 to train, with gradient and two moments.
  ///   - isTimed: whether arithmetic is limited: not where somebody asks to measure just that.
  package func require(
    copies: Int = 1, isTimed: Bool = true, for subject: String
  ) throws(ResourceError) {
    let limits = ResourceLimits.current
    try limits.requireMemory(
      checkedProduct(parameters, copies).flatMap { checkedSum($0, activations) }, for: subject)
    if isTimed { try limits.requireArithmetic(operations, for: subject) }
  }
}
