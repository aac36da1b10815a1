/// One traversal of a recorded graph: the tape of the nodes that some tensors depend on.
///
/// The tape is in descending order of serial numbers; a walk goes down it for gradients, up it for tangents.
/// Nodes older than `floor` are not on it: they count as leaves.
struct Tape {
  let origin: WalkOrigin
  let floor: UInt64
  /// Claimed by this walk, newest first.
  private(set) var nodes: [Node]
  /// Where the flow at a target goes, by the serial number of its node and then its output index.
  private(set) var targets: [UInt64: [(outputIndex: Int, slot: Int)]] = [:]
  /// Whether targets were given; otherwise every leaf is one.
  let hasTargets: Bool

  /// The tape of `roots`. With `targets`, the nodes that do not lead to one of them are passed over, and
  /// the floor is the oldest target unless a later one is given.
  init(
    of roots: [Tensor], targets targetTensors: [Tensor]?, floor givenFloor: UInt64? = nil,
    site: CallSite
  ) {
    origin = WalkOrigin(site)
    self.hasTargets = targetTensors != nil
    var oldest: UInt64 = targetTensors == nil ? 0 : .max
    for (slot, target) in (targetTensors ?? []).enumerated() {
      let node = target.producer!
      targets[node.serial, default: []].append((target.outputIndex, slot))
      oldest = min(oldest, node.serial)
    }
    floor = givenFloor ?? oldest
    nodes = []
    collect(from: roots)
    if hasTargets { markPathsToTargets() }
  }

  private mutating func collect(from roots: [Tensor]) {
    for root in roots { visit(root.producer) }
    var next = 0
    while next < nodes.count {
      let node = nodes[next]
      next += 1
      if let release = node.releasedBy {
        trap(
          Misuse(
            "the values of this graph were released by the backward pass at \(release.site);"
              + " pass retaining: true there", operation: node.name, site: origin.site))
      }
      for index in 0..<node.operands.count { visit(node.operands[index].producer) }
    }
    let isSorted = zip(nodes, nodes.dropFirst()).allSatisfy { $0.serial > $1.serial }
    if !isSorted { nodes.sort { $0.serial > $1.serial } }
  }

  private mutating func visit(_ node: Node?) {
    guard let node, node.serial >= floor, node.claim(for: origin) else { return }
    nodes.append(node)
  }

  private func markPathsToTargets() {
    for node in nodes.reversed() {
      node.isTarget = targets[node.serial] != nil
      for index in 0..<node.operands.count where leadsToTarget(node.operands[index]) {
        node.reachesTarget = true
        break
      }
    }
  }

  /// Whether the flow along this edge is wanted.
  func leadsToTarget(_ operand: Node.Operand) -> Bool {
    guard let producer = operand.producer else { return false }
    if !hasTargets { return true }
    if producer.serial >= floor { return producer.reachesTarget || producer.isTarget }
    return targets[producer.serial]?.contains { $0.outputIndex == operand.outputIndex } ?? false
  }

  /// Whether a node's backward or jvp has to run at all.
  func isOnPath(_ node: Node) -> Bool { !node.isLeaf && (!hasTargets || node.reachesTarget) }

  /// The bits of ``Differential/needs(_:)``.
  func neededMask(_ node: Node) -> UInt64 {
    var mask: UInt64 = 0
    for index in 0..<node.operands.count where leadsToTarget(node.operands[index]) {
      mask |= 1 << UInt64(min(index, 63))
    }
    return mask
  }

  /// Ends the walk.
  mutating func finish() {
    for node in nodes { node.unclaim() }
    nodes = []
  }

  /// Ends the walk for the node at `index` of the tape and lets go of it.
  mutating func finish(_ index: Int, releasing: Bool, placeholder: Node) {
    let node = nodes[index]
    if releasing && !node.isLeaf { node.release(by: origin) }
    node.unclaim()
    nodes[index] = placeholder
  }
}

/// The node whose backward or jvp is running; `apply` takes the user's line from it.
///
/// Sendable, because it is written and read on the walk's thread alone: an op's backward that spawns tasks
/// sees, at worst, another node's line.
final class WalkState: @unchecked Sendable {
  var node: Node?
  let isBackward = true
}
