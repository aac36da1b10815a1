import Synchronization

/// One recorded call of an op, or a leaf: a parameter or a tensor made by `tracked()`.
///
/// Edges point from a result to what it was computed from. Sendable, because everything but the walk's
/// own fields is written before the node is published, and those are touched only by the walk that has
/// claimed the node.
final class Node: @unchecked Sendable {
  /// One operand: the tensor itself where the backward reads it, otherwise only the edge.
  struct Operand {
    var kept: Tensor?
    var edge: Node?
    var edgeIndex: Int

    @inline(__always) var producer: Node? { kept == nil ? edge : kept!.producer }
    @inline(__always) var outputIndex: Int { kept == nil ? edgeIndex : kept!.outputIndex }
  }

  /// Place in the order of recording, process-wide; leaves draw from the same counter.
  let serial: UInt64
  /// `nil` for a leaf.
  let operation: (any TensorOperation)?
  let site: CallSite
  /// A parameter's name.
  let label: Cell.Label?
  let inputSpecs: ShortList<TensorSpec>
  let outputSpecs: ShortList<TensorSpec>

  private(set) var operands: ShortList<Operand>
  /// Memory of the results that the backward reads: memory only, because the results point here.
  private(set) var keptOutputs: ShortList<Storage?>

  /// The walk that has claimed this node; 0 when free.
  private let claim = Atomic<UInt64>(0)
  /// The backward pass that released the operands.
  private(set) var releasedBy: WalkOrigin?
  /// The walk's: cotangents of the results on the way down, tangents on the way up.
  var flow = ShortList<Tensor?>()
  /// The walk's: does an edge path from here lead to a target, and is this one.
  var reachesTarget = false
  var isTarget = false

  private static let lastSerial = Atomic<UInt64>(0)

  /// A serial number later than all before.
  static func nextSerial() -> UInt64 { lastSerial.wrappingAdd(1, ordering: .relaxed).newValue }

  init(
    _ operation: any TensorOperation, site: CallSite, inputs: borrowing Tensors, inputSpecs: ShortList<TensorSpec>,
    outputs: borrowing Tensors, outputSpecs: ShortList<TensorSpec>
  ) {
    serial = Self.nextSerial()
    self.operation = operation
    self.site = site
    label = nil
    self.inputSpecs = inputSpecs
    self.outputSpecs = outputSpecs
    let keeps = operation.keeps
    operands = ShortList()
    for index in 0..<inputs.count {
      let input = inputs.list[index]!
      operands.append(
        keeps.keepsInput(index)
          ? Operand(kept: input, edge: nil, edgeIndex: 0)
          : Operand(kept: nil, edge: input.producer, edgeIndex: input.outputIndex))
    }
    keptOutputs = ShortList()
    if keeps.outputMask != 0 {
      for index in 0..<outputs.count {
        keptOutputs.append(keeps.keepsOutput(index) ? outputs.list[index]!.memory : nil)
      }
    }
    LiveCounters.nodeCount.wrappingAdd(1, ordering: .relaxed)
  }

  init(leafOf spec: TensorSpec, label: Cell.Label?, site: CallSite) {
    serial = Self.nextSerial()
    operation = nil
    self.site = site
    self.label = label
    inputSpecs = ShortList()
    outputSpecs = ShortList(spec)
    operands = ShortList()
    keptOutputs = ShortList()
  }

  var isLeaf: Bool { operation == nil }

  /// `conv2d`, `parameter "conv1.weight"` or `tracked tensor`
  var name: String {
    if let operation { return operation.displayName }
    guard let label else { return "tracked tensor" }
    return label.name.map { "parameter \"\($0)\"" } ?? "parameter without a name"
  }

  /// The result at `index`, from kept memory, in its place in the graph.
  func keptOutput(_ index: Int) -> Tensor? {
    guard index < keptOutputs.count else { return nil }
    guard let memory = keptOutputs[index] else {
      // A dry run has no memory to keep.
      return operation!.keeps.keepsOutput(index) ? Tensor(outputSpecs[index], memory: nil, producer: self, outputIndex: index) : nil
    }
    return Tensor(outputSpecs[index], memory: memory, producer: self, outputIndex: index)
  }

  // MARK: Walking

  /// Claims the node for a walk. False when that walk has claimed it before; a second walk at the same time,
  /// from another thread or from inside a backward, is a misuse.
  func claim(for walk: WalkOrigin) -> Bool {
    let (exchanged, holder) = claim.compareExchange(
      expected: 0, desired: walk.id, ordering: .acquiringAndReleasing)
    if exchanged { return true }
    if holder == walk.id { return false }
    trap(
      Misuse(
        "another walk over this graph is under way (from another thread, or from inside an op's backward);"
          + " a graph can be walked by one at a time", operation: name, site: walk.site))
  }

  func isClaimed(by walk: WalkOrigin) -> Bool { claim.load(ordering: .relaxed) == walk.id }

  /// Ends the claim; the walk's fields return to their initial state.
  func unclaim() {
    flow = ShortList()
    reachesTarget = false
    isTarget = false
    claim.store(0, ordering: .releasing)
  }

  /// Lets go of kept values and of the edges.
  func release(by walk: WalkOrigin) {
    releasedBy = walk
    keptOutputs = ShortList()
    dismantle()
  }

  // MARK: Freeing

  deinit {
    if operation == nil { return }
    LiveCounters.nodeCount.wrappingSubtract(1, ordering: .relaxed)
    dismantle()
  }

  /// Frees what only this node holds, without recursion: a chain of a million nodes would overflow the stack
  /// if each freed the one before it.
  private func dismantle() {
    var orphans: [Node] = []
    takeOperands(into: &orphans)
    while var node = orphans.popLast() {
      if isKnownUniquelyReferenced(&node) { node.takeOperands(into: &orphans) }
    }
  }

  /// Empties the operands; producers that nothing else may hold go to `orphans` instead of being freed here.
  private func takeOperands(into orphans: inout [Node]) {
    var taken = ShortList<Operand>()
    swap(&taken, &operands)
    for index in 0..<taken.count {
      if taken[index].kept != nil {
        if isKnownUniquelyReferenced(&taken[index].kept), let producer = taken[index].kept!.producer {
          taken[index].kept!.producer = nil
          if !producer.isLeaf { orphans.append(producer) }
        }
        taken[index].kept = nil
      } else if let producer = taken[index].edge {
        taken[index].edge = nil
        if !producer.isLeaf { orphans.append(producer) }
      }
    }
  }
}

/// One walk over a graph: its identity, and the user's line that asked for it.
final class WalkOrigin: Sendable {
  let id: UInt64
  let site: CallSite
  private static let lastID = Atomic<UInt64>(0)

  init(_ site: CallSite) {
    id = Self.lastID.wrappingAdd(1, ordering: .relaxed).newValue
    self.site = site
  }
}
