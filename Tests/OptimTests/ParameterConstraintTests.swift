import TapestryGraph
import TapestryOptim
import TestSupport
import Testing

@Suite struct ParameterConstraintTests {
  private func norms(_ parameter: Parameter, axis: Int) -> [Double] {
    let (rows, columns) = (parameter.shape[0], parameter.shape[1])
    let values = parameter.value.scalars()
    return (0..<(axis == 0 ? rows : columns)).map { place in
      (0..<(axis == 0 ? columns : rows)).reduce(0) { sum, other in
        let value = values[axis == 0 ? place * columns + other : other * columns + place]
        return sum + value * value
      }.squareRoot()
    }
  }

  @Test(
    "norms along either axis stay within their limit under every optimizer; others are untouched",
    arguments: OptimizerKind.all, [0, 1])
  func maximumNorm(kind: OptimizerKind, axis: Int) {
    for dtype in [DType.float32, .float64] {
      let (free, held) = (makeParameters(dtype, count: 12), makeParameters(dtype, count: 12))
      for parameters in [free, held] {
        parameters[0].value = Tensor(
          parameters[0].value.scalars().map { 0.2 * $0 }, shape: [2, 6], dtype: dtype)
      }
      let plain = kind.make(free)
      let optimizer = ConstrainedOptimizer(kind.make(held))
      optimizer.constrain(held, .maximumNorm(0.3, axis: axis))
      #expect(norms(held[0], axis: axis).allSatisfy { $0 <= 0.3 + 1e-6 })
      for _ in 0..<4 {
        // The bias's gradients are the same in both.
        plain.update(along: makeGradients(free, step: 1))
        optimizer.update(along: makeGradients(held, step: 1))
        #expect(norms(held[0], axis: axis).allSatisfy { $0 <= 0.3 + 1e-6 })
      }
      if kind.name != "LBFGS" { #expect(free[1].value.scalars() == held[1].value.scalars()) }
      #expect(optimizer.step == 4 && optimizer.base.step == 4)
    }
  }

  @Test("a slice that is short enough keeps its bits; a longer one keeps its direction")
  func projection() {
    let values = [3.0, 4, 0.3, 0.4, 0, 0]
    let weight = Parameter(Tensor(values, shape: [3, 2], dtype: .float64), name: "weight")
    let optimizer = ConstrainedOptimizer(SGD([weight], learningRate: 0))
    optimizer.constrain([weight], .maximumNorm(1))
    expectClose(weight.value, [0.6, 0.8, 0.3, 0.4, 0, 0], shape: [3, 2])
    #expect(weight.value.scalars().suffix(4) == [0.3, 0.4, 0, 0])
  }

  @Test("elements stay in a range, and a constraint may be any function")
  func others() {
    let weight = Parameter(Tensor([-2, 0.5, 3], dtype: .float64), name: "weight")
    let optimizer = ConstrainedOptimizer(SGD([weight], learningRate: 1))
    optimizer.constrain([weight], .range(0...1)) { _ in true }
    #expect(weight.value.scalars() == [0, 0.5, 1])
    let doubled = ParameterConstraint { value in
      Tensor(value.scalars().map { 2 * $0 }, shape: value.shape, dtype: value.dtype)
    }
    optimizer.constrain([weight], doubled) { $0.name == "weight" }
    #expect(weight.value.scalars() == [0, 1, 2])
    // θ - g, into 0 ... 1, doubled.
    optimizer.update(
      along: makeGradients([weight], [Tensor([-0.25, 5, 0.5], dtype: .float64)]))
    #expect(weight.value.scalars() == [0.5, 0, 2])
  }

  @Test("a frozen parameter is left as it is, and a state fits with and without constraints")
  func frozenAndSaved() throws {
    let parameters = makeParameters()
    let optimizer = ConstrainedOptimizer(Adam(parameters, learningRate: 0.5))
    optimizer.constrain(parameters, .maximumNorm(0.1))
    let gradients = makeGradients(parameters, step: 0)
    parameters[0].isFrozen = true
    parameters[0].value = .ones([2, 3], dtype: .float64)
    optimizer.update(along: gradients)
    #expect(parameters[0].value.scalars() == Array(repeating: 1, count: 6))
    let other = Adam(makeParameters())
    try other.load(state: optimizer.state)
    #expect(other.learningRate == 0.5 && other.step == 1)
    try optimizer.load(state: other.state)
    optimizer.learningRate = 0.25
    #expect(optimizer.base.learningRate == 0.25)
  }

  @Test("a constraint that does not suit, or chooses nothing, is refused with words")
  func refused() async {
    for (part, body) in [
      ("\"bias\" [3] float64 cannot be constrained: it has no axis 1", 0),
      ("constrain chose none of the parameters [\"weight\", \"bias\"]", 1),
    ] {
      let result = await refusal(body)
      #expect(result.contains(part), "\(result)")
      #expect(result.contains("ParameterConstraintTests.swift"))
    }
  }

  private func refusal(_ number: Int) async -> String {
    let result =
      number == 0
      ? await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let parameters = makeParameters()
        ConstrainedOptimizer(Adam(parameters))
          .constrain(parameters, .maximumNorm(1, axis: 1)) { _ in true }
      }
      : await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let parameters = makeParameters()
        ConstrainedOptimizer(Adam(parameters)).constrain(parameters, .maximumNorm(1)) { _ in false }
      }
    return String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  }
}
