import CTapestryKernels

/// Reverse mode: cotangents flow from the results down the tape to the targets.
struct BackwardPass {
  let tape: Tape
  /// Keep the graph's values for another walk.
  let isRetaining: Bool
  /// Cotangents may be summed where they lie: nothing records them.
  private let isInPlace: Bool
  /// Observers are to see every op, also those that could write their result in place.
  private let isWatched: Bool
  private let scope: Scope

  /// The gradients of all leaves; without targets.
  private(set) var leaves = LeafGradients()
  /// The gradients by target slot.
  private(set) var targetGradients: [Tensor?]

  /// - Parameter recording: record the backward's ops, for higher derivatives.
  init(_ tape: Tape, retaining: Bool, recording: Bool, targetCount: Int = 0) {
    self.tape = tape
    isRetaining = retaining || recording
    var scope = Scope.current
    scope.walk = tape
    if recording { scope.flags.insert(.recording) } else { scope.flags.remove(.recording) }
    isInPlace = !recording && !scope.flags.contains(.dryRun)
    isWatched = scope.flags.contains(.watched)
    self.scope = scope
    targetGradients = targetCount == 0 ? [] : [Tensor?](repeating: nil, count: targetCount)
  }

  /// Weights a result: the starting point of the flow.
  mutating func seed(_ output: Tensor, _ cotangent: Tensor) {
    guard let producer = output.producer else { return }
    send(cotangent, to: producer, output.outputIndex)
  }

  /// Walks the tape. Nodes are let go of as soon as they are done with.
  mutating func run() {
    Scope.$current.withValue(scope) {
      while let node = tape.takeNewest() {
        if node.flow.count > 0 { visit(node) }
        if !isRetaining { node.release(by: tape) }
        node.unclaim()
      }
      tape.current = nil
    }
  }

  private mutating func visit(_ node: Node) {
    if node.isTarget {
      for target in tape.targets[node.serial]! {
        if let gradient = node.flow.at(target.outputIndex) {
          targetGradients[target.slot] = gradient
        }
      }
    }
    guard tape.isOnPath(node) else { return }
    tape.current = node
    let needed = tape.neededMask(node)
    var cotangents = Tensors()
    swap(&cotangents, &node.flow)
    let gradients = withUnsafeMutablePointer(to: &cotangents) {
      node.operation.backward(
        Differential(
          node: node, arrived: $0, needed: needed, mayReuse: isInPlace && !isWatched,
          isLast: !isRetaining))
    }
    cotangents = Tensors()
    if gradients.count < node.operands.count { refuse(gradients.count, of: node) }
    for input in 0..<gradients.count {
      guard let gradient = gradients.at(input) else { continue }
      check(gradient, input, of: node)
      guard needed >> UInt64(min(input, 63)) & 1 != 0 else { continue }
      if let producer = node.operands[input].producer {
        send(gradient, to: producer, node.operands[input].outputIndex)
      }
    }
  }

  /// A backward answers with a gradient for every input, `nil` where it is zero.
  @inline(never)
  private func refuse(_ count: Int, of node: Node) -> Never {
    let (expected, operation) = (node.operands.count, type(of: node.operation))
    let names = (0..<expected).map { operation.inputName($0, of: expected) }
    trap(
      Misuse(
        "backward returned \(count) gradient\(count == 1 ? "" : "s") for \(expected) inputs"
          + " (\(names.joined(separator: ", "))); return one for each, nil where it is zero",
        operation: node.name, site: node.site))
  }

  /// A gradient has the shape and type of its input.
  @inline(__always)
  private func check(_ gradient: Tensor, _ input: Int, of node: Node) {
    if input < node.operands.count, gradient.cell == nil,
      gradient.declaredSpec == node.operands[input].spec
    {
      return
    }
    checkAgain(gradient, input, of: node)
  }

  @inline(never)
  private func checkAgain(_ gradient: Tensor, _ input: Int, of node: Node) {
    let count = node.operands.count
    if gradient.isUnknown || (input < count && gradient.spec == node.operands[input].spec) {
      return
    }
    let expected = input < count ? "\(node.operands[input].spec)" : "no such input"
    trap(
      Misuse(
        "backward returned \(gradient.spec) as the gradient of input \(input), which is \(expected)",
        operation: node.name, site: node.site))
  }

  /// Adds a cotangent to what has arrived at a result of `producer`.
  private mutating func send(_ gradient: Tensor, to producer: Node, _ outputIndex: Int) {
    if tape.isOnTape(producer) {
      if producer.flow.count == 0 { producer.flow = Tensors(absent: producer.outputSpecs.count) }
      producer.flow.slot(outputIndex) { accumulate(gradient, into: &$0, inPlace: isInPlace) }
    } else if tape.hasTargets {
      for target in tape.targets[producer.serial] ?? [] where target.outputIndex == outputIndex {
        accumulate(gradient, into: &targetGradients[target.slot], inPlace: isInPlace)
      }
    } else {
      leaves.add(gradient, to: producer.serial, inPlace: isInPlace)
    }
  }
}

/// Adds `gradient` to `total`; in place where nothing else holds what has been summed so far.
private func accumulate(_ gradient: Tensor, into total: inout Tensor?, inPlace: Bool) {
  guard total != nil else {
    total = gradient
    return
  }
  if inPlace, isKnownUniquelyReferenced(&total), isKnownUniquelyReferenced(&total!.memory) {
    let target = total!.memory!.pointer
    gradient.withMemory {
      tapestry_accumulate(gradient.dtype.code, Int64(gradient.count), $0, target)
    }
  } else {
    total = sum(total!, gradient)
  }
}

/// What has arrived at each leaf. Few leaves are found by looking through them, many by a table.
struct LeafGradients {
  private var entries: [Gradients.Entry] = []
  private var places: [UInt64: Int] = [:]
  private static let fewest = 12

  /// The gradients in the order of the leaves' creation.
  var sorted: [Gradients.Entry] { entries.count < 2 ? entries : entries.sorted { $0.key < $1.key } }

  fileprivate mutating func add(_ gradient: Tensor, to serial: UInt64, inPlace: Bool) {
    let place =
      entries.count > Self.fewest
      ? places[serial] : entries.firstIndex { $0.key.serial == serial }
    if let place {
      var total: Tensor? = entries[place].gradient
      entries[place].gradient = gradient  // lets go, so that the sum may be made in place
      accumulate(gradient, into: &total, inPlace: inPlace)
      entries[place].gradient = total!
      return
    }
    entries.append(
      Gradients.Entry(key: Gradients.Key(serial: serial, outputIndex: 0), gradient: gradient))
    if entries.count == Self.fewest + 1 {
      for (index, entry) in entries.enumerated() { places[entry.key.serial] = index }
    } else if entries.count > Self.fewest {
      places[serial] = entries.count - 1
    }
  }
}
