import TapestryGraph
import TapestryOps
import TestSupport

extension OpCase {
  /// Products, deviations and norms; what chooses elements.
  static let choice: [OpCase] =
    reduction("product") { $0.product(along: $1, keepingDimensions: $2) }
    + reduction("standardDeviation") {
      $0.standardDeviation(along: $1, unbiased: false, keepingDimensions: $2)
    }
    + [1, 1.5, 2, 3, .infinity].flatMap { order in
      reduction("norm \(order)") { $0.norm(order: order, along: $1, keepingDimensions: $2) }
    }
    + [
      OpCase("variadic", "axes of later reductions", inputs: [distinctSample([2, 3, 2])]) { x in
        [
          x[0].product(along: 0, -1), x[0].standardDeviation(along: 1),
          x[0].norm(order: 3, along: -2),
        ]
      },
      OpCase("product", "zeros", inputs: [zeros]) { [$0[0].product(along: 1)] },
      OpCase(
        "truth", checks: .valueOnly, inputs: [sample([33, 67, 5])]
      ) { x in
        let x = (x[0].detached() .> 0).converted(to: .float32)
        return [
          x.any(), x.any(along: 0, 2), x.any(along: [1], keepingDimensions: true), x.all(),
          x.all(along: 0, 2), x.all(along: [1], keepingDimensions: true), x.countNonzero(),
          x.countNonzero(along: 0, 2), x.countNonzero(along: [1], keepingDimensions: true),
        ]
      },
      OpCase("argmin", checks: .valueOnly, inputs: [sample([33, 67, 5])]) { x in
        let x = x[0].detached()
        return [x.argmin(), x.argmin(along: 1), x.argmin(along: -1, keepingDimensions: true)]
      },
      OpCase("argsort", checks: .valueOnly, inputs: [sample([33, 67, 5])]) { x in
        let x = x[0].detached()
        return [x.argsorted(), x.argsorted(along: 0), x.argsorted(along: 1, descending: true)]
      },
    ]
    + along("maxWithIndices") { [$0.maxWithIndices(along: $1).values] }
    + along("minWithIndices") { [$0.minWithIndices(along: $1, keepingDimensions: true).values] }
    + along("sorted") { [$0.sorted(along: $1).values] }
    + along("sorted, falling") { [$0.sorted(along: $1, descending: true).values] }
    + along("topK") { [$0.topK(2, along: $1).values] }
    + along("topK, smallest") { [$0.topK(1, along: $1, largest: false).values] }
    + along("kthSmallest") { [$0.kthSmallest(2, along: $1).values] }
    + along("median") { [$0.median(along: $1), $0.median(keepingDimensions: true)] }
    + along("quantile") { [$0.quantile(0.3, along: $1), $0.quantile(1), $0.quantile(0.9)] }

  /// Running results along the first, a middle and the last axis.
  static let scans: [OpCase] =
    along("cumulativeSum") { [$0.cumulativeSum(along: $1)] }
    + along("cumulativeProduct") { [$0.cumulativeProduct(along: $1)] }
    + along("logCumulativeSumExp") { [$0.logCumulativeSumExp(along: $1)] }
    + along("cumulativeMax") { [$0.cumulativeMax(along: $1).values] }
    + [
      OpCase("cumulativeProduct", "zeros", inputs: [zeros]) { [$0[0].cumulativeProduct(along: 1)] },
      OpCase("cumulativeSum", "a long row", checks: .kernels, inputs: [sample([300_007])]) {
        [$0[0].cumulativeSum(along: 0)]
      },
      OpCase("sorted", "a long row", checks: .kernels, inputs: [sample([300_007])]) {
        let found = $0[0].sorted(descending: true)
        return [found.values, found.indices, $0[0].topK(70_000).indices, $0[0].median()]
      },
    ]

  /// Rows without, with one and with two zeros.
  private static let zeros = Tensor(
    [[1.5, -2, 0.5, 3], [2, 0, -1, 4], [0, 3, 0, 2]], dtype: .float64)

  private static func along(
    _ op: String, _ function: @escaping @Sendable (Tensor, Int) -> [Tensor]
  ) -> [OpCase] {
    [0, 1, -1].map { axis in
      OpCase(op, "along \(axis)", inputs: [distinctSample([2, 3, 4])]) { function($0[0], axis) }
    } + [
      OpCase(op, "size-1 axes", inputs: [distinctSample([1, 3, 1])]) { function($0[0], 1) },
      OpCase(op, "large, along the first axis", checks: .kernels, inputs: [sample([71, 1003])]) {
        function($0[0], 0)
      },
      OpCase(op, "large, along the last axis", checks: .kernels, inputs: [sample([71, 1003])]) {
        function($0[0], 1)
      },
    ]
  }
}

extension MisuseCase {
  static let choice: [MisuseCase] = [
    MisuseCase("the product of a mask", says: "product: bool masks have no product; ask all()") {
      _ = Tensor.shape([2], dtype: .bool).product()
    },
    MisuseCase("an axis of any", says: "any: axis 2 does not exist in a tensor with 1 axes") {
      _ = Tensor.shape([2]).any(along: 2)
    },
    MisuseCase("an axis of all named twice", says: "all: axis 0 is named twice") {
      _ = Tensor.shape([2]).all(along: 0, -1)
    },
    MisuseCase("an order that is no order", says: "norm: the order is 0.0, but must be positive") {
      _ = Tensor.shape([2]).norm(order: 0)
    },
    MisuseCase(
      "the deviation of integers", says: "standardDeviation: needs float32 or float64, not int64"
    ) {
      _ = Tensor.shape([2], dtype: .int64).standardDeviation()
    },
    MisuseCase("the smallest of nothing", says: "argMin: axis 0 of [0] has no elements") {
      _ = Tensor.shape([0]).argmin()
    },
    MisuseCase("the largest of nothing", says: "maxWithIndices: axis 1 of [2, 0] has no elements") {
      _ = Tensor.shape([2, 0]).maxWithIndices(along: 1)
    },
    MisuseCase("masks in order", says: "sort: bool masks have no order") {
      _ = Tensor.shape([2], dtype: .bool).sorted()
    },
    MisuseCase("masks in order of place", says: "argSort: bool masks have no order") {
      _ = Tensor.shape([2], dtype: .bool).argsorted()
    },
    MisuseCase("more than there are", says: "topK: k is 4, but axis 0 of [3] has 3") {
      _ = Tensor.shape([3]).topK(4)
    },
    MisuseCase("less than none", says: "topK: k is -1, but axis 0 of [3] has 3") {
      _ = Tensor.shape([3]).topK(-1)
    },
    MisuseCase("number 0", says: "kthSmallest: k is 0, but axis 0 of [3] has places 1 ... 3") {
      _ = Tensor.shape([3]).kthSmallest(0)
    },
    MisuseCase("the middle of nothing", says: "median: axis 0 of [0] has no elements") {
      _ = Tensor.shape([0]).median()
    },
    MisuseCase("a fraction beyond", says: "quantile: the fraction is 1.5, but must be in 0 ... 1") {
      _ = Tensor.shape([3]).quantile(1.5)
    },
  ]

  static let scans: [MisuseCase] = [
    MisuseCase("an axis of a running sum", says: "cumulativeSum: axis 1 does not exist") {
      _ = Tensor.shape([3]).cumulativeSum(along: 1)
    },
    MisuseCase("running sums of masks", says: "cumulativeSum: bool masks have no arithmetic") {
      _ = Tensor.shape([3], dtype: .bool).cumulativeSum(along: 0)
    },
    MisuseCase("running maxima of masks", says: "cumulativeMax: bool masks have no order") {
      _ = Tensor.shape([3], dtype: .bool).cumulativeMax(along: 0)
    },
    MisuseCase("running logarithms of integers", says: "logCumulativeSumExp: needs float32") {
      _ = Tensor.shape([3], dtype: .int64).logCumulativeSumExp(along: 0)
    },
    MisuseCase("an axis of a running product", says: "cumulativeProduct: axis -2 does not exist") {
      _ = Tensor.shape([3]).cumulativeProduct(along: -2)
    },
  ]
}
