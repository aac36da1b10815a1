import Synchronization

/// One recorded call of an op, or a leaf: a parameter or a tensor made by `tracked()`.
///
/// Edges point from a result to what it was computed from. Sendable, because everything but the walk's
/// own fields is written before the node is published, and those are touched only by the walk that has
/// claimed the node. For that reason they need no exclusivity checks at run time either.
final class Node: @unchecked Sendable {
  /// Place in the order of recording, process-wide; leaves draw from the same counter.
  let serial: UInt64
  /// A `Leaf` for a leaf: not optional, because freeing an optional existential costs as much as freeing the node.
  let operation: any TensorOperation
  let isLeaf: Bool
  let site: CallSite
  /// A parameter's name.
  let label: Cell.Label?
  let outputSpecs: Specs
  /// The operands, in memory of the node's own: read in place by every walk, without the copies that an array in a
  /// class would cost.
  let operands: UnsafeMutableBufferPointer<Operand>
  /// Memory of the results that the backward reads: memory only, because the results point here.
  @exclusivity(unchecked) private var keptOutput: Storage?
  @exclusivity(unchecked) private var moreKeptOutputs: [Storage?]?

  /// The walk that has claimed this node; 0 when free.
  private let claim = Atomic<UInt64>(0)
  /// The backward pass that released the operands.
  @exclusivity(unchecked) private(set) var releasedBy: Tape?
  /// The walk's: cotangents of the results on the way down, tangents on the way up.
  @exclusivity(unchecked) var flow = Tensors()
  /// The walk's: does an edge path from here lead to a target, and is this one.
  @exclusivity(unchecked) var reachesTarget = false
  @exclusivity(unchecked) var isTarget = false

  private static let lastSerial = Atomic<UInt64>(0)

  /// A serial number later than all before.
  static func nextSerial() -> UInt64 { lastSerial.wrappingAdd(1, ordering: .relaxed).newValue }

  init(
    _ operation: any TensorOperation, keeps: Kept, site: CallSite, inputs: borrowing Tensors,
    outputs: borrowing Tensors, specs: Specs
  ) {
    serial = Self.nextSerial()
    self.operation = operation
    isLeaf = false
    self.site = site
    label = nil
    outputSpecs = specs
    operands = .allocate(capacity: inputs.count)
    for index in 0..<inputs.count {
      operands.initializeElement(
        at: index, to: Operand(inputs.at(index)!, isKept: keeps.keepsInput(index)))
    }
    if keeps.outputMask != 0 {
      keptOutput = keeps.keepsOutput(0) ? outputs.first!.memory : nil
      if outputs.count > 1 {
        moreKeptOutputs = (1..<outputs.count).map {
          keeps.keepsOutput($0) ? outputs.at($0)!.memory : nil
        }
      }
    }
    LiveCounters.nodeCount.wrappingAdd(1, ordering: .relaxed)
  }

  init(leafOf spec: TensorSpec, label: Cell.Label?, site: CallSite) {
    serial = Self.nextSerial()
    operation = Leaf()
    isLeaf = true
    self.site = site
    self.label = label
    outputSpecs = Specs(spec)
    operands = UnsafeMutableBufferPointer(start: nil, count: 0)
  }

  /// `conv2d`, `parameter "conv1.weight"` or `tracked tensor`
  var name: String {
    if !isLeaf { return operation.displayName }
    guard let label else { return "tracked tensor" }
    return label.name.map { "parameter \"\($0)\"" } ?? "parameter without a name"
  }

  /// The result at `index`, in its place in the graph; `nil` where the op does not keep it.
  func keptOutput(_ index: Int) -> Tensor? {
    guard operation.keeps.keepsOutput(index), releasedBy == nil else { return nil }
    let memory = index == 0 ? keptOutput : moreKeptOutputs?[index - 1]
    return Tensor(outputSpecs[index], memory: memory, producer: self, outputIndex: index)
  }

  // MARK: Walking

  /// Claims the node for a walk. False when that walk has claimed it before; a second walk at the same time,
  /// from another thread or from inside a backward, is a misuse.
  func claim(for tape: Tape) -> Bool {
    let (exchanged, holder) = claim.compareExchange(
      expected: 0, desired: tape.id, ordering: .acquiringAndReleasing)
    if exchanged { return true }
    if holder == tape.id { return false }
    trap(
      Misuse(
        "another walk over this graph is under way (from another thread, or from inside an op's backward);"
          + " a graph can be walked by one at a time", operation: name, site: tape.site))
  }

  /// Ends the claim; the walk's fields return to their initial state.
  func unclaim() {
    if flow.count > 0 { flow = Tensors() }
    reachesTarget = false
    isTarget = false
    claim.store(0, ordering: .releasing)
  }

  /// Lets go of kept values and of the edges.
  func release(by tape: Tape) {
    releasedBy = tape
    keptOutput = nil
    moreKeptOutputs = nil
    dismantle()
  }

  // MARK: Freeing

  deinit {
    guard !isLeaf else { return }
    LiveCounters.nodeCount.wrappingSubtract(1, ordering: .relaxed)
    if releasedBy == nil { dismantle() }
    // Emptied operands hold no references: there is nothing to deinitialise.
    operands.deallocate()
  }

  /// Frees what only this node holds, without recursion: a chain of a million nodes would overflow the stack
  /// if each freed the one before it.
  private func dismantle() {
    var orphans: [Node] = []
    emptyOperands(into: &orphans)
    while var node = orphans.popLast() {
      if isKnownUniquelyReferenced(&node) { node.emptyOperands(into: &orphans) }
    }
  }

  @inline(__always)
  private func emptyOperands(into orphans: inout [Node]) {
    for index in operands.indices { operands[index].empty(into: &orphans) }
  }
}

/// Stands where a leaf has no op; it is never applied.
private struct Leaf: TensorOperation {
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    throw Misuse("a leaf is not applied")
  }
  func forward(_ inputs: borrowing Tensors) -> Tensors { [] }
  func backward(_ node: borrowing Differential) -> Tensors { [] }
}
