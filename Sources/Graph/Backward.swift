import CTapestryKernels

/// Reverse mode: cotangents flow from the results to the targets.
struct BackwardPass {
  /// Keep the graph's values for another walk.
  var isRetaining: Bool
  /// Record the backward's ops, for higher derivatives.
  var isRecording: Bool

  /// The gradients by target slot.
  func run(_ tape: consuming Tape, seeds: [(Tensor, Tensor)], targetCount: Int) -> [Tensor?] {
    var results = [Tensor?](repeating: nil, count: targetCount)
    walk(&tape, seeds: seeds) { slot, _, gradient in results[slot] = gradient }
    return results
  }

  /// The gradients of all leaves, oldest first.
  func runToLeaves(_ tape: consuming Tape, seeds: [(Tensor, Tensor)]) -> [(leaf: Node, gradient: Tensor)] {
    var results: [(Node, Tensor)] = []
    walk(&tape, seeds: seeds) { _, leaf, gradient in results.append((leaf!, gradient)) }
    return results.reversed()
  }

  private func walk(
    _ tape: inout Tape, seeds: [(Tensor, Tensor)], deliver: (Int, Node?, Tensor) -> Void
  ) {
    let state = WalkState()
    var scope = Scope.current.with { $0.walk = state }
    if isRecording { scope.flags.insert(.recording) } else { scope.flags.remove(.recording) }
    let canReuse = !isRecording && !scope.flags.contains(.dryRun)
    scope.run {
      var belowFloor: [Int: Tensor] = [:]
      func send(_ gradient: Tensor, to producer: Node, _ outputIndex: Int) {
        if producer.serial >= tape.floor {
          if producer.flow.count == 0 {
            producer.flow = ShortList(repeating: nil, count: producer.outputSpecs.count)
          }
          Self.accumulate(gradient, into: &producer.flow[outputIndex], inPlace: canReuse)
        } else {
          for target in tape.targets[producer.serial] ?? [] where target.outputIndex == outputIndex {
            Self.accumulate(gradient, into: &belowFloor[target.slot], inPlace: false)
          }
        }
      }
      for (output, cotangent) in seeds where output.producer != nil {
        send(cotangent, to: output.producer!, output.outputIndex)
      }
      let done = Node.placeholder
      for index in tape.nodes.indices {
        let node = tape.nodes[index]
        if node.flow.count > 0 {
          if node.isTarget {
            for target in tape.targets[node.serial]! {
              if let gradient = node.flow[target.outputIndex] { deliver(target.slot, nil, gradient) }
            }
          } else if node.isLeaf && !tape.hasTargets {
            deliver(0, node, node.flow[0]!)
          }
          if tape.isOnPath(node) {
            state.node = node
            let needed = tape.neededMask(node)
            let gradients = Self.differentiate(node, needed: needed)
            for input in 0..<gradients.count {
              guard let gradient = gradients.list[input], needed >> UInt64(min(input, 63)) & 1 != 0
              else { continue }
              let operand = node.operands[input]
              guard let producer = operand.producer else { continue }
              send(gradient, to: producer, operand.outputIndex)
            }
          }
        }
        tape.finish(index, releasing: !isRetaining, placeholder: done)
      }
      state.node = nil
      for (slot, gradient) in belowFloor { deliver(slot, nil, gradient) }
    }
  }

  /// Runs the op's backward and checks what it returned.
  private static func differentiate(_ node: Node, needed: UInt64) -> Tensors {
    var cotangents = ShortList<Tensor?>()
    swap(&cotangents, &node.flow)
    let operation = node.operation!
    let gradients = operation.backward(Differential(node: node, flow: cotangents, needed: needed))
    for index in 0..<gradients.count {
      guard let gradient = gradients.list[index], !gradient.isUnknown else { continue }
      guard index < node.inputSpecs.count, gradient.spec == node.inputSpecs[index] else {
        let expected = index < node.inputSpecs.count ? "\(node.inputSpecs[index])" : "no such input"
        trap(
          Misuse(
            "backward returned \(gradient.spec) as the gradient of input \(index), which is \(expected)",
            operation: node.name, site: node.site))
      }
    }
    return gradients
  }

  /// Adds to what has arrived at a node; in place where nothing else holds the sum so far.
  private static func accumulate(_ gradient: Tensor, into sum: inout Tensor?, inPlace: Bool) {
    guard sum != nil else {
      sum = gradient
      return
    }
    if inPlace, isKnownUniquelyReferenced(&sum), isKnownUniquelyReferenced(&sum!.memory) {
      let target = sum!.memory!.pointer
      gradient.withMemory {
        tapestry_accumulate(gradient.dtype.code, Int64(gradient.count), $0, target)
      }
    } else {
      sum = TapestryGraph.sum(sum!, gradient)
    }
  }
}

extension Node {
  /// Takes the place of nodes that a walk is done with.
  static let placeholder = Node(
    leafOf: TensorSpec([], .float32), label: nil, site: CallSite(file: #fileID, line: #line))
}
