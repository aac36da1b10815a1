import TapestryGraph
import TapestryOps
import Testing

/// What a body runs in: `checkpointed`, nothing, or `checkpointed` twice.
typealias Wrap = @Sendable (@escaping @Sendable () -> [Tensor]) -> [Tensor]

/// A scalar function of `x` and a parameter, part of which runs in the given way.
struct CheckpointedFunction: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let function: @Sendable (_ x: Tensor, _ weight: Tensor, _ wrap: @escaping Wrap) -> Tensor

  init(
    _ name: String, _ function: @escaping @Sendable (Tensor, Tensor, @escaping Wrap) -> Tensor
  ) {
    testDescription = name
    self.function = function
  }

  /// Σ x³ w, smooth to any order.
  static func cubic(_ x: Tensor, _ weight: Tensor) -> Tensor { (x * x * x * weight).sum() }

  static let all: [CheckpointedFunction] = [
    .init("an outer tensor") { x, w, wrap in (wrap { [x] }[0] * x * w).sum() },
    .init("an outer intermediate") { x, w, wrap in
      let h = x * w
      return (wrap { [h] }[0] * h).sum()
    },
    .init("the parameter itself") { x, w, wrap in (wrap { [w] }[0] * x * x).sum() },
    .init("a block that is skipped") { x, w, wrap in
      let skipped = wrap { [false ? exp(x) : x] }[0]
      return (skipped * skipped * w).sum()
    },
    .init("dropout that drops nothing") { x, w, wrap in
      (wrap { [dropout(x, probability: 0)] }[0] * x * w).sum()
    },
    .init("a list of a result, an outer tensor and a constant") { x, w, wrap in
      let b = exp(x)
      let list = wrap { [tanh(x * w), b, Tensor([2, 3, 4], dtype: .float64)] }
      return (list[0] * list[1] * list[2]).sum()
    },
    .init("one result twice") { x, w, wrap in
      let list = wrap {
        let y = x * w
        return [y, y * y, y]
      }
      return (list[0] * list[1] + list[2]).sum()
    },
    .init("an outer tensor used besides what is computed") { x, w, wrap in
      let h = exp(x)
      return (wrap { [h * w * h] }[0] * h).sum()
    },
    .init("gradient inside") { x, w, wrap in
      (wrap { [gradient(at: x) { cubic($0, w) }] }[0] * x).sum()
    },
    .init("gradient of a captured tensor inside") { x, w, wrap in
      let y = wrap {
        [gradient(at: Tensor([1, 2, 3], dtype: .float64), recording: true) { cubic($0, x * w) }]
      }
      return (y[0] * y[0]).sum()
    },
    .init("vjp inside") { x, w, wrap in
      let y = wrap { [vjp(at: [x]) { $0[0] * $0[0] * exp($0[0]) * w }.pullback(x * x)[0]] }
      return y[0].sum()
    },
    .init("jvp inside") { x, w, wrap in
      wrap { [jvp(at: [x, w], along: [x * x, w]) { exp($0[0]) * $0[1] * $0[0] }.tangent] }[0].sum()
    },
    .init("hessian-vector product inside") { x, w, wrap in
      let y = wrap { [hessianVectorProduct(at: x, along: w) { cubic($0, $0) }] }
      return (y[0] * x).sum()
    },
    .init("a Hessian, which is a constant") { x, w, wrap in
      let y = wrap { [hessian(at: x) { cubic($0, w) }.sum(along: 0), x * w] }
      return (y[0] * y[1] * x).sum()
    },
    .init("recorded gradients by an outer tensor") { x, w, wrap in
      wrap {
        let slope = gradients(of: cubic(x, w), withRespectTo: [x], recording: true)[x]!
        return [(slope * slope).sum()]
      }[0]
    },
    .init("recorded gradients by an outer intermediate") { x, w, wrap in
      let h = exp(x * w)
      return wrap {
        let slope = gradients(of: cubic(h, w), withRespectTo: [h], recording: true)[h]!
        return [(slope * x).sum()]
      }[0]
    },
    .init("recorded gradients through ops outside") { x, w, wrap in
      let h = exp(x * w)
      return wrap {
        let slope = gradients(of: (h * h * w).sum(), withRespectTo: [x], recording: true)[x]!
        return [(slope * slope).sum(), h.sum()]
      }.reduce(Tensor(0, dtype: .float64)) { $0 + $1 }
    },
    .init("a walk inside whose result is a constant") { x, w, wrap in
      let h = exp(x * w)
      return wrap {
        let slope = gradients(of: (h * h).sum(), withRespectTo: [x], retaining: true)[x]!
        return [(slope * x * w).sum()]
      }[0]
    },
    .init("nested: handed through twice") { x, w, wrap in
      (wrap { wrap { [x, x * w] } }.reduce(x) { $0 * $1 }).sum()
    },
    .init("nested: gradient in the inner one") { x, w, wrap in
      let y = wrap {
        let inner = wrap { [gradient(at: x * w) { cubic($0, x) }] }[0]
        return [inner * x, inner]
      }
      return (y[0] * y[1]).sum()
    },
    .init("nested: gradient of a checkpointed function in the body") { x, w, wrap in
      wrap {
        [gradient(at: x) { p in wrap { [cubic(p, w)] }[0] }]
      }[0].sum()
    },
  ]
}

@Suite("Checkpoints are only a matter of memory and time", .serialized)
struct CheckpointEquivalenceTests {
  static let plain: Wrap = { $0() }
  static let once: Wrap = { body in checkpointed { body() } }
  static let twice: Wrap = { body in checkpointed { checkpointed { body() } } }

  private func expectClose(
    _ a: Tensor?, _ b: Tensor?, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    guard let a, let b else {
      #expect(a == nil && b == nil, "\(what): one is missing", sourceLocation: sourceLocation)
      return
    }
    #expect(a.shape == b.shape, "\(what)", sourceLocation: sourceLocation)
    for (p, q) in zip(a.scalars(), b.scalars()) {
      #expect(
        abs(p - q) <= 1e-11 * max(1, abs(p)), "\(what): \(a) and \(b)",
        sourceLocation: sourceLocation)
    }
  }

  @Test("values and derivatives to third order", arguments: CheckpointedFunction.all)
  func derivatives(_ row: CheckpointedFunction) {
    let x = Tensor([0.5, -0.75, 1.25], dtype: .float64)
    let weight = Parameter(Tensor([0.25, 0.5, -0.4], dtype: .float64))
    func derivatives(_ wrap: @escaping Wrap) -> [(String, Tensor?)] {
      let function = { (p: Tensor) in row.function(p, weight, wrap) }
      func first(_ p: Tensor) -> Tensor { gradient(at: p, of: function) }
      func second(_ p: Tensor) -> Tensor { gradient(at: p) { (first($0) * first($0)).sum() } }
      func third(_ p: Tensor) -> Tensor { gradient(at: p) { (second($0) * second($0)).sum() } }
      let tracked = x.tracked()
      let loss = function(tracked)
      let walked = loss.gradients(retaining: true)
      let recorded = gradients(of: loss, withRespectTo: [tracked, weight], recording: true)
      let mixed = gradients(
        of: (recorded[tracked]! * recorded[tracked]!).sum(), withRespectTo: [tracked, weight])
      return [
        ("value", loss), ("walked by x", walked[tracked]), ("walked by weight", walked[weight]),
        ("recorded by weight", recorded[weight]), ("mixed by x", mixed[tracked]),
        ("mixed by weight", mixed[weight]), ("first", first(x)), ("second", second(x)),
        ("third", third(x)),
        (
          "tangent",
          jvp(at: [x], along: [Tensor([1, -2, 3], dtype: .float64)]) { function($0[0]) }.tangent
        ),
        (
          "tangent of the gradient",
          jvp(at: [x], along: [Tensor([1, -2, 3], dtype: .float64)]) { first($0[0]) }.tangent
        ),
      ]
    }
    let expected = derivatives(Self.plain)
    for (wrap, name) in [(Self.once, "once"), (Self.twice, "twice")] {
      for (a, b) in zip(expected, derivatives(wrap)) { expectClose(a.1, b.1, "\(name), \(a.0)") }
    }
  }

  @Test("what a body hands through is the tensor itself")
  func handedThrough() {
    let x = Tensor([1, 2], dtype: .float64).tracked()
    let weight = Parameter(Tensor([3, 4], dtype: .float64))
    let made = Tensor([5, 6], dtype: .float64).tracked()
    let results = checkpointed { [x, weight, made, x * 2] }
    #expect(results[0] === x && results[1] === weight && results[2] === made)
    let loss = (results[0] * results[1] * results[2] * results[3]).sum()
    let gradients = loss.gradients()
    #expect(gradients[x]!.scalars() == [60, 192])
    #expect(gradients[weight]!.scalars() == [10, 48])
    #expect(gradients[made]!.scalars() == [6, 32])
  }

  @Test("a leaf that the body makes and returns has its gradient")
  func leafOfTheBody() {
    let x = Tensor([3, 4], dtype: .float64)
    let results = checkpointed {
      let leaf = x.tracked()
      return [leaf, (leaf * leaf).sum()]
    }
    #expect(results[1].gradients()[results[0]]?.scalars() == [6, 8])
  }

  @Test("only the node of the checkpoint stays; a body that walks over outer ops stays whole")
  func memory() {
    let x = Tensor.ones([64, 1024], dtype: .float64).tracked()
    let (nodes, bytes) = (LiveCounters.nodes, LiveCounters.bytes)
    let y = checkpointed { exp(tanh(exp(tanh(x)))) }
    #expect(LiveCounters.nodes == nodes + 1)
    #expect(LiveCounters.bytes - bytes < y.count * 8 + 4096)
    let slope = checkpointed {
      gradients(of: (x * x * x).sum(), withRespectTo: [x], recording: true)[x]!
    }
    #expect(LiveCounters.nodes == nodes + 2)
    withExtendedLifetime((y, slope)) {}
  }

  @Test("buffers written and read in the body, and sources of its own, are as in the first run")
  func outsideState() {
    let x = Tensor(3, dtype: .float64).tracked()
    let counter = Buffer(Tensor(1, dtype: .float64))
    let source = RandomSource(seed: 11)
    let weight = Parameter(Tensor(2, dtype: .float64))
    let replaced = Tensor(10, dtype: .float64)
    @Sendable func body() -> Tensor {
      let before = counter.value
      counter.value = before + 1
      let noise = Tensor.uniform([], dtype: .float64, source: source)
      let drawn = withRandomSource(source) { Tensor.uniform([], dtype: .float64) }
      let other = substituting([(weight, replaced)]) { weight * x }
      return before * x + counter * x * x + noise * x + drawn * x + other + weight * x
        + weight.value * x
    }
    let state = source.state
    let plain = body().gradients()
    (counter.value, source.state) = (Tensor(1, dtype: .float64), state)
    let y = checkpointed { body() }
    let after = source.state
    weight.value = Tensor(77, dtype: .float64)
    counter.value = Tensor(50, dtype: .float64)
    let gradients = y.gradients()
    #expect(gradients[x]!.item == plain[x]!.item)
    #expect(counter.value.item == 50 && source.state == after)
  }

  @Test("50,000 checkpoints, each of the one before, are freed")
  func longChain() async {
    await #expect(processExitsWith: .success) {
      let x = Tensor(1, dtype: .float64).tracked()
      var y = x
      for _ in 0..<50_000 {
        let before = y
        y = checkpointed { before * 1 }
      }
      y = x
      for _ in 0..<50_000 {
        let before = y
        y =
          customOperation("once", [x], forward: { $0 }) { _, _, g in
            withExtendedLifetime(before) { [g[0]] }
          }[0]
      }
      y = x
      for _ in 0..<50_000 {
        let before = y
        y = checkpointed { before * 1 }
      }
      guard y.gradients()[x]?.item == 1 else { fatalError("the gradient is wrong") }
    }
  }
}
