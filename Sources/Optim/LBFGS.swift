import CTapestryKernels
import TapestryGraph

/// L-BFGS (Liu and Nocedal 1989) without line search, one iteration per step: for smooth functions without noise.
///
/// All parameters count as one vector, kept in float64.
///
///     y = g - previous g, s = previous move; if y·s > 1e-10 the pair is kept, the last historySize of them,
///     and H = y·s / y·y (1 before)
///     d = two-loop recursion from -g with H in its middle
///     move = learningRate d, at the first step min(1, 1 / Σ |g|) learningRate d
///
/// A parameter without a gradient, or that is frozen, is not moved; in y and s it counts as 0.
public final class LBFGS: Optimizer {
  public var learningRate: Double {
    didSet { ArgumentChecks(self).nonNegative(learningRate, "learningRate") }
  }
  public private(set) var step = 0
  /// How many past moves shape the next.
  public let historySize: Int

  private let parameters: [(name: String, parameter: Parameter, spec: TensorSpec)]
  private let length: Int
  private var memory = Memory()

  /// What is remembered; vectors over all parameters.
  private struct Memory {
    var previousGradient: Tensor?
    var move: Tensor?
    /// Oldest first.
    var pairs: [(y: Tensor, s: Tensor)] = []
    /// H, the estimate of the inverse curvature.
    var scale = 1.0
  }

  /// - Precondition: `historySize` is positive.
  public init(
    _ container: some ParameterContainer, learningRate: Double = 1, historySize: Int = 100,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    self.learningRate = learningRate
    self.historySize = historySize
    parameters = namedParameters(of: container, file, line).map {
      ($0.name, $0.parameter, $0.parameter.value.spec)
    }
    length = parameters.reduce(0) { $0 + $1.parameter.count }
    let checks = ArgumentChecks(self, file, line)
    checks.nonNegative(learningRate, "learningRate")
    checks.require(historySize > 0, "historySize must be positive, not \(historySize)")
  }

  public func update(along gradients: Gradients, scale: Double, file: StaticString, line: UInt) {
    let all = parameters.map {
      gradient(of: $0.parameter, $0.name, $0.spec, in: gradients, self, file, line)
    }
    requireReached(all.count { $0 != nil }, of: all.count, gradients, self, file, line)
    let found = zip(parameters, all).map { $0.parameter.isFrozen ? nil : $1 }
    let g = joined(found, scale)
    learnCurvature(from: g)
    var direction = self.direction(against: g)
    if step == 0 {
      let sum = g.reduce(0) { $0 + abs($1) }
      scaleVector(&direction, by: min(1, 1 / sum))
    }
    scaleVector(&direction, by: learningRate)
    move(along: &direction, found)
    memory.previousGradient = vector(g)
    memory.move = vector(direction)
    step += 1
  }

  // MARK: The algorithm, on vectors in double precision

  private func learnCurvature(from g: [Double]) {
    guard let previous = memory.previousGradient, let move = memory.move else { return }
    let y = vector(zip(g, previous.scalars()).map { $0 - $1 })
    let curvature = innerProduct(y, move)
    guard curvature > 1e-10 else { return }
    if memory.pairs.count == historySize { memory.pairs.removeFirst() }
    memory.pairs.append((y, move))
    memory.scale = curvature / innerProduct(y, y)
  }

  /// The two-loop recursion.
  private func direction(against g: [Double]) -> [Double] {
    var d = g.map { -$0 }
    var weights = [Double](repeating: 0, count: memory.pairs.count)
    for (index, (y, s)) in memory.pairs.enumerated().reversed() {
      weights[index] = dot(s, d) / innerProduct(y, s)
      add(y, times: -weights[index], to: &d)
    }
    scaleVector(&d, by: memory.scale)
    for (index, (y, s)) in memory.pairs.enumerated() {
      add(s, times: weights[index] - dot(y, d) / innerProduct(y, s), to: &d)
    }
    return d
  }

  private func dot(_ a: Tensor, _ b: [Double]) -> Double {
    a.readingMemory { a in
      b.withUnsafeBytes {
        tapestry_dot(DType.float64.code, Int64(length), a, $0.baseAddress)
      }
    }
  }

  private func add(_ x: Tensor, times factor: Double, to sum: inout [Double]) {
    x.withMemory { x in
      let x = x.assumingMemoryBound(to: Double.self)
      for index in sum.indices { sum[index] += factor * x[index] }
    }
  }

  private func scaleVector(_ x: inout [Double], by factor: Double) {
    for index in x.indices { x[index] *= factor }
  }

  private func vector(_ values: [Double]) -> Tensor {
    Tensor(values, shape: [values.count], dtype: .float64)
  }

  // MARK: Parameters as one vector

  private func joined(_ gradients: [Tensor?], _ scale: Double) -> [Double] {
    var vector: [Double] = []
    vector.reserveCapacity(length)
    for (named, gradient) in zip(parameters, gradients) {
      if let gradient {
        vector += gradient.scalars().map { $0 * scale }
      } else {
        vector += [Double](repeating: 0, count: named.parameter.count)
      }
    }
    return vector
  }

  /// Adds `direction` to the parameters that have a gradient, and sets it to 0 for the others.
  private func move(along direction: inout [Double], _ gradients: [Tensor?]) {
    var start = 0
    for (named, gradient) in zip(parameters, gradients) {
      let range = start..<start + named.parameter.count
      start = range.upperBound
      guard gradient != nil else {
        for index in range { direction[index] = 0 }
        continue
      }
      let change = direction[range]
      if named.spec.dtype == .float64 {
        add(change, to: named.parameter, as: Double.self)
      } else {
        add(change, to: named.parameter, as: Float.self)
      }
    }
  }

  private func add<Real: BinaryFloatingPoint>(
    _ change: ArraySlice<Double>, to parameter: Parameter, as type: Real.Type
  ) {
    parameter.update { memory in
      let values = memory.assumingMemoryBound(to: Real.self)
      for (index, amount) in change.enumerated() {
        values[index] = Real(Double(values[index]) + amount)
      }
    }
  }

  // MARK: State

  public var state: [(name: String, value: Tensor)] {
    var state = commonState(of: self)
    guard let gradient = memory.previousGradient, let move = memory.move else { return state }
    state.append(("previousGradient", gradient))
    state.append(("move", move))
    state.append(("scale", Tensor([memory.scale], shape: [], dtype: .float64)))
    state.append(("pairs", Tensor(integers: [memory.pairs.count], shape: [])))
    for (index, pair) in memory.pairs.enumerated() {
      state.append(("pairs.\(index).y", pair.y))
      state.append(("pairs.\(index).s", pair.s))
    }
    return state
  }

  public func load(state: [(name: String, value: Tensor)]) throws(OptimizerStateError) {
    var reader = StateReader(state)
    let step = reader.count(StateName.step)
    let rate = reader.rate(StateName.learningRate)
    var loaded = Memory()
    if step > 0 {
      loaded.previousGradient = reader.tensor("previousGradient", [length], .float64)
      loaded.move = reader.tensor("move", [length], .float64)
      loaded.scale = reader.tensor("scale", [], .float64)?.item ?? 1
      // A count that is too large would list as many missing names.
      let count = reader.count("pairs", atMost: historySize)
      for index in 0..<count {
        let y = reader.tensor("pairs.\(index).y", [length], .float64)
        let s = reader.tensor("pairs.\(index).s", [length], .float64)
        if let y, let s { loaded.pairs.append((y, s)) }
      }
    }
    try reader.finish()
    memory = loaded
    self.step = step
    learningRate = rate
  }
}
