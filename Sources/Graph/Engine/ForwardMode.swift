/// Forward mode: tangents flow from tracked tensors up to the results.
///
/// - Parameters:
///   - outputs: what was computed, its graph not released.
///   - tangents: directions of change of tracked tensors.
/// - Returns: the directional derivative of each output; `nil` where it is zero because none of the tensors
///   is among what the output was computed from.
func tangents(
  of outputs: [Tensor], along tangents: [(Tensor, Tensor)], recording: Bool, site: CallSite
) -> [Tensor?] {
  let sources = tangents.map { ($0.0.resolved, $0.1.resolved) }
  let tape = Tape(of: outputs.filter { $0.producer != nil }, targets: sources.map(\.0), site: site)
  var scope = Scope.current
  scope.walk = tape
  if recording { scope.flags.insert(.recording) } else { scope.flags.remove(.recording) }
  let results = scope.run { () -> [Tensor?] in
    for node in tape.nodes {
      if tape.isOnPath(node) {
        var (inputs, present) = inputTangents(of: node, on: tape, sources)
        if present != 0 {
          tape.current = node
          let results = withUnsafeMutablePointer(to: &inputs) {
            node.operation.jvp(
              Differential(node: node, arrived: $0, needed: present, mayReuse: false))
          }
          check(results, of: node)
          node.flow = results
        }
      }
      // A source that was computed from another one carries its own tangent besides.
      for target in tape.targets[node.serial] ?? [] where node.isTarget {
        while node.flow.count < node.outputSpecs.count { node.flow.append(nil) }
        let own = sources[target.slot].1
        let total = node.flow.at(target.outputIndex).map { sum($0, own) } ?? own
        node.flow.slot(target.outputIndex) { $0 = total }
      }
    }
    return outputs.map { output in
      output.producer.flatMap { flow(from: $0, output.outputIndex, on: tape, sources) }
    }
  }
  tape.current = nil
  tape.finish()
  return results
}

private func inputTangents(
  of node: Node, on tape: Tape, _ sources: [(Tensor, Tensor)]
) -> (Tensors, present: UInt64) {
  var list = Tensors()
  var present: UInt64 = 0
  for index in 0..<node.operands.count {
    let tangent = node.operands[index].producer.flatMap {
      flow(from: $0, node.operands[index].outputIndex, on: tape, sources)
    }
    if tangent != nil { present |= 1 << UInt64(min(index, 63)) }
    list.append(tangent)
  }
  return (list, present)
}

/// The tangent of a result of `node`: computed by the walk, or given.
private func flow(
  from node: Node, _ outputIndex: Int, on tape: Tape, _ sources: [(Tensor, Tensor)]
) -> Tensor? {
  if tape.isOnTape(node) { return node.flow.at(outputIndex) }
  return (tape.targets[node.serial] ?? []).filter { $0.outputIndex == outputIndex }
    .map { sources[$0.slot].1 }.reduce(nil) { total, tangent in
      total.map { sum($0, tangent) } ?? tangent
    }
}

/// A jvp answers with a tangent for every result, `nil` where it is zero.
private func check(_ tangents: Tensors, of node: Node) {
  let expected = node.outputSpecs.count
  if tangents.count < expected {
    trap(
      Misuse(
        "jvp returned \(tangents.count) tangents for \(expected) results; return one for each, nil"
          + " where it is zero", operation: node.name, site: node.site))
  }
  for index in 0..<tangents.count {
    guard let tangent = tangents.at(index), !tangent.isUnknown else { continue }
    guard index < expected, tangent.spec == node.outputSpecs[index] else {
      trap(
        Misuse(
          "jvp returned \(tangent.spec) as the tangent of result \(index), whose spec differs",
          operation: node.name, site: node.site))
    }
  }
}

/// The default jvp of an op: its backward is linear in the cotangent u, g(u) = Jᵀu, so the derivative of
/// ⟨g(u), t⟩ by u is J t.
func transposedJVP(of operation: some TensorOperation, _ node: borrowing Differential) -> Tensors {
  let isRecording = Scope.current.flags.contains(.recording)
  let floor = Node.nextSerial()
  var cotangents = Tensors()
  var probes: [Tensor] = []
  var places: [Int] = []
  for index in 0..<node.outputCount {
    let spec = node.outputSpec(index)
    guard spec.dtype.isFloatingPoint else {
      cotangents.append(nil)
      continue
    }
    let probe = Tensor.zeros(spec.shape, dtype: spec.dtype).tracked()
    cotangents.append(probe)
    probes.append(probe)
    places.append(index)
  }
  let gradients = withUnsafeMutablePointer(to: &cotangents) { cotangents in
    let differential = Differential(
      node: node.node, arrived: cotangents, needed: node.needed, mayReuse: false)
    return recordingGradients { operation.backward(differential) }
  }
  var outputs: [Tensor] = []
  var weights: [Tensor] = []
  for index in 0..<gradients.count {
    guard let gradient = gradients.at(index), gradient.producer != nil,
      let tangent = node.tangent(index)
    else { continue }
    outputs.append(gradient)
    weights.append(tangent)
  }
  var results = Tensors(absent: node.outputCount)
  if outputs.isEmpty { return results }
  let transposed = gradientsInOrder(
    of: outputs, withRespectTo: probes, cotangents: weights, retaining: false,
    recording: isRecording, floor: floor, site: node.site)
  for (place, tangent) in zip(places, transposed) { results.slot(place) { $0 = tangent } }
  return results
}
