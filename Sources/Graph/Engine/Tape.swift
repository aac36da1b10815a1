import Synchronization

/// One walk over a recorded graph: the nodes that some tensors depend on, in the order of their serial numbers.
///
/// A walk goes down from the newest for gradients, and up from the oldest for tangents. Leaves are not on the tape,
/// for graphs on several threads may share a parameter; nor are nodes that are not newer than `floor`: they count as leaves. What
/// flows to either goes to the walk's own table, never into the node. Sendable, because only the thread that walks touches it; released
/// nodes keep it for its line.
final class Tape: @unchecked Sendable {
  /// What nodes are claimed with.
  let id: UInt64
  /// The user's line that asked for the walk.
  let site: CallSite
  let floor: UInt64
  /// Whether targets were given; otherwise every leaf is one.
  let hasTargets: Bool
  /// Where the flow at a target goes, by the serial number of its node.
  private(set) var targets: [UInt64: [Target]] = [:]
  /// Claimed by this walk, oldest first once the tape is complete.
  @exclusivity(unchecked) private(set) var nodes: [Node] = []
  /// The node whose backward or jvp is running: what `apply` calls in it are said to come from.
  @exclusivity(unchecked) var current: Node?

  struct Target {
    let outputIndex: Int
    /// Place in the list of targets.
    let slot: Int
  }

  private static let lastID = Atomic<UInt64>(0)

  /// The tape of `roots`. With targets, nodes that do not lead to one of them are passed over, and the floor is the
  /// oldest target unless another one is given.
  init(
    of roots: [Tensor], targets targetTensors: [Tensor]?, floor givenFloor: UInt64? = nil,
    site: CallSite
  ) {
    id = Self.lastID.wrappingAdd(1, ordering: .relaxed).newValue
    self.site = site
    hasTargets = targetTensors != nil
    var oldest: UInt64 = targetTensors == nil ? 0 : .max
    if let targetTensors {
      for (slot, tensor) in targetTensors.enumerated() {
        let node = tensor.producer!
        targets[node.serial, default: []].append(
          Target(outputIndex: tensor.outputIndex, slot: slot))
        oldest = min(oldest, node.serial)
      }
    }
    floor = givenFloor ?? oldest
    nodes.reserveCapacity(16)
    for root in roots { visit(root.producer) }
    collect()
    if hasTargets { markPathsToTargets() }
    if let oldest = nodes.first, let record = Scope.current.extras?.record {
      record.noteWalk(downTo: oldest.serial)
    }
  }

  private func collect() {
    var next = 0
    var isDescending = true
    var previous = UInt64.max
    while next < nodes.count {
      let node = nodes[next]
      next += 1
      if node.serial > previous { isDescending = false }
      previous = node.serial
      if let release = node.releasedBy { refuse(node, release) }
      for index in 0..<node.operands.count { visit(node.operands[index].producer) }
    }
    if isDescending { nodes.reverse() } else { nodes.sort { $0.serial < $1.serial } }
  }

  @inline(__always)
  private func visit(_ node: Node?) {
    guard let node, isOnTape(node), node.claim(for: self) else { return }
    nodes.append(node)
  }

  private func refuse(_ node: Node, _ release: Tape) -> Never {
    trap(
      Misuse(
        "the values of this graph were released by the backward pass at \(release.site);"
          + " pass retaining: true there", operation: node.name, site: site))
  }

  private func markPathsToTargets() {
    for node in nodes {
      node.isTarget = targets[node.serial] != nil
      for index in 0..<node.operands.count where leadsToTarget(node.operands[index]) {
        node.reachesTarget = true
        break
      }
    }
  }

  /// Whether the node's own fields hold its flow; otherwise it counts as a leaf.
  @inline(__always)
  func isOnTape(_ node: Node) -> Bool { !node.isLeaf && node.serial > floor }

  /// Whether the flow along this edge is wanted.
  private func leadsToTarget(_ operand: borrowing Operand) -> Bool {
    guard let producer = operand.producer else { return false }
    if !hasTargets { return true }
    if isOnTape(producer) { return producer.reachesTarget || producer.isTarget }
    let index = operand.outputIndex
    return targets[producer.serial]?.contains { $0.outputIndex == index } ?? false
  }

  /// Whether a node's backward or jvp has to run at all.
  @inline(__always)
  func isOnPath(_ node: Node) -> Bool { !hasTargets || node.reachesTarget }

  /// The bits of ``Differential/needs(_:)``.
  func neededMask(_ node: Node) -> UInt64 {
    var mask: UInt64 = 0
    for index in 0..<node.operands.count where leadsToTarget(node.operands[index]) {
      mask |= 1 << UInt64(min(index, 63))
    }
    return mask
  }

  /// The newest node that the walk has not taken yet; it stays claimed.
  @inline(__always)
  func takeNewest() -> Node? { nodes.popLast() }

  /// Ends the walk for all nodes left on the tape.
  func finish() {
    for node in nodes { node.unclaim() }
    nodes = []
  }
}
