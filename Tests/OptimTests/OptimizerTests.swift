import TapestryGraph
import TapestryOptim
import TestSupport
import Testing

@Suite struct OptimizerTests {
  @Test("a step moves every parameter and counts", arguments: OptimizerKind.all)
  func moves(kind: OptimizerKind) {
    let parameters = makeParameters()
    let before = parameters.map { $0.value.scalars() }
    let optimizer = kind.make(parameters)
    #expect(optimizer.step == 0)
    optimizer.update(along: makeGradients(parameters, step: 0))
    #expect(optimizer.step == 1)
    for (parameter, old) in zip(parameters, before) {
      for (new, old) in zip(parameter.value.scalars(), old) { #expect(new != old) }
    }
  }

  @Test("300 steps come down most of a bowl", arguments: OptimizerKind.all)
  func descends(kind: OptimizerKind) {
    let parameters = makeParameters()
    let distance = {
      parameters.flatMap { $0.value.scalars() }.reduce(0) { max($0, abs($1 - 0.3)) }
    }
    let start = distance()
    let optimizer = kind.make(parameters)
    for _ in 0..<300 {
      let values = parameters.map { parameter in
        Tensor(
          parameter.value.scalars().map { 2 * ($0 - 0.3) }, shape: parameter.shape,
          dtype: .float64)
      }
      optimizer.update(along: makeGradients(parameters, values))
    }
    #expect(distance() < 0.25 * start)
  }

  @Test("biases are exempt from decay with one argument", arguments: DecayingOptimizer.all)
  func exempt(kind: DecayingOptimizer) {
    for decays in [DecayedParameters.all, .weights] {
      let (plain, decayed) = (makeParameters(), makeParameters())
      let optimizers = (kind.make(plain, 0, .all), kind.make(decayed, 0.1, decays))
      for step in 0..<3 {
        optimizers.0.update(along: makeGradients(plain, step: step))
        optimizers.1.update(along: makeGradients(decayed, step: step))
      }
      #expect(plain[0].value.scalars() != decayed[0].value.scalars())
      #expect((plain[1].value.scalars() == decayed[1].value.scalars()) == (decays == .weights))
    }
  }

  @Test(
    "a parameter without a gradient is untouched, and so is its state", arguments: OptimizerKind.all
  )
  func unreached(kind: OptimizerKind) throws {
    let parameters = makeParameters()
    let optimizer = kind.make(parameters)
    for step in 0..<3 { optimizer.update(along: makeGradients(parameters, step: step)) }
    let bias = parameters[1].value.scalars()
    let stateBefore = optimizer.state.filter { $0.name.hasPrefix("bias.") }
    let weight = parameters[0]
    let only = makeGradients([weight], [.ones(weight.shape, dtype: .float64)])
    optimizer.update(along: only)
    #expect(parameters[1].value.scalars() == bias)
    let stateAfter = optimizer.state.filter { $0.name.hasPrefix("bias.") }
    #expect(stateBefore.map(\.name) == stateAfter.map(\.name))
    for (before, after) in zip(stateBefore, stateAfter) {
      #expect(before.value.scalars() == after.value.scalars(), "\(before.name)")
    }
  }

  @Test(
    "a parameter that is frozen after its gradient was computed does not move, nor does its state",
    arguments: OptimizerKind.all)
  func frozen(kind: OptimizerKind) {
    let parameters = makeParameters()
    let optimizer = kind.make(parameters)
    for step in 0..<3 { optimizer.update(along: makeGradients(parameters, step: step)) }
    let gradients = makeGradients(parameters, step: 3)
    let (weight, bias) = (parameters[0].value.scalars(), parameters[1].value.scalars())
    func state() -> [[Double]] {
      optimizer.state.filter { $0.name.hasPrefix("bias.") }.map { $0.value.scalars() }
    }
    let before = state()
    parameters[1].isFrozen = true
    optimizer.update(along: gradients)
    #expect(parameters[1].value.scalars() == bias)
    #expect(state() == before)
    #expect(parameters[0].value.scalars() != weight)
    // All frozen is no mistake, and no step of any parameter.
    parameters[0].isFrozen = true
    let last = bits(parameters)
    optimizer.update(along: gradients)
    #expect(bits(parameters) == last && optimizer.step == 5)
    parameters[1].isFrozen = false
    optimizer.update(along: gradients)
    #expect(parameters[1].value.scalars() != bias)
  }

  @Test("without any gradient nothing moves", arguments: OptimizerKind.all)
  func noGradients(kind: OptimizerKind) {
    let parameters = makeParameters()
    let before = bits(parameters)
    kind.make(parameters).update(along: Gradients())
    #expect(bits(parameters) == before)
  }

  @Test("a float32 step is close to the float64 step", arguments: OptimizerKind.all)
  func float32(kind: OptimizerKind) {
    let (narrow, wide) = (makeParameters(.float32), makeParameters(.float64))
    // The same numbers to begin with.
    for (a, b) in zip(narrow, wide) {
      b.value = Tensor(a.value.scalars(), shape: a.shape, dtype: .float64)
    }
    let (first, second) = (kind.make(narrow), kind.make(wide))
    for step in 0..<5 {
      let values = wide.map { parameter in
        Tensor(
          parameter.value.scalars().map { Double(Float(2 * ($0 - 0.3) + 0.01 * Double(step))) },
          shape: parameter.shape, dtype: .float64)
      }
      first.update(
        along: makeGradients(
          narrow, values.map { Tensor($0.scalars(), shape: $0.shape, dtype: .float32) }))
      second.update(along: makeGradients(wide, values))
    }
    for (a, b) in zip(narrow, wide) {
      #expect(a.value.dtype == .float32)
      expectClose(
        Tensor(a.value.scalars(), shape: a.shape, dtype: .float64), b.value,
        relativeTolerance: 2e-5, absoluteTolerance: 2e-5)
    }
  }

  @Test("scale multiplies every gradient first", arguments: OptimizerKind.all)
  func scaled(kind: OptimizerKind) {
    let (a, b) = (makeParameters(), makeParameters())
    let (first, second) = (kind.make(a), kind.make(b))
    for step in 0..<4 {
      let gradients = makeGradients(a, step: step)
      // A power of two: no rounding.
      let halved = a.map { parameter in
        Tensor(
          gradients[parameter]!.scalars().map { $0 / 4 }, shape: parameter.shape, dtype: .float64)
      }
      first.update(along: gradients, scale: 0.25)
      second.update(along: makeGradients(b, halved))
    }
    #expect(bits(a) == bits(b))
  }

  @Test("a value that was read before a step stays as it was")
  func valuesAreImmutable() {
    let parameters = makeParameters()
    let optimizer = SGD(parameters, learningRate: 0.1)
    let held = parameters[0].value
    let numbers = held.scalars()
    optimizer.update(along: makeGradients(parameters, step: 0))
    #expect(held.scalars() == numbers)
    #expect(parameters[0].value.scalars() != numbers)
  }

  @Test("adjust gives a group of parameters its own rates")
  func groups() {
    let parameters = makeParameters()
    let optimizer = SGD(parameters, learningRate: 0.5, weightDecay: 0.1)
    optimizer.adjust(where: { $0.name == "bias" }, learningRate: 0.5, weightDecay: 0)
    let (weight, bias) = (parameters[0].value.scalars(), parameters[1].value.scalars())
    let ones = parameters.map { Tensor.ones($0.shape, dtype: .float64) }
    optimizer.update(along: makeGradients(parameters, ones))
    expectClose(parameters[0].value, weight.map { $0 - 0.5 * (1 + 0.1 * $0) }, shape: [2, 3])
    expectClose(parameters[1].value, bias.map { $0 - 0.25 })
  }

  @Test("LARS moves each parameter by a part of its own norm")
  func lars() {
    let parameters = [
      Parameter(Tensor([3, 4], dtype: .float64), name: "weight"),
      Parameter(Tensor([0, 0], dtype: .float64), name: "bias"),
    ]
    let optimizer = LARS(
      parameters, learningRate: 0.5, momentum: 0.9, trust: 0.01, weightDecay: 0.1)
    let ones = parameters.map { _ in Tensor([6, 8], dtype: .float64) }
    optimizer.update(along: makeGradients(parameters, ones))
    // |θ| = 5, |g| = 10; a parameter of norm 0 takes the plain step.
    let ratio = 0.01 * 5 / (10 + 0.1 * 5)
    let first = [6 + 0.1 * 3, 8 + 0.1 * 4].map { ratio * $0 }
    let moved = [3 - 0.5 * first[0], 4 - 0.5 * first[1]]
    expectClose(parameters[0].value, moved)
    expectClose(parameters[1].value, [-3, -4])

    optimizer.update(along: makeGradients(parameters, ones))
    let size = (moved[0] * moved[0] + moved[1] * moved[1]).squareRoot()
    let next = 0.01 * size / (10 + 0.1 * size)
    let second = zip(first, moved).enumerated().map { index, pair in
      0.9 * pair.0 + next * ([6, 8][index] + 0.1 * pair.1)
    }
    expectClose(parameters[0].value, [moved[0] - 0.5 * second[0], moved[1] - 0.5 * second[1]])
  }
}
