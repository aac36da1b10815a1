import TapestryGraph
import TapestryOps
import TestSupport

/// Large enough for several threads.
private let large: @Sendable () -> [Tensor] = {
  [sample([64, 3, 33, 35], seed: 1), positiveSample([64, 3, 33, 35], seed: 2)]
}
private let largeBroadcast: @Sendable () -> [Tensor] = {
  [sample([64, 16, 13, 15], seed: 1), positiveSample([16, 1, 1], seed: 2)]
}

extension OpCase {
  static let arithmetic: [OpCase] =
    binary("add") { $0 + $1 } + binary("subtract") { $0 - $1 } + binary("multiply") { $0 * $1 }
    + binary("divide") { $0 / $1 }
    + [
      OpCase("add", "an operand twice", inputs: [sample([5])]) { x in [x[0] + x[0]] },
      OpCase("multiply", "an operand twice", inputs: [sample([5])]) { x in [x[0] * x[0]] },
      OpCase("divide", "an operand twice", inputs: [positiveSample([5])]) { x in
        [square(x[0]) / x[0]]
      },
      OpCase("add", "a number", inputs: [sample([3, 5])]) { x in [x[0] + 1.5, 1.5 + x[0]] },
      OpCase("subtract", "a number", inputs: [sample([3, 5])]) { x in [x[0] - 1.5, 1.5 - x[0]] },
      OpCase("multiply", "a number", inputs: [sample([3, 5])]) { x in [x[0] * 1.7, 1.7 * x[0]] },
      OpCase("divide", "by a number", inputs: [sample([3, 5])]) { x in [x[0] / 3, x[0] / 4] },
      OpCase("divide", "a number by it", inputs: [positiveSample([3, 5])]) { x in [2.5 / x[0]] },
      OpCase("negate", inputs: [sample([3, 5])]) { x in [-x[0]] },
      OpCase("assignments", inputs: [sample([4]), positiveSample([4], seed: 2)]) { x in
        var y = x[0]
        y += x[1]
        y *= x[0]
        y -= x[1]
        y /= x[1]
        return [y]
      },
    ]

  /// Equal shapes, and all ways to broadcast.
  private static func binary(
    _ op: String, _ function: @escaping @Sendable (Tensor, Tensor) -> Tensor
  ) -> [OpCase] {
    let shapes: [(String, TensorShape, TensorShape)] = [
      ("equal shapes", [2, 3], [2, 3]), ("left broadcast", [3], [2, 3]), ("scalars", [], []),
      ("right broadcast", [2, 3], [2, 1]), ("both broadcast", [2, 1, 3], [4, 1]),
      ("a scalar on the left", [], [3, 2]), ("size-1 axes", [1, 3, 1], [1, 1, 1]),
    ]
    let rows = shapes.map { name, a, b in
      OpCase(op, name, inputs: [sample(a), positiveSample(b, seed: 2)]) { [function($0[0], $0[1])] }
    }
    let checks: OpCase.Checks = .kernels
    return rows + [
      OpCase(op, "large", checks: checks, inputs: large(), large: large) {
        [function($0[0], $0[1])]
      },
      OpCase(
        op, "large, broadcast", checks: checks, inputs: largeBroadcast(), large: largeBroadcast
      ) {
        [function($0[0], $0[1])]
      },
    ]
  }
}

extension MisuseCase {
  static let arithmetic: [MisuseCase] = [
    MisuseCase(
      "shapes that do not broadcast",
      says: "add: the shapes [2, 3] and [2] do not broadcast", "left  [2, 3] float32", "right [2]"
    ) { _ = Tensor.shape([2, 3]) + Tensor.shape([2]) },
    MisuseCase(
      "two types", says: "multiply: operands differ in type, float32 and float64", "converted(to:)"
    ) { _ = Tensor.shape([2]) * Tensor.shape([2], dtype: .float64) },
    MisuseCase("masks", says: "add: bool masks have no arithmetic") {
      _ = Tensor.shape([2], dtype: .bool) + Tensor.shape([2], dtype: .bool)
    },
    MisuseCase("a mask and a number", says: "affine: bool masks have no arithmetic") {
      _ = Tensor.shape([2], dtype: .bool) * 2
    },
    MisuseCase("integers and a fraction", says: "affine: 0.5 is not a whole number", "int64") {
      _ = Tensor.shape([2], dtype: .int64) + 0.5
    },
    MisuseCase("integers by a fraction", says: "divideBy: 0.5 is not a whole number") {
      _ = Tensor.shape([2], dtype: .int64) / 0.5
    },
    MisuseCase("a number by integers", says: "divideInto: needs float32 or float64, not int32") {
      _ = 1 / Tensor.shape([2], dtype: .int32)
    },
  ]
}
