import Synchronization
import TapestryGraph

/// Time, arithmetic and traffic of the ops that run while it observes, added up per layer and op.
///
/// ```swift
/// let profile = OperationProfile()
/// observing(profile) { _ = softmaxCrossEntropy(net(images), labels: labels).gradients() }
/// for entry in profile.entries.prefix(5) { print(entry.layer ?? "", entry.name, entry.seconds) }
/// ```
///
/// An observed op costs about a microsecond more. What a walk does between ops, such as adding up cotangents, belongs
/// to none.
public final class OperationProfile: OperationObserver {
  /// All calls of one op for one layer in one direction.
  public struct Entry: Sendable {
    /// The op, such as `conv2d`.
    public let name: String
    /// The dotted name of the layer whose work it is, or of the layer whose gradient; `nil` outside any.
    public let layer: String?
    /// Attributes of the op, such as `5x5, stride 2`.
    public let label: String
    /// Whether it ran in a backward or forward-mode walk.
    public let isBackward: Bool
    public internal(set) var calls = 0
    /// Time in the op's forward.
    public internal(set) var seconds = 0.0
    public internal(set) var cost = OperationCost(arithmetic: 0, bytes: 0)

    mutating func add(_ other: Entry) {
      calls += other.calls
      seconds += other.seconds
      cost.arithmetic += other.cost.arithmetic
      cost.bytes += other.cost.bytes
      cost.multiplyAccumulates += other.cost.multiplyAccumulates
    }
  }

  private struct Key: Hashable {
    let name: String
    let layer: String?
    let isBackward: Bool
  }

  private let table = Mutex<[Key: Entry]>([:])

  public init() {}

  /// Every op of a step is measured.
  public var acceptsFusedOperations: Bool { true }

  public func didApply(_ event: OperationEvent) {
    let layer = event.site.layer?.name
    var entry = Entry(
      name: event.name, layer: layer, label: event.operation.label, isBackward: event.isBackward)
    entry.calls = 1
    entry.seconds = Double(event.nanoseconds) * 1e-9
    entry.cost = event.cost
    let key = Key(name: event.name, layer: layer, isBackward: event.isBackward)
    table.withLock { [entry] table in
      if table[key] == nil { table[key] = entry } else { table[key]!.add(entry) }
    }
  }

  /// One entry per layer, op and direction, the longest first.
  public var entries: [Entry] {
    table.withLock { Array($0.values) }.sorted(by: Self.isBefore)
  }

  /// One entry per op and direction, the layers added up, the longest first.
  public var entriesByOperation: [Entry] {
    var sums: [Key: Entry] = [:]
    for entry in entries {
      let key = Key(name: entry.name, layer: nil, isBackward: entry.isBackward)
      var sum =
        sums[key]
        ?? Entry(name: entry.name, layer: nil, label: "", isBackward: entry.isBackward)
      sum.add(entry)
      sums[key] = sum
    }
    return sums.values.sorted(by: Self.isBefore)
  }

  /// By time, then by name, so that equal times have an order.
  private static func isBefore(_ a: Entry, _ b: Entry) -> Bool {
    if a.seconds != b.seconds { return a.seconds > b.seconds }
    return (a.layer ?? "", a.name, a.isBackward ? 1 : 0) < (
      b.layer ?? "", b.name, b.isBackward ? 1 : 0
    )
  }
}
