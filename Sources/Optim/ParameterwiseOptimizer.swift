import TapestryGraph

/// An optimizer that treats every parameter by itself: all of them but ``LBFGS``.
///
/// The parameters and their names are asked for once, at the start. What is remembered about a parameter is made
/// at its first gradient, in its element type. A step is one pass over the memory of a parameter, its gradient
/// and its state, in place wherever no graph still holds the old value.
public class ParameterwiseOptimizer: Optimizer {
  /// A parameter and what is remembered about it.
  struct Entry {
    let name: String
    let parameter: Parameter
    /// The parameter's own, whatever stands in for it under `substituting`.
    let spec: TensorSpec
    var updates = 0
    var learningRateFactor = 1.0
    var weightDecayFactor: Double
    /// What there is to remember.
    let layout: [StateSlot]
    /// One per slot of the layout, or empty before the first gradient.
    var slots: [Buffer] = []
  }

  public var learningRate: Double {
    didSet { ArgumentChecks(self).nonNegative(learningRate, "learningRate") }
  }
  public internal(set) var step = 0

  let rule: any ParameterRule
  var entries: [Entry]
  private let scratch = ScratchMemory()

  init(
    _ container: some ParameterContainer, learningRate: Double, rule: some ParameterRule,
    decays: DecayedParameters = .all, file: StaticString, line: UInt
  ) {
    self.learningRate = learningRate
    self.rule = rule
    entries = namedParameters(of: container, file, line).map {
      let spec = $0.parameter.value.spec
      return Entry(
        name: $0.name, parameter: $0.parameter, spec: spec,
        weightDecayFactor: decays == .weights && spec.shape.rank < 2 ? 0 : 1,
        layout: rule.slots(of: spec))
    }
    let checks = ArgumentChecks(self, file, line)
    checks.nonNegative(learningRate, "learningRate")
    checks.nonNegative(rule.weightDecay, "weightDecay")
    rule.check(checks)
  }

  /// Gives the chosen parameters other rates than the rest: a parameter group.
  ///
  /// ```swift
  /// optimizer.adjust(where: { $0.name.hasPrefix("classifier.") }, learningRate: 10)
  /// optimizer.adjust(where: { $0.name.hasSuffix("embedding") }, weightDecay: 0)
  /// ```
  ///
  /// Biases and the parameters of normalisation are left out of weight decay by ``DecayedParameters/weights``.
  ///
  /// - Parameters:
  ///   - isChosen: which parameters, by name or value.
  ///   - learningRate: multiplies the learning rate for them from now on.
  ///   - weightDecay: multiplies the weight decay for them from now on.
  /// - Precondition: at least one parameter is chosen; factors are finite and at least 0.
  public func adjust(
    where isChosen: ((name: String, parameter: Parameter)) -> Bool, learningRate: Double = 1,
    weightDecay: Double = 1, file: StaticString = #fileID, line: UInt = #line
  ) {
    let checks = ArgumentChecks(self, file, line)
    checks.nonNegative(learningRate, "adjust(where:learningRate:)")
    checks.nonNegative(weightDecay, "adjust(where:weightDecay:)")
    let chosen = entries.indices.filter { isChosen((entries[$0].name, entries[$0].parameter)) }
    if chosen.isEmpty {
      trap(
        "\(kind(of: self)): adjust(where:) chose none of the parameters \(entries.map(\.name))",
        file: file, line: line)
    }
    for index in chosen {
      entries[index].learningRateFactor *= learningRate
      entries[index].weightDecayFactor *= weightDecay
    }
  }

  public func update(along gradients: Gradients, scale: Double, file: StaticString, line: UInt) {
    var reached = 0
    for index in entries.indices {
      let entry = entries[index]
      guard
        let gradient = gradient(
          of: entry.parameter, entry.name, entry.spec, in: gradients, self, file, line)
      else { continue }
      reached += 1
      if entry.parameter.isFrozen { continue }
      entries[index].updates += 1
      makeSlots(of: index)
      advance(entries[index], along: gradient, scale)
    }
    requireReached(reached, of: entries.count, gradients, self, file, line)
    step += 1
  }

  private func makeSlots(of index: Int) {
    let entry = entries[index]
    guard entry.slots.isEmpty else { return }
    entries[index].slots = entry.layout.map {
      Buffer(.full($0.shape ?? entry.spec.shape, $0.initialValue, dtype: entry.spec.dtype))
    }
  }

  private func advance(_ entry: Entry, along gradient: Tensor, _ scale: Double) {
    guard entry.spec.shape.elementCount > 0 else { return }
    gradient.withMemory { gradient in
      entry.parameter.update { parameter in
        withMutableMemory(of: entry.slots) { state in
          rule.move(
            ParameterStep(
              spec: entry.spec, number: entry.updates,
              learningRate: learningRate * entry.learningRateFactor,
              weightDecay: rule.weightDecay * entry.weightDecayFactor, gradientScale: scale,
              gradient: gradient, state: state, parameter: parameter, scratch: scratch))
        }
      }
    }
  }
}

/// Runs `body` with the addresses of the elements of all `buffers`, to change them.
private func withMutableMemory(
  of buffers: [Buffer], _ pointers: [UnsafeMutableRawPointer] = [],
  _ body: ([UnsafeMutableRawPointer]) -> Void
) {
  guard pointers.count < buffers.count else { return body(pointers) }
  buffers[pointers.count].update { withMutableMemory(of: buffers, pointers + [$0], body) }
}
