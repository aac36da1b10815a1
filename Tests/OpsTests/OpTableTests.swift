import TapestryGraph
import TestSupport
import Testing

/// What every row of the table must fulfil.
@Suite struct OpTable {
  @Test(
    "the gradient, and the gradient of the gradient, match central differences",
    arguments: OpCase.all.filter { $0.checks.contains(.gradient) })
  func gradient(_ row: OpCase) {
    let order = row.checks.contains(.secondOrder) ? 2 : 1
    let results = row.function(row.inputs()).count
    // A row with several results is checked through each of them.
    for place in 0..<results {
      let report = checkGradients(at: row.inputs(), options: GradientCheckOptions(order: order)) {
        row.function($0)[place]
      }
      #expect(report.passed, "result \(place): \(report)")
      #expect(report.skipped == 0, "the row's inputs lie at a kink: \(report)")
    }
  }

  @Test(
    "forward mode is the transpose of reverse mode",
    arguments: OpCase.all.filter { $0.checks.contains(.forwardMode) })
  func forwardMode(_ row: OpCase) {
    let inputs = row.inputs()
    let moving = inputs.indices.filter { inputs[$0].dtype.isFloatingPoint }
    let points = moving.map { inputs[$0] }
    let tangents = moving.map { sample(inputs[$0].shape, seed: UInt64(100 + $0)) }
    for place in row.function(inputs).indices {
      func body(_ points: [Tensor]) -> Tensor {
        var operands = inputs
        for (index, point) in zip(moving, points) { operands[index] = point }
        return row.function(operands)[place]
      }
      let (value, tangent) = jvp(at: points, along: tangents, of: body)
      guard value.dtype.isFloatingPoint else { continue }
      // The pullback is linear in its cotangent u; the derivative of its product with the tangents by
      // u is the tangent of the result.
      let cotangent = Tensor.zeros(value.shape, dtype: value.dtype).tracked()
      let (_, pullback) = vjp(at: points, recording: true, of: body)
      let pulled = recordingGradients { pullback(cotangent) }
      let pairs = zip(pulled, tangents).filter { $0.0.isTracked }
      let expected =
        pairs.isEmpty
        ? nil
        : gradients(
          of: pairs.map(\.0), withRespectTo: [cotangent], cotangents: pairs.map(\.1))[cotangent]
      expectClose(
        tangent, expected ?? .zeros(value.shape, dtype: value.dtype), "result \(place)",
        relativeTolerance: 1e-9, absoluteTolerance: 1e-11)
    }
  }

  @Test("a broken shape or type rule is thrown with its reason", arguments: MisuseCase.all)
  func misuse(_ row: MisuseCase) {
    do {
      try dryRun { row.body() }
      Issue.record("nothing was thrown")
    } catch let misuse as Misuse {
      for part in row.expected {
        #expect(misuse.description.contains(part), "\(misuse)")
      }
    } catch {
      Issue.record("\(error) was thrown, not a Misuse")
    }
  }
}
