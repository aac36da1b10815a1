import TapestryGraph
import TapestryOps
import TestSupport
import Testing

/// The table inside `checkpointed { }`: nothing but memory and time may differ.
@Suite struct OpCheckpoints {
  @Test(
    "values, gradients and gradients of gradients equal the plain graph",
    arguments: OpCase.all.filter { $0.checks.contains(.forwardMode) })
  func derivatives(_ row: OpCase) {
    let plain = evaluate(row) { row.function($0) }
    let memory = evaluate(row) { inputs in checkpointed { row.function(inputs) } }
    #expect(plain.count == memory.count)
    for ((label, expected), (_, actual)) in zip(plain, memory) {
      expectClose(
        actual, expected, label, relativeTolerance: 1e-12, absoluteTolerance: 1e-13,
        equatingNaN: true)
    }
  }

  @Test("forward mode goes through", arguments: OpCase.all.filter { $0.checks == .all })
  func forwardMode(_ row: OpCase) {
    let inputs = row.inputs()
    let moving = inputs.indices.filter { inputs[$0].dtype.isFloatingPoint }
    let points = moving.map { inputs[$0] }
    let directions = moving.map { sample(inputs[$0].shape, seed: UInt64(40 + $0)) }
    let function = row.function
    @Sendable func operands(_ points: [Tensor]) -> [Tensor] {
      var operands = row.inputs()
      for (index, point) in zip(moving, points) { operands[index] = point }
      return operands
    }
    for place in function(inputs).indices {
      let plain = jvp(at: points, along: directions) { function(operands($0))[place] }
      guard plain.value.dtype.isFloatingPoint else { continue }
      let memory = jvp(at: points, along: directions) { points in
        checkpointed { function(operands(points)) }[place]
      }
      expectClose(
        memory.tangent, plain.tangent, "result \(place)", relativeTolerance: 1e-9,
        absoluteTolerance: 1e-11)
    }
  }

  @Test("dropout draws one mask: in the first run, the second, and for the next op")
  func dropouts() {
    for isChannelwise in [false, true] {
      @Sendable func body(_ x: Tensor) -> Tensor {
        let y = isChannelwise ? dropout2d(x, probability: 0.5) : dropout(x, probability: 0.5)
        return y * y * x
      }
      let source = [RandomSource(seed: 5), RandomSource(seed: 5)]
      let x = sample([4, 6, 2, 2]).tracked()
      let plain = withRandomSource(source[0]) { body(x) }
      let memory = withRandomSource(source[1]) { checkpointed { body(x) } }
      expectClose(memory.detached(), plain.detached())
      #expect(plain.scalars().contains(0) && plain.scalars().contains { $0 != 0 })
      // Drawn between forward and backward, as by the rest of a model.
      _ = source.map { $0.next() }
      let first = [plain, memory].map { y in
        gradients(
          of: y, withRespectTo: [x], cotangent: sample(y.shape, seed: 3), recording: true)[x]!
      }
      expectClose(first[1].detached(), first[0].detached(), relativeTolerance: 1e-12)
      let second = first.map { g in
        gradients(of: g, withRespectTo: [x], cotangent: sample(g.shape, seed: 4))[x]!
      }
      expectClose(second[1], second[0], relativeTolerance: 1e-12)
      #expect(source[0].state == source[1].state)
    }
  }

  @Test("batch normalisation updates its statistics once, however often the body runs")
  func statistics() {
    func buffers() -> (mean: Buffer, variance: Buffer) {
      (Buffer(Tensor([0.5, -1], dtype: .float64)), Buffer(Tensor([1, 2], dtype: .float64)))
    }
    let x = sample([3, 2, 2]).tracked()
    let (plain, memory) = (buffers(), buffers())
    let expected = batchNorm(x, runningMean: plain.mean, runningVariance: plain.variance)
    let actual = checkpointed {
      batchNorm(x, runningMean: memory.mean, runningVariance: memory.variance)
    }
    expectClose(actual.detached(), expected.detached())
    #expect(memory.mean.value.scalars() != [0.5, -1])
    for _ in 0..<2 {
      let pair = [expected, actual].map { y in
        gradients(
          of: y, withRespectTo: [x], cotangent: sample(y.shape, seed: 3), recording: true)[x]!
      }
      expectClose(pair[1].detached(), pair[0].detached(), relativeTolerance: 1e-12)
      let second = pair.map { g in
        gradients(
          of: g, withRespectTo: [x], cotangent: sample(g.shape, seed: 4), retaining: true)[x]!
      }
      expectClose(second[1], second[0], relativeTolerance: 1e-12)
    }
    expectClose(memory.mean.value, plain.mean.value)
    expectClose(memory.variance.value, plain.variance.value)
  }

  /// The results of a function of a row's inputs, the gradient of their weighted sum, and the gradient of
  /// a weighted sum of that; 0 where nothing flows.
  private func evaluate(
    _ row: OpCase, _ function: ([Tensor]) -> [Tensor]
  ) -> [(label: String, value: Tensor)] {
    let inputs = row.inputs().map { $0.dtype.isFloatingPoint ? $0.tracked() : $0 }
    let leaves = inputs.filter { $0.dtype.isFloatingPoint }
    let results = function(inputs)
    var values = results.enumerated().map { ("result \($0)", $1.detached()) }
    let outputs = results.filter { $0.isTracked && $0.dtype.isFloatingPoint }
    if outputs.isEmpty { return values }
    let first = gradients(
      of: outputs, withRespectTo: leaves,
      cotangents: outputs.map { sample($0.shape, seed: 7) }, recording: true)
    var weighted: [(Tensor, Tensor)] = []
    for (place, leaf) in leaves.enumerated() {
      let gradient = first[leaf]
      values.append(
        ("gradient \(place)", gradient?.detached() ?? .zeros(leaf.shape, dtype: .float64)))
      guard let gradient, gradient.isTracked else { continue }
      weighted.append((gradient, sample(leaf.shape, seed: UInt64(20 + place))))
    }
    let second =
      weighted.isEmpty
      ? Gradients()
      : gradients(
        of: weighted.map(\.0), withRespectTo: leaves, cotangents: weighted.map(\.1))
    for (place, leaf) in leaves.enumerated() {
      values.append(
        ("second order \(place)", second[leaf] ?? .zeros(leaf.shape, dtype: .float64)))
    }
    return values
  }
}
