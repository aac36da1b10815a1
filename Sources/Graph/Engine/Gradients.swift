/// The result of a backward pass: a gradient per leaf or requested tensor, as values.
///
/// Nothing has to be zeroed, and micro-batches add with `+`. A parameter that was not reached is absent.
/// The order is that of the leaves' creation, which for a model is the order of its parameters.
public struct Gradients: Sendable {
  struct Key: Hashable, Comparable {
    let serial: UInt64
    let outputIndex: Int
    static func < (a: Key, b: Key) -> Bool { (a.serial, a.outputIndex) < (b.serial, b.outputIndex) }
  }

  struct Entry: Sendable {
    let key: Key
    var gradient: Tensor
  }

  /// Sorted by key.
  private(set) var entries: [Entry]

  init(_ entries: [Entry]) { self.entries = entries }

  /// No gradients: the neutral element of `+`.
  public init() { entries = [] }

  /// How many tensors have a gradient.
  public var count: Int { entries.count }

  /// The gradient of a parameter or another tracked tensor, or `nil` where the pass did not reach it.
  ///
  /// - Precondition: the tensor is tracked.
  public subscript(tensor: Tensor) -> Tensor? {
    let key = Gradients.key(of: tensor)
    return position(of: key).map { entries[$0].gradient }
  }

  /// The gradients in order.
  public var tensors: [Tensor] { entries.map(\.gradient) }

  /// Those of `parameters` that have no gradient here.
  public func unreached(among parameters: [Parameter]) -> [Parameter] {
    parameters.filter { self[$0] == nil }
  }

  /// Each gradient replaced by what `transform` makes of it.
  public func map(_ transform: (Tensor) -> Tensor) -> Gradients {
    Gradients(entries.map { Entry(key: $0.key, gradient: transform($0.gradient)) })
  }

  /// The sum, tensor by tensor; one that only one side has counts as zero on the other.
  public static func + (a: Gradients, b: Gradients) -> Gradients {
    var merged: [Entry] = []
    merged.reserveCapacity(max(a.count, b.count))
    var (i, j) = (0, 0)
    while i < a.count || j < b.count {
      if j == b.count || (i < a.count && a.entries[i].key < b.entries[j].key) {
        merged.append(a.entries[i])
        i += 1
      } else if i == a.count || b.entries[j].key < a.entries[i].key {
        merged.append(b.entries[j])
        j += 1
      } else {
        merged.append(
          Entry(key: a.entries[i].key, gradient: sum(a.entries[i].gradient, b.entries[j].gradient)))
        (i, j) = (i + 1, j + 1)
      }
    }
    return Gradients(merged)
  }

  public static func += (a: inout Gradients, b: Gradients) { a = a + b }

  static func key(of tensor: Tensor) -> Key {
    // A parameter keeps its leaf under `substituting` too.
    if let leaf = tensor.cell?.leaf { return Key(serial: leaf.serial, outputIndex: 0) }
    let value = tensor.resolved
    guard let producer = value.producer else {
      trapAtCaller(
        "the gradient of an untracked tensor \(value.spec): make it a Parameter, or track it with"
          + " `let x = x.tracked()` before computing with it")
    }
    return Key(serial: producer.serial, outputIndex: value.outputIndex)
  }

  private func position(of key: Key) -> Int? {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].key < key { low = middle + 1 } else { high = middle }
    }
    return low < entries.count && entries[low].key == key ? low : nil
  }
}

extension Tensor {
  /// The gradients of this scalar by every parameter and tracked tensor that it depends on.
  ///
  /// - Parameters:
  ///   - cotangent: the weight of each element in what is differentiated; 1 by default, for which the
  ///     tensor must have one element.
  ///   - retaining: keep the graph's values, so that it can be walked again. By default they are released
  ///     as the walk consumes them.
  ///   - recording: record the backward's own ops, for higher derivatives. Implies `retaining`.
  /// - Precondition: this tensor is tracked; its graph has not been released.
  public final func gradients(
    cotangent: Tensor? = nil, retaining: Bool = false, recording: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Gradients {
    let site = CallSite(file: file, line: line)
    let (output, weight) = seed(self, cotangent, site)
    let tape = Tape(of: [output], targets: nil, site: site)
    var pass = BackwardPass(tape, retaining: retaining, recording: recording)
    pass.seed(output, weight)
    pass.run()
    return Gradients(pass.leaves.sorted)
  }
}

/// The gradients of `output` by these tensors: parameters, tracked leaves, or anything computed from them.
///
/// Only the part of the graph between them is walked. Parameters as in ``Tensor/gradients(cotangent:retaining:recording:file:line:)``.
public func gradients(
  of output: Tensor, withRespectTo targets: [Tensor], cotangent: Tensor? = nil,
  retaining: Bool = false, recording: Bool = false,
  file: StaticString = #fileID, line: UInt = #line
) -> Gradients {
  gradients(
    of: [output], withRespectTo: targets, cotangents: cotangent.map { [$0] },
    retaining: retaining, recording: recording, file: file, line: line)
}

/// The gradients of the weighted sum of several outputs by these tensors.
///
/// - Parameter cotangents: a weight for each element of each output; 1 by default, for which every output must
///   have one element.
public func gradients(
  of outputs: [Tensor], withRespectTo targets: [Tensor], cotangents: [Tensor]?,
  retaining: Bool = false, recording: Bool = false,
  file: StaticString = #fileID, line: UInt = #line
) -> Gradients {
  let site = CallSite(file: file, line: line)
  let values = targets.map { target(of: $0, site) }
  let results = gradientsInOrder(
    of: outputs, withRespectTo: values, cotangents: cotangents, retaining: retaining,
    recording: recording, site: site)
  var entries: [Gradients.Entry] = []
  for (target, gradient) in zip(targets, results) {
    guard let gradient else { continue }
    entries.append(Gradients.Entry(key: Gradients.key(of: target), gradient: gradient))
  }
  entries.sort { $0.key < $1.key }
  return Gradients(entries)
}

/// The gradients in the order of the targets, `nil` where the walk did not arrive.
func gradientsInOrder(
  of outputs: [Tensor], withRespectTo targets: [Tensor], cotangents: [Tensor]?,
  retaining: Bool, recording: Bool, floor: UInt64? = nil, site: CallSite
) -> [Tensor?] {
  if let cotangents, cotangents.count != outputs.count {
    trap(
      Misuse(
        "\(outputs.count) outputs, but \(cotangents.count) cotangents", operation: "gradients",
        site: site))
  }
  let seeds = outputs.indices.map {
    seed(outputs[$0], cotangents?[$0], site, isOnly: outputs.count == 1)
  }
  let tape = Tape(of: seeds.map(\.output), targets: targets, floor: floor, site: site)
  var pass = BackwardPass(
    tape, retaining: retaining, recording: recording, targetCount: targets.count)
  for (output, weight) in seeds { pass.seed(output, weight) }
  pass.run()
  return pass.targetGradients
}

/// A tensor that gradients are asked for, in its place in the graph.
private func target(of tensor: Tensor, _ site: CallSite) -> Tensor {
  let value = tensor.resolved
  guard value.producer != nil else {
    if let parameter = tensor as? Parameter {
      trap(
        Misuse(
          "the parameter \"\(parameter.name ?? "\(value.spec)")\" is frozen: it has no gradient. Set"
            + " isFrozen = false before computing with it", operation: "gradients", site: site))
    }
    trap(
      Misuse(
        "\(value.spec) is untracked; make it a Parameter, or track it with `let x = x.tracked()` before"
          + " computing with it", operation: "gradients", site: site))
  }
  return value
}

/// An output with its cotangent, checked.
private func seed(
  _ output: Tensor, _ cotangent: Tensor?, _ site: CallSite, isOnly: Bool = true
) -> (output: Tensor, weight: Tensor) {
  func refuse(_ reason: String) -> Never {
    trap(Misuse(reason, operation: "gradients", site: site))
  }
  let value = output.resolved
  if isOnly && value.producer == nil {
    refuse(
      "the output \(value.spec) does not depend on a tracked tensor: nothing was recorded. Track an input"
        + " with `x.tracked()`, use a Parameter that is not frozen, and compute outside withoutGradients { } and"
        + " inference { }"
    )
  }
  guard let cotangent else {
    guard value.count == 1 else {
      refuse(
        "the output has shape \(value.shape), not one element; pass a cotangent of that shape, or reduce"
          + " it with sum() or mean()")
    }
    return (value, .ones(value.shape, dtype: value.dtype))
  }
  let weight = cotangent.resolved
  guard weight.declaredSpec == value.declaredSpec else {
    refuse("the cotangent is \(weight.declaredSpec), but the output is \(value.declaredSpec)")
  }
  return (value, weight)
}
