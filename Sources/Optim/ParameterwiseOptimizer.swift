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
    /// One per slot, or empty before the first gradient.
    var slots: [Buffer] = []
  }

  /// An array that is remembered per parameter, of the parameter's shape.
  struct Slot {
    let name: String
    var initialValue = 0.0
  }

  public var learningRate: Double {
    didSet { requireNonNegative(learningRate, "learningRate", of: self) }
  }
  public internal(set) var step = 0

  let slots: [Slot]
  var entries: [Entry]

  init(
    _ container: some ParameterContainer, learningRate: Double, slots: [Slot],
    decays: DecayedParameters = .all, file: StaticString, line: UInt
  ) {
    self.learningRate = learningRate
    self.slots = slots
    entries = namedParameters(of: container, file, line).map {
      let spec = $0.parameter.value.spec
      return Entry(
        name: $0.name, parameter: $0.parameter, spec: spec,
        weightDecayFactor: decays == .weights && spec.shape.rank < 2 ? 0 : 1)
    }
    requireNonNegative(learningRate, "learningRate", of: self, file, line)
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
    requireNonNegative(learningRate, "adjust(where:learningRate:)", of: self, file, line)
    requireNonNegative(weightDecay, "adjust(where:weightDecay:)", of: self, file, line)
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

  /// The step itself, on memory.
  func move(_ step: ParameterStep) { fatalError("move(_:) belongs to the subclasses") }

  private func makeSlots(of index: Int) {
    guard entries[index].slots.isEmpty, !slots.isEmpty else { return }
    let spec = entries[index].spec
    entries[index].slots = slots.map {
      Buffer(.full(spec.shape, $0.initialValue, dtype: spec.dtype))
    }
  }

  private func advance(_ entry: Entry, along gradient: Tensor, _ scale: Double) {
    gradient.withMemory { gradient in
      entry.parameter.update { parameter in
        withMutableMemory(of: entry.slots) { state in
          move(
            ParameterStep(
              dtype: entry.spec.dtype, count: entry.spec.shape.elementCount, number: entry.updates,
              learningRate: learningRate * entry.learningRateFactor,
              weightDecayFactor: entry.weightDecayFactor, gradientScale: scale, gradient: gradient,
              state: state, parameter: parameter))
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
