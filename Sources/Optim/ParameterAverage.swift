import TapestryGraph

/// An average of a model's parameters over the steps of its training, often better than the last ones.
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
/// Exponential, with `decay`: the past fades.
///
///     average ← decay average + (1 - decay) θ
///
/// It starts as the parameters are. Buffers, such as running means, are averages already: they are copied.
///
/// Equal, made by ``equal(_:file:line:)``: every update counts the same, as in stochastic weight averaging
/// (Izmailov et al. 2018), which updates once an epoch towards the end of a run.
///
///     average ← average + (θ - average) / n, n = 1 at the first update
///
/// Buffers of numbers with a fraction are averaged alike, so that running statistics belong to the averaged net
/// without another pass over the data.
///
/// NaN is worse than any number: an element that is NaN is not taken in, and an average that is NaN gives way to the
/// first number.
public final class ParameterAverage {
  /// The weight of the past, 0 ..< 1; `nil` where all updates count the same.
  public let decay: Double?
  /// How many updates have been made.
  public private(set) var step = 0

  private let parameters: [(name: String, parameter: Parameter)]
  private let buffers: [(name: String, buffer: Buffer)]
  private var averages: [Buffer]
  private var copies: [Tensor]

  /// An exponential average.
  ///
  /// - Precondition: `decay` is at least 0 and less than 1.
  public convenience init(
    _ container: some ParameterContainer, decay: Double, file: StaticString = #fileID,
    line: UInt = #line
  ) {
    guard decay >= 0, decay < 1 else {
      trap(
        "ParameterAverage: decay must be at least 0 and less than 1, not \(decay)", file: file,
        line: line)
    }
    self.init(container, weight: decay, file, line)
  }

  /// An average in which every update counts the same.
  public static func equal(
    _ container: some ParameterContainer, file: StaticString = #fileID, line: UInt = #line
  ) -> ParameterAverage {
    ParameterAverage(container, weight: nil, file, line)
  }

  private init(
    _ container: some ParameterContainer, weight: Double?, _ file: StaticString, _ line: UInt
  ) {
    decay = weight
    parameters = namedParameters(of: container, file, line)
    buffers = container.namedBuffers
    averages = parameters.map { Buffer($0.parameter.value) }
    copies = buffers.map { $0.buffer.value }
  }

  /// Takes in the present values; one pass over memory, in place.
  public func update() {
    step += 1
    for (average, named) in zip(averages, parameters) {
      blend(named.parameter.value, into: average)
    }
    copies = zip(copies, buffers).map { copy, named in
      let value = named.buffer.value
      guard decay == nil, value.dtype.isFloatingPoint else { return value }
      let average = Buffer(copy)
      blend(value, into: average)
      return average.value
    }
  }

  private func blend(_ value: Tensor, into average: Buffer) {
    if value.dtype == .float64 {
      blend(value, into: average, as: Double.self)
    } else {
      blend(value, into: average, as: Float.self)
    }
  }

  private func blend<Real: BinaryFloatingPoint>(
    _ value: Tensor, into average: Buffer, as type: Real.Type
  ) {
    let past = decay ?? 1 - 1 / Double(step)
    let (kept, present, count) = (Real(past), Real(1 - past), value.count)
    value.withMemory { value in
      average.update { average in
        let x = value.assumingMemoryBound(to: Real.self)
        let sum = average.assumingMemoryBound(to: Real.self)
        // The first of equal updates is taken as it is.
        if decay == nil, step == 1 { return sum.update(from: x, count: count) }
        for index in 0..<count {
          let (old, new) = (sum[index], x[index])
          // Where nothing is kept, neither is what is not finite.
          let blended = kept > 0 ? kept * old + present * new : new
          sum[index] = new.isNaN ? old : old.isNaN ? new : blended
        }
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
