import TapestryGraph

extension ParameterwiseOptimizer {
  // Per parameter the number of its updates is always there, so that a state that lacks a
  // parameter can be told from one whose parameter had no gradient yet.

  public var state: [(name: String, value: Tensor)] {
    var state = commonState(of: self)
    for entry in entries {
      state.append(
        ("\(entry.name).\(StateName.updates)", Tensor(integers: [entry.updates], shape: [])))
      for (slot, buffer) in zip(entry.layout, entry.slots) {
        state.append(("\(entry.name).\(slot.name)", buffer.value))
      }
    }
    return state
  }

  public func load(state: [(name: String, value: Tensor)]) throws(OptimizerStateError) {
    var reader = StateReader(state)
    let step = reader.count(StateName.step)
    let rate = reader.rate(StateName.learningRate)
    var loaded = entries
    for index in loaded.indices {
      let (name, spec) = (loaded[index].name, loaded[index].spec)
      let updates = reader.count("\(name).\(StateName.updates)")
      loaded[index].updates = updates
      // Without an update there is nothing to remember.
      let present = updates > 0 ? loaded[index].layout : []
      loaded[index].slots = present.compactMap { slot in
        reader.tensor("\(name).\(slot.name)", slot.shape ?? spec.shape, spec.dtype).map {
          Buffer($0)
        }
      }
    }
    try reader.finish()
    entries = loaded
    self.step = step
    learningRate = rate
  }
}

/// Names in a state.
enum StateName {
  static let step = "step"
  static let learningRate = "learningRate"
  static let updates = "updates"
}

/// The entries that every optimizer has.
func commonState(of optimizer: some Optimizer) -> [(name: String, value: Tensor)] {
  [
    (StateName.step, Tensor(integers: [optimizer.step], shape: [])),
    (StateName.learningRate, Tensor([optimizer.learningRate], shape: [], dtype: .float64)),
  ]
}

/// Takes a state apart and notes everything that does not fit.
struct StateReader {
  private var values: [String: Tensor] = [:]
  private var order: [String] = []
  private var error = OptimizerStateError()

  init(_ state: [(name: String, value: Tensor)]) {
    for (name, value) in state {
      if values.updateValue(value, forKey: name) == nil {
        order.append(name)
      } else {
        error.unknown.append("\(name) (it occurs twice)")
      }
    }
  }

  /// The tensor called `name`; `nil`, with a note, where there is none of this shape and type.
  mutating func tensor(_ name: String, _ shape: TensorShape, _ dtype: DType) -> Tensor? {
    guard let value = values.removeValue(forKey: name) else {
      error.missing.append(name)
      return nil
    }
    let expected = TensorSpec(shape, dtype)
    guard value.spec == expected, !value.isPlaceholder else {
      let found = value.isPlaceholder ? "a placeholder" : "\(value.spec)"
      error.unfit.append("\(name) is \(found), but expected \(expected)")
      return nil
    }
    return value
  }

  /// A counter; 0, with a note, where it is out of range.
  mutating func count(_ name: String, atMost limit: Int = .max) -> Int {
    guard let count = tensor(name, [], .int64)?.integers()[0] else { return 0 }
    guard count >= 0, count <= limit else {
      let range = limit == .max ? "0 or more" : "0 to \(limit)"
      error.unfit.append("\(name) is \(count), but expected \(range)")
      return 0
    }
    return count
  }

  /// A learning rate.
  mutating func rate(_ name: String) -> Double {
    guard let rate = tensor(name, [], .float64)?.item else { return 0 }
    if !(rate >= 0 && rate.isFinite) {
      error.unfit.append("\(name) is \(rate), but expected a finite number, 0 or more")
    }
    return rate
  }

  /// - Throws: what was noted; whatever has not been asked for is unknown.
  mutating func finish() throws(OptimizerStateError) {
    error.unknown += order.filter { values[$0] != nil }
    if !error.isEmpty { throw error }
  }
}
