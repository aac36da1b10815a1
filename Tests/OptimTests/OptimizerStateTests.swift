import TapestryGraph
import TapestryOptim
import TestSupport
import Testing

@Suite struct OptimizerStateTests {
  @Test("a loaded state continues bit for bit", arguments: OptimizerKind.all, [0, 1, 5])
  func roundTrip(kind: OptimizerKind, steps: Int) throws {
    let straight = makeParameters(.float32)
    let optimizer = kind.make(straight)
    for step in 0..<steps { optimizer.update(along: makeGradients(straight, step: step)) }
    optimizer.learningRate *= 0.5

    let resumed = straight.map { Parameter($0.value, name: $0.name) }
    let other = kind.make(resumed)
    let state = optimizer.state
    try other.load(state: state)
    #expect(other.step == steps)
    #expect(other.learningRate == optimizer.learningRate)
    let saved = state.map { $0.value.scalars() }
    for step in steps..<steps + 5 {
      optimizer.update(along: makeGradients(straight, step: step))
      other.update(along: makeGradients(resumed, step: step))
    }
    #expect(bits(straight) == bits(resumed))
    #expect(state.map { $0.value.scalars() } == saved, "a state that was handed out has changed")
  }

  @Test("a parameter that had no gradient yet is saved and loaded as such")
  func unreached() throws {
    let parameters = makeParameters()
    let optimizer = Adam(parameters)
    optimizer.update(
      along: makeGradients([parameters[1]], [.ones([3], dtype: .float64)]))
    #expect(
      optimizer.state.map(\.name) == [
        "step", "learningRate", "weight.updates", "bias.updates", "bias.firstMoment",
        "bias.secondMoment",
      ])
    let other = Adam(makeParameters())
    try other.load(state: optimizer.state)
    #expect(other.state.map(\.name) == optimizer.state.map(\.name))
  }

  @Test("loading lists everything that does not fit and changes nothing")
  func refused() throws {
    let parameters = makeParameters()
    let optimizer = SGD(parameters, learningRate: 0.1, momentum: 0.9)
    optimizer.update(along: makeGradients(parameters, step: 0))
    let before = optimizer.state

    var state = before.filter { $0.name != "bias.momentum" && $0.name != "step" }
    let place = try #require(state.firstIndex { $0.name == "weight.momentum" })
    state[place].value = .zeros([3, 2], dtype: .float64)
    state.append(("fc.momentum", .zeros([1])))
    state.append(("bias.updates", Tensor(integers: [7], shape: [])))
    let error = try #require(throws: OptimizerStateError.self) { try optimizer.load(state: state) }
    #expect(error.missing == ["step", "bias.momentum"])
    #expect(error.unknown == ["bias.updates (it occurs twice)", "fc.momentum"])
    #expect(error.unfit == ["weight.momentum is [3, 2] float64, but expected [2, 3] float64"])
    #expect(
      error.description == """
        the saved state does not fit; nothing was changed
          missing: step
          missing: bias.momentum
          unknown: bias.updates (it occurs twice)
          unknown: fc.momentum
          unfit: weight.momentum is [3, 2] float64, but expected [2, 3] float64
        """)
    for (old, new) in zip(before, optimizer.state) {
      #expect(old.name == new.name)
      #expect(old.value.scalars() == new.value.scalars())
    }
  }

  @Test("numbers out of range are refused, whatever a file contains")
  func outOfRange() throws {
    for kind in OptimizerKind.all {
      let optimizer = kind.make(makeParameters())
      let state: [(name: String, value: Tensor)] = optimizer.state.map {
        switch $0.name {
        case "step": ($0.name, Tensor(integers: [-1], shape: []))
        case "learningRate": ($0.name, Tensor([Double.nan], shape: [], dtype: .float64))
        default: ($0.name, $0.value)
        }
      }
      let error = try #require(throws: OptimizerStateError.self) {
        try optimizer.load(state: state)
      }
      #expect(error.unfit.count == 2)
    }
    let lbfgs = LBFGS(makeParameters(), historySize: 2)
    let vector = Tensor.zeros([9], dtype: .float64)
    let error = try #require(throws: OptimizerStateError.self) {
      try lbfgs.load(state: [
        ("step", Tensor(integers: [3], shape: [])),
        ("learningRate", Tensor([1], shape: [], dtype: .float64)),
        ("previousGradient", vector), ("move", vector),
        ("scale", Tensor([1], shape: [], dtype: .float64)),
        ("pairs", Tensor(integers: [1 << 40], shape: [])),
      ])
    }
    #expect(error.unfit == ["pairs is 1099511627776, but expected 0 to 2"])
  }

  @Test(
    "what is remembered of parameters whose gradients vanish becomes zero, not denormal",
    arguments: OptimizerKind.parameterwise, [DType.float32, .float64])
  func denormals(kind: OptimizerKind, dtype: DType) {
    let parameters = makeParameters(dtype)
    let optimizer = kind.make(parameters)
    let (tiny, least) =
      dtype == .float32
      ? (2e-19, Double(Float.leastNormalMagnitude)) : (2e-154, Double.leastNormalMagnitude)
    func update(_ value: Double) {
      optimizer.update(
        along: makeGradients(
          parameters, parameters.map { .full($0.shape, value, dtype: dtype) }))
      for (name, value) in optimizer.state where value.dtype == dtype {
        for number in value.scalars() where number != 0 {
          #expect(abs(number) >= least, "\(kind.name): \(name) is \(number)")
        }
      }
    }
    for _ in 0..<3 { update(tiny) }
    for _ in 0..<500 { update(0) }
  }

  @Test("factored moments have a number for each row and column, whatever stands before them")
  func factored() throws {
    let filters = Parameter(.ones([4, 3, 5, 2]), name: "filters")
    let optimizer = Adafactor([filters])
    optimizer.update(along: makeGradients([filters], [.ones([4, 3, 5, 2])]))
    let shapes = optimizer.state.map { "\($0.name) \($0.value.shape)" }
    #expect(shapes.contains("filters.rowSquares [4, 3, 5]"))
    #expect(shapes.contains("filters.columnSquares [4, 3, 2]"))
  }

  @Test("a loaded state is not changed by further steps")
  func loadedStateIsCopied() throws {
    let parameters = makeParameters()
    let first = SGD(parameters, learningRate: 0.1, momentum: 0.9)
    first.update(along: makeGradients(parameters, step: 0))
    let state = first.state
    let momentum = try #require(state.first { $0.name == "weight.momentum" }).value.scalars()
    let second = SGD(parameters, learningRate: 0.1, momentum: 0.9)
    try second.load(state: state)
    second.update(along: makeGradients(parameters, step: 1))
    #expect(try #require(state.first { $0.name == "weight.momentum" }).value.scalars() == momentum)
    let unchanged = try #require(first.state.first { $0.name == "weight.momentum" })
    #expect(unchanged.value.scalars() == momentum)
  }
}
