import TapestryGraph

/// An exponential moving average of a model's parameters, often better than the last ones.
///
/// ```swift
/// let average = ParameterAverage(net, decay: 0.999)
/// // in the training loop
/// optimizer.update(along: gradients)
/// average.update()
/// // to evaluate
/// let accuracy = average.substituted { evaluate(net) }
/// ```
///
///     average ← decay average + (1 - decay) θ
///
/// It starts as the parameters are. Buffers, such as running means, are averages already: they are copied.
public final class ParameterAverage {
  /// The weight of the past, 0 ..< 1.
  public let decay: Double
  /// How many updates have been made.
  public private(set) var step = 0

  private let parameters: [(name: String, parameter: Parameter)]
  private let buffers: [(name: String, buffer: Buffer)]
  private var averages: [Buffer]
  private var copies: [Tensor]

  /// - Precondition: `decay` is at least 0 and less than 1.
  public init(
    _ container: some ParameterContainer, decay: Double, file: StaticString = #fileID,
    line: UInt = #line
  ) {
    guard decay >= 0, decay < 1 else {
      trap(
        "ParameterAverage: decay must be at least 0 and less than 1, not \(decay)", file: file,
        line: line)
    }
    self.decay = decay
    parameters = namedParameters(of: container, file, line)
    buffers = container.namedBuffers
    averages = parameters.map { Buffer($0.parameter.value) }
    copies = buffers.map { $0.buffer.value }
  }

  /// Takes in the present values; one pass over memory, in place.
  public func update() {
    for (average, named) in zip(averages, parameters) {
      let value = named.parameter.value
      if value.dtype == .float64 {
        blend(value, into: average, as: Double.self)
      } else {
        blend(value, into: average, as: Float.self)
      }
    }
    copies = buffers.map { $0.buffer.value }
    step += 1
  }

  private func blend<Real: BinaryFloatingPoint>(
    _ value: Tensor, into average: Buffer, as type: Real.Type
  ) {
    let (past, present, count) = (Real(decay), Real(1 - decay), value.count)
    value.withMemory { value in
      average.update { average in
        let x = value.assumingMemoryBound(to: Real.self)
        let sum = average.assumingMemoryBound(to: Real.self)
        for index in 0..<count { sum[index] = past * sum[index] + present * x[index] }
      }
    }
  }

  /// Runs `body` with the averages in the place of the parameters, and the copied buffers in that of the buffers.
  public func substituted<Result>(_ body: () throws -> Result) rethrows -> Result {
    var pairs: [(Tensor, Tensor)] = []
    for (named, average) in zip(parameters, averages) {
      pairs.append((named.parameter, average.value))
    }
    for (named, copy) in zip(buffers, copies) { pairs.append((named.buffer, copy)) }
    return try substituting(pairs, body)
  }

  /// `step`, then the averages and the copied buffers by the names of the model: what a checkpoint saves, and what
  /// can be loaded into another model.
  public var state: [(name: String, value: Tensor)] {
    var state = [(name: StateName.step, value: Tensor(integers: [step], shape: []))]
    for (named, average) in zip(parameters, averages) { state.append((named.name, average.value)) }
    for (named, copy) in zip(buffers, copies) { state.append((named.name, copy)) }
    return state
  }

  /// Continues from a saved ``state``.
  ///
  /// - Throws: ``OptimizerStateError`` with everything that does not fit; then nothing has changed.
  public func load(state: [(name: String, value: Tensor)]) throws(OptimizerStateError) {
    var reader = StateReader(state)
    let step = reader.count(StateName.step)
    let averages = zip(parameters, averages).map { named, average in
      reader.tensor(named.name, average.value.shape, average.value.dtype)
    }
    let copies = zip(buffers, copies).map { named, copy in
      reader.tensor(named.name, copy.shape, copy.dtype)
    }
    try reader.finish()
    self.step = step
    self.averages = averages.compactMap { $0.map { Buffer($0) } }
    self.copies = copies.compactMap { $0 }
  }
}
