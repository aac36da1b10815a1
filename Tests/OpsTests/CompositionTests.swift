import TapestryGraph
import TapestryOps
import TestSupport
import Testing

/// Whole functions of many ops: where frameworks shipped wrong gradients of right ops.
@Suite struct Compositions {
  private func check(
    _ points: [Tensor], sourceLocation: SourceLocation = #_sourceLocation,
    _ body: ([Tensor]) -> Tensor
  ) {
    let report = checkGradients(at: points, options: GradientCheckOptions(order: 2), of: body)
    #expect(report.passed && report.skipped == 0, "\(report)", sourceLocation: sourceLocation)
  }

  @Test("a loop over a tensor's parts, each used in the next step")
  func loop() {
    check([sample([5, 3]), sample([3], seed: 2), sample([3, 3], seed: 3)]) { x in
      var state = x[1]
      for part in x[0].split([1, 1, 1, 1, 1], along: 0) {
        state = tanh(matmul(state, x[2]) + part.squeezed(0) * state)
      }
      return state
    }
  }

  @Test("a loop whose length depends on the data")
  func whileLoop() {
    let x = Tensor([0.3, 0.4], dtype: .float64)
    check([x]) { x in
      var y = x[0]
      while y.detached().sum().item < 10 { y = y * 1.7 + square(y) }
      return y
    }
  }

  @Test("a branch is differentiated where it was taken", arguments: [-1.0, 1])
  func branch(_ sign: Double) {
    let x = Tensor([0.5 * sign, 2, -3], dtype: .float64)
    check([x]) { x in
      let first = x[0].sliced(0..<1, along: 0)
      return first.item > 0 ? x[0] * exp(first) : square(x[0]) / (2 - first)
    }
    let g = gradient(at: x) { x in
      (x.sliced(0..<1, along: 0).item > 0 ? x * 3 : square(x)).sum()
    }
    expectClose(g, sign > 0 ? [3, 3, 3] : [-1, 4, -6])
  }

  @Test("an operand used twice by one op")
  func twice() {
    let x = Tensor([2, -3], dtype: .float64)
    expectClose(gradient(at: x) { ($0 - $0).sum() }, [0, 0])
    expectClose(gradient(at: x) { ($0 / $0).sum() }, [0, 0])
    expectClose(gradient(at: x) { ($0 * $0).sum() }, [4, -6])
    expectClose(gradient(at: x) { maximum($0, $0).sum() }, [1, 1])
    check([positiveSample([3, 3])]) { x in pow(x[0], x[0]) }
    check([sample([3, 3])]) { x in matmul(x[0], x[0]) }
    check([sample([1, 1, 3, 3])]) { x in conv2d(x[0], x[0], padding: 1) }
    check([sample([2, 3])]) { x in concatenate([x[0], x[0], x[0] * x[0]], along: 0) }
  }

  @Test("one result used by many")
  func fanOut() {
    check([sample([2, 3])]) { x in
      let y = sin(x[0])
      return y * y + exp(y) * x[0] + (y.sum() * y) + y.transposed().transposed()
    }
  }

  @Test("one tensor feeds two losses: gradients add, in one walk or in two")
  func twoLosses() {
    let w = sample([3, 4]).tracked()
    let x = sample([5, 3], seed: 2)
    let labels = Tensor(integers: [0, 3, 1, 1, 2])
    let target = sample([5, 4], seed: 3)
    let logits = matmul(x, w)
    let losses = [
      softmaxCrossEntropy(logits, labels: labels), meanSquaredError(logits, target),
    ]
    let both = gradients(
      of: losses, withRespectTo: [w], cotangents: nil, retaining: true)[w]!
    let added = (losses[0] + losses[1]).gradients(retaining: true)[w]!
    let separate = losses.map { $0.gradients(retaining: true)[w]! }
    expectClose(both, added, relativeTolerance: 1e-12, absoluteTolerance: 1e-14)
    expectClose(
      separate[0] + separate[1], added, relativeTolerance: 1e-12, absoluteTolerance: 1e-14)
    let weighted = gradients(
      of: losses, withRespectTo: [w],
      cotangents: [Tensor(2, dtype: .float64), Tensor(-0.5, dtype: .float64)])[w]!
    expectClose(
      weighted, 2 * separate[0] - 0.5 * separate[1], relativeTolerance: 1e-12,
      absoluteTolerance: 1e-14)
  }

  @Test("a retained graph gives the same bits again, with any cotangent, and then can grow")
  func reuse() {
    let x = sample([2, 2, 4, 4]).tracked()
    let w = sample([3, 2, 3, 3], seed: 2).tracked()
    let y = maxPool2d(tanh(conv2d(x, w, padding: 1)), window: 2)
    let g = sample(y.shape, seed: 3)
    let first = y.gradients(cotangent: g, retaining: true)
    let again = y.gradients(cotangent: g, retaining: true)
    for leaf in [x, w] { #expect(first[leaf]!.scalars() == again[leaf]!.scalars()) }
    let double = y.gradients(cotangent: g * 2, retaining: true)
    for leaf in [x, w] { expectClose(double[leaf]!, first[leaf]! * 2, relativeTolerance: 1e-13) }
    let grown = (y * g).sum() + (y * g).sum()
    let last = grown.gradients()
    for leaf in [x, w] { expectClose(last[leaf]!, double[leaf]!, relativeTolerance: 1e-12) }
  }

  @Test("an intermediate result is a target like any other")
  func intermediate() {
    let x = sample([3]).tracked()
    let y = exp(x)
    let z = (y * y).sum()
    let g = gradients(of: z, withRespectTo: [x, y])
    expectClose(g[y]!, (2 * y).detached())
    expectClose(g[x]!, (2 * y * y).detached())
  }

  @Test("random graphs of 30 ops match central differences, twice over", arguments: 1...20)
  func random(_ seed: Int) {
    let report = checkGradients(
      at: RandomGraph.inputs, options: GradientCheckOptions(order: 2, relativeTolerance: 2e-6)
    ) {
      RandomGraph(seed: UInt64(seed)).run($0).output
    }
    let steps = RandomGraph(seed: UInt64(seed)).run(RandomGraph.inputs).steps
    #expect(steps.count == 30)
    #expect(report.passed, "seed \(seed): \(report)\n\(steps.joined(separator: ", "))")
    #expect(report.checked > 2 * report.skipped, "seed \(seed): \(report)")
  }

  @Test("the random graphs use every step there is")
  func variety() {
    let used = (1...20).flatMap { RandomGraph(seed: $0).run(RandomGraph.inputs).steps }
    let unused = RandomGraph.Step.allCases.filter { !used.contains($0.rawValue) }
    #expect(unused.isEmpty, "never drawn: \(unused)")
  }
}
