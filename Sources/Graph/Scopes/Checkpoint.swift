/// Runs `body` without keeping what its backward needs, and runs it again when the backward pass arrives: memory
/// traded for time.
///
/// Values and derivatives of any order are those of `body()`. Tensors and parameters that the body uses are found by
/// themselves; what it hands through without computing is handed through. The second run sees the parameters, buffers
/// and random sources as the first one found them (a dropout mask is the same), and what it writes to buffers is
/// dropped (running statistics are updated once).
///
/// While the body runs, its ops are kept; so the peak is that of the largest checkpointed part. A body that itself
/// walks over ops recorded outside, such as `gradients(of:withRespectTo:)` by a tensor from which its inputs were
/// computed, cannot be run again during a walk: it stays recorded as if it were not checkpointed.
///
/// - Parameter body: what to compute; called once now and once per backward pass, so it must not depend on
///   outside state that changes, other than parameters, buffers and random sources.
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
  let record = StateRecord(above: Node.nextSerial(), within: scope.extras?.record)
  var results = scope.with { $0.record = record }.run(body)
  // What is older, or a leaf, is handed through. The rest was computed.
  let places = results.indices.filter { record.recorded(results[$0].producer) }
  guard !places.isEmpty, !record.content.hasWalkedOutside else { return results }
  let edges = outerEdges(of: places.map { results[$0].producer! }, record)
  // Gradients may be asked for a leaf that the body made and returns; the second run would make another.
  let returned = Set(results.compactMap { $0.producer.flatMap { $0.isLeaf ? $0.serial : nil } })
  for edge in edges where edge.producer!.serial > record.floor {
    if returned.contains(edge.producer!.serial) { return results }
  }
  let specs = places.map { results[$0].declaredSpec }
  let operation = Checkpoint(
    run: FreedInTurn(
      Checkpoint.Run(body: body, scope: scope.with { $0.record = nil }, record: record)),
    places: places, specsOfResults: specs)
  let node = Node(
    operation, keeps: .nothing, site: site(scope, file, line), inputs: Tensors(edges),
    outputs: Tensors(places.map { results[$0] }), specs: Specs(specs))
  for (output, place) in places.enumerated() {
    results[place] = Tensor(
      specs[output], memory: results[place].memory, producer: node, outputIndex: output)
  }
  return results
}

extension StateRecord {
  /// Whether a node is one that the body left behind.
  fileprivate func recorded(_ node: Node?) -> Bool {
    guard let node else { return false }
    return !node.isLeaf && node.serial > floor
  }
}

/// The places in the graph around a body that the ops it recorded hang on, as tensors without values, oldest first.
private func outerEdges(of producers: [Node], _ record: StateRecord) -> [Tensor] {
  var edges: [Gradients.Key: Tensor] = [:]
  var waiting = producers
  var seen = Set(producers.map(\.serial))
  while let node = waiting.popLast() {
    for operand in node.operands {
      guard let producer = operand.producer else { continue }
      if record.recorded(producer) {
        if seen.insert(producer.serial).inserted { waiting.append(producer) }
      } else {
        let key = Gradients.Key(serial: producer.serial, outputIndex: operand.outputIndex)
        edges[key] = Tensor(
          operand.spec, memory: nil, producer: producer, outputIndex: operand.outputIndex)
      }
    }
  }
  return edges.sorted { $0.key < $1.key }.map(\.value)
}

/// The node of a checkpoint: its inputs are what the body's ops hang on, its outputs what the body computed.
struct Checkpoint: TensorOperation {
  static var name: String { "checkpointed" }

  /// The first run, as it has to be repeated.
  struct Run: Sendable {
    let body: @Sendable () -> [Tensor]
    let scope: Scope
    let record: StateRecord
  }
  let run: FreedInTurn<Run>
  /// Which of the body's results are outputs of the node.
  let places: [Int]
  let specsOfResults: [TensorSpec]
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { Specs(specsOfResults) }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(withoutGradients { repeated(run.value!, at: nil) }.map { $0.detached() })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let isRecording = TapestryGraph.isRecording
    // Whatever the second run records is newer than this; what is older counts as a leaf.
    let floor = Node.nextSerial()
    let run = (node.isLast ? run.take() : run.value)!
    let site = node.site
    let results = recordingGradients { repeated(run, at: site) }
    var outputs: [Tensor] = []
    var cotangents: [Tensor] = []
    for (index, result) in results.enumerated() {
      guard result.producer != nil, let cotangent = node.cotangent(index) else { continue }
      outputs.append(result)
      cotangents.append(cotangent)
    }
    var gradients = [Tensor?](repeating: nil, count: node.inputCount)
    if outputs.isEmpty { return Tensors(gradients) }
    let needed = (0..<node.inputCount).filter { node.needs($0) }
    let found = gradientsInOrder(
      of: outputs, withRespectTo: needed.map { node.edge($0) }, cotangents: cotangents,
      retaining: false, recording: isRecording, floor: floor, site: site)
    for (input, gradient) in zip(needed, found) { gradients[input] = gradient }
    return Tensors(gradients)
  }

  /// Runs the body in the scope and the state of its first run, recording if the present scope does, and hands over
  /// what the node is the producer of.
  private func repeated(_ run: Run, at site: CallSite?) -> [Tensor] {
    let present = Scope.current
    var scope = run.scope.with { extras in
      extras.replay = StateReplay(run.record)
      extras.observers = present.extras?.observers ?? []
      extras.anomalies = present.extras?.anomalies
    }
    scope.walk = nil
    if !present.flags.contains(.recording) { scope.flags.remove(.recording) }
    let results = scope.run(run.body)
    let again = places.map { $0 < results.count ? results[$0] : nil }
    guard again.map({ $0?.declaredSpec }) == specsOfResults.map({ $0 }) else {
      trap(
        Misuse(
          "the body returned \(results.map(\.declaredSpec)) when it ran again; of its first run"
            + " results \(places) were \(specsOfResults). It must not depend on what changes",
          operation: Self.name, site: site))
    }
    return again.map { $0! }
  }
}
