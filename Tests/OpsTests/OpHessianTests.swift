import TapestryGraph
import TapestryOps
import TestSupport
import Testing

/// Jacobians, Hessians and their products over the table, each against another way to the same numbers.
@Suite struct OpHessians {
  /// A row as a function of one of its inputs, the others fixed.
  private struct Slice {
    let row: OpCase
    let inputs: [Tensor]
    let input: Int
    let result: Int
    var point: Tensor { inputs[input] }

    func value(_ x: Tensor) -> Tensor {
      var operands = inputs
      operands[input] = x
      return row.function(operands)[result]
    }

    /// Σ c y + ½ Σ y²: also the ops that are linear have a Hessian through it.
    func scalar(_ x: Tensor) -> Tensor {
      let y = value(x)
      return (y * sample(y.shape, seed: 5) + 0.5 * (y * y)).sum()
    }
  }

  private static let rows = OpCase.all.filter {
    $0.checks.isSuperset(of: [.gradient, .secondOrder])
  }

  private func slices(_ row: OpCase) -> [Slice] {
    let inputs = row.inputs()
    let results = row.function(inputs)
    return inputs.indices.filter { inputs[$0].dtype.isFloatingPoint && inputs[$0].count > 0 }
      .flatMap { input in
        results.indices.filter { results[$0].dtype.isFloatingPoint && results[$0].count > 0 }.map {
          Slice(row: row, inputs: inputs, input: input, result: $0)
        }
      }
  }

  @Test(
    "Hessian-vector products equal differences of gradients, and forward over reverse",
    arguments: rows)
  func products(_ row: OpCase) {
    for slice in slices(row) {
      let x = slice.point
      let v = sample(x.shape, seed: 11)
      let label = "input \(slice.input), result \(slice.result)"
      let product = hessianVectorProduct(at: x, along: v, of: slice.scalar)
      #expect(product.shape == x.shape)
      let forward = jvp(at: [x], along: [v]) { gradient(at: $0[0], of: slice.scalar) }.tangent
      let scale = largest(product)
      expectClose(
        forward, product, "\(label), forward over reverse", relativeTolerance: 1e-9,
        absoluteTolerance: 1e-11 * max(scale, 1))
      // Five points, fourth order.
      let step = 2e-5
      let g = [-2.0, -1, 1, 2].map { multiple in
        gradient(at: (x + v * (multiple * step)).detached(), of: slice.scalar)
      }
      let difference = (g[0] - 8 * g[1] + 8 * g[2] - g[3]) / (12 * step)
      expectClose(
        difference, product, "\(label), differences", relativeTolerance: 1e-6,
        absoluteTolerance: 2e-8 * max(scale, largest(g[0]), 1))
    }
  }

  @Test(
    "the Jacobian holds what the products say, row by row and column by column", arguments: rows)
  func jacobians(_ row: OpCase) {
    for slice in slices(row) {
      let x = slice.point
      let value = slice.value(x)
      guard x.rank + value.rank <= 6, x.count * value.count <= 2000 else { continue }
      let label = "input \(slice.input), result \(slice.result)"
      let matrix = jacobian(at: x, of: slice.value)
      #expect(Array(matrix.shape) == Array(value.shape) + Array(x.shape))
      let flat = matrix.reshaped(to: [value.count, x.count])
      let (v, u) = (sample(x.shape, seed: 12), sample(value.shape, seed: 13))
      let tangent = jvp(at: [x], along: [v]) { slice.value($0[0]) }.tangent
      expectClose(
        matmul(flat, v.flattened()), tangent.flattened(), "\(label), columns",
        absoluteTolerance: 1e-11 * max(largest(tangent), 1))
      let pulled = vjp(at: [x]) { slice.value($0[0]) }.pullback(u)[0]
      expectClose(
        matmul(u.flattened(), flat), pulled.flattened(), "\(label), rows",
        absoluteTolerance: 1e-11 * max(largest(pulled), 1))
    }
  }

  @Test("the Hessian is symmetric and holds what its products say", arguments: rows)
  func hessians(_ row: OpCase) {
    for slice in slices(row) {
      let x = slice.point
      guard x.rank <= 3, x.count <= 24 else { continue }
      let label = "input \(slice.input), result \(slice.result)"
      let matrix = hessian(at: x, of: slice.scalar)
      #expect(Array(matrix.shape) == Array(x.shape) + Array(x.shape))
      let flat = matrix.reshaped(to: [x.count, x.count])
      let allowed = 1e-11 * max(largest(flat), 1)
      expectClose(flat, flat.transposed(), "\(label), symmetry", absoluteTolerance: allowed)
      let v = sample(x.shape, seed: 14)
      let product = hessianVectorProduct(at: x, along: v, of: slice.scalar)
      expectClose(
        matmul(flat, v.flattened()), product.flattened(), label, absoluteTolerance: allowed * 10)
    }
  }

  private func largest(_ x: Tensor) -> Double { x.scalars().reduce(0) { max($0, Swift.abs($1)) } }
}
