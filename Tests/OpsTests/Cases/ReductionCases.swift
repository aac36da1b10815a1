import TapestryGraph
import TapestryOps
import TestSupport

extension OpCase {
  static let reduction: [OpCase] =
    reduction("sum") { $0.sum(along: $1, keepingDimensions: $2) }
    + reduction("mean") { $0.mean(along: $1, keepingDimensions: $2) }
    + reduction("max") { $0.max(along: $1, keepingDimensions: $2) }
    + reduction("min") { $0.min(along: $1, keepingDimensions: $2) }
    + reduction("variance") { $0.variance(along: $1, keepingDimensions: $2) }
    + reduction("variance") { $0.variance(along: $1, unbiased: false, keepingDimensions: $2) }
    + reduction("logSumExp") { $0.logSumExp(along: $1, keepingDimensions: $2) }
    + reduction("norm2") { $0.norm(along: $1, keepingDimensions: $2) }
    + [
      OpCase("sum", "of squares, an operand twice", inputs: [sample([3, 4])]) { x in
        [(x[0] * x[0]).sum(), x[0].mean() * x[0].sum()]
      },
      OpCase("variadic", "axes", inputs: [distinctSample([2, 3, 2])]) { x in
        [
          x[0].sum(along: 0, -1), x[0].mean(along: 1), x[0].max(along: -2), x[0].min(along: 0, 1),
          x[0].variance(along: 1, 2), x[0].logSumExp(along: 0), x[0].norm(along: 2),
        ]
      },
      OpCase("argmax", checks: .valueOnly, inputs: [sample([33, 67, 5])]) { x in
        let x = x[0].detached()
        return [
          x.argmax(), x.argmax(along: 1), x.argmax(along: -1, keepingDimensions: true),
          x.argmax(keepingDimensions: true),
        ]
      },
    ]

  /// All axes, one of them, neighbours, those apart, size-1 axes; kept or not.
  static func reduction(
    _ op: String, _ function: @escaping @Sendable (Tensor, [Int], Bool) -> Tensor
  ) -> [OpCase] {
    var rows: [OpCase] = []
    for (axes, keeps) in [
      ([], false), ([], true), ([0], false), ([1], true), ([-1], false), ([0, 2], true),
      ([1, 2], false), ([2, 0], false), ([0, 1, 2], true),
    ] {
      rows.append(
        OpCase(op, "along \(axes), kept: \(keeps)", inputs: [distinctSample([2, 3, 2])]) {
          [function($0[0], axes, keeps)]
        })
    }
    rows.append(
      OpCase(op, "size-1 axes", inputs: [distinctSample([1, 4, 1])]) {
        [function($0[0], [0, 1], false)]
      })
    for axes in [[], [0], [1], [0, 2], [3], [0, 2, 3]] {
      rows.append(
        OpCase(op, "large, along \(axes)", checks: .kernels, inputs: [sample([33, 17, 19, 21])]) {
          [function($0[0], axes, false)]
        })
    }
    return rows
  }
}

extension MisuseCase {
  static let reduction: [MisuseCase] = [
    MisuseCase(
      "an axis that does not exist", says: "sum: axis 2 does not exist in a tensor with 2 axes"
    ) {
      _ = Tensor.shape([2, 3]).sum(along: 2)
    },
    MisuseCase("a negative one", says: "mean: axis -3 does not exist in a tensor with 2 axes") {
      _ = Tensor.shape([2, 3]).mean(along: -3)
    },
    MisuseCase("an axis named twice", says: "norm: axis 1 is named twice in [1, -1]") {
      _ = Tensor.shape([2, 3]).norm(along: 1, -1)
    },
    MisuseCase("the maximum of nothing", says: "max: axis 1 of [2, 0] has no elements") {
      _ = Tensor.shape([2, 0]).max(along: 1)
    },
    MisuseCase("the minimum of nothing", says: "min: axis 1 of [2, 0] has no elements") {
      _ = Tensor.shape([2, 0]).min()
    },
    MisuseCase("log-sum-exp of nothing", says: "logSumExp: axis 0 of [0] has no elements") {
      _ = Tensor.shape([0]).logSumExp()
    },
    MisuseCase("the mean of integers", says: "mean: needs float32 or float64, not int64") {
      _ = Tensor.shape([2], dtype: .int64).mean()
    },
    MisuseCase("the variance of integers", says: "variance: needs float32 or float64, not int64") {
      _ = Tensor.shape([2], dtype: .int64).variance()
    },
    MisuseCase("the sum of a mask", says: "sum: bool masks have no sum; count with") {
      _ = Tensor.shape([2], dtype: .bool).sum()
    },
    MisuseCase("the maximum of a mask", says: "max: bool masks have no order") {
      _ = Tensor.shape([2], dtype: .bool).max()
    },
    MisuseCase("the position in nothing", says: "argMax: axis 0 of [0, 2] has no elements") {
      _ = Tensor.shape([0, 2]).argmax(along: 0)
    },
    MisuseCase("the position along no axis", says: "argMax: axis 5 does not exist") {
      _ = Tensor.shape([2]).argmax(along: 5)
    },
  ]
}
