import TapestryGraph
import TapestryOps
import TestSupport

extension OpCase {
  /// The rarer elementwise functions, within their domains and away from their poles and steps.
  static let functions: [OpCase] =
    unary("tan", of: unit) { tan($0) } + unary("asin", of: unit) { asin($0) }
    + unary("acos", of: unit) { acos($0) } + unary("atan") { atan($0) }
    + unary("sinh") { sinh($0) } + unary("cosh") { cosh($0) } + unary("asinh") { asinh($0) }
    + unary("acosh", of: positiveSample) { acosh($0 + 1) } + unary("atanh", of: unit) { atanh($0) }
    + unary("exp2") { exp2($0) } + unary("log2", of: positiveSample) { log2($0) }
    + unary("log10", of: positiveSample) { log10($0) }
    + unary("rsqrt", of: positiveSample) { rsqrt($0) }
    + unary("reciprocal", of: positiveSample) { reciprocal($0) }
    + unary("floor", of: distinctSample) { floor($0) }
    + unary("ceil", of: distinctSample) { ceil($0) }
    + unary("round", of: distinctSample) { round($0) }
    + unary("truncate", of: distinctSample) { truncate($0) }
    + unary("erfc") { erfc($0) } + unary("erfInverse", of: unit) { erfInverse($0) }
    + unary("lgamma", of: positiveSample) { lgamma($0) }
    + unary("digamma", of: positiveSample) { digamma($0) }
    + unary("polygamma", of: positiveSample) { polygamma(2, $0) } + unary("sinc") { sinc($0) }
    + pair("atan2") { atan2($0, $1) } + pair("hypot") { hypot($0, $1) }
    + pair("xlogy") { xlogy($0, $1) } + pair("logAddExp") { logAddExp($0, $1) }
    + pair("remainder") { remainder($0 * 3, $1) }
    + pair("truncatingRemainder") { truncatingRemainder($0 * -3, $1) } + others

  private static let others: [OpCase] = [
    OpCase(
      "lerp", "all broadcast",
      inputs: [sample([2, 3]), sample([3], seed: 2), sample([2, 1], seed: 3)]
    ) { [lerp($0[0], $0[1], weight: $0[2])] },
    OpCase(
      "lerp", "large", checks: .kernels,
      inputs: [sample([64, 67, 33]), sample([67, 1], seed: 2), sample([64, 67, 33], seed: 3)]
    ) { [lerp($0[0], $0[1], weight: $0[2])] },
    OpCase("nanToNum", "finite", inputs: [sample([3, 4])]) {
      [$0[0].replacingNonFinite(nan: 1, positiveInfinity: 2, negativeInfinity: 3)]
    },
    OpCase(
      "classify", "masks", checks: .valueOnly,
      inputs: [Tensor([1, .nan, .infinity, -.infinity, 0])]
    ) {
      let x = $0[0].detached()
      return [isNaN(x), isFinite(x), isInfinite(x), isFinite(x.converted(to: .int32))]
    },
    OpCase(
      "logic", "two masks", checks: .valueOnly, inputs: [sample([67, 35]), sample([35], seed: 2)]
    ) {
      let (a, b) = ($0[0].detached() .> 0, $0[1].detached() .> 0)
      return [a .& b, a .| b, a .^ b]
    },
    OpCase("logic", "not", checks: .valueOnly, inputs: [sample([67, 35]) .> 0]) { [(.!$0[0])] },
    OpCase(
      "remainder", "integers", checks: .valueOnly,
      inputs: [Tensor(integers: [7, -7, 7, -7, 5]), Tensor(integers: [3, 3, -3, -3, 0])]
    ) { [remainder($0[0], $0[1]), truncatingRemainder($0[0], $0[1])] },
  ]

  /// Values inside -0.9 ... 0.9.
  private static func unit(_ shape: TensorShape, seed: UInt64, dtype: DType) -> Tensor {
    Tensor(sample(shape, seed: seed).scalars().map { 0.15 * $0 }, shape: shape, dtype: dtype)
  }

  private static func pair(
    _ op: String, _ function: @escaping @Sendable (Tensor, Tensor) -> Tensor
  ) -> [OpCase] {
    [
      OpCase(
        op, "equal shapes", inputs: [positiveSample([2, 3]), positiveSample([2, 3], seed: 2)]
      ) { [function($0[0], $0[1])] },
      OpCase(
        op, "broadcast", inputs: [positiveSample([3, 1]), positiveSample([2, 1, 2], seed: 2)]
      ) { [function($0[0], $0[1])] },
      OpCase(
        op, "large", checks: .kernels,
        inputs: [positiveSample([64, 67, 33]), positiveSample([67, 1], seed: 2)]
      ) { [function($0[0], $0[1])] },
    ]
  }
}

extension MisuseCase {
  static let functions: [MisuseCase] = [
    MisuseCase("tan of integers", says: "tan: needs float32 or float64, not int64") {
      _ = tan(Tensor.shape([2], dtype: .int64))
    },
    MisuseCase("floor of integers", says: "floor: needs float32 or float64, not int32") {
      _ = floor(Tensor.shape([2], dtype: .int32))
    },
    MisuseCase("lgamma of integers", says: "lgamma: needs float32 or float64, not int64") {
      _ = lgamma(Tensor.shape([2], dtype: .int64))
    },
    MisuseCase("a negative order", says: "polygamma: the order is -1, but must be in 0 ... 20") {
      _ = polygamma(-1, Tensor.shape([2]))
    },
    MisuseCase("an order beyond", says: "polygamma: the order is 21, but must be in 0 ... 20") {
      _ = polygamma(21, Tensor.shape([2]))
    },
    MisuseCase("shapes of atan2", says: "atan2: the shapes [2] and [3] do not broadcast") {
      _ = atan2(Tensor.shape([2]), Tensor.shape([3]))
    },
    MisuseCase("hypot of integers", says: "hypot: needs float32 or float64, not int32") {
      _ = hypot(Tensor.shape([2], dtype: .int32), Tensor.shape([2], dtype: .int32))
    },
    MisuseCase("remainders of masks", says: "remainder: bool masks have no arithmetic") {
      _ = remainder(Tensor.shape([2], dtype: .bool), Tensor.shape([2], dtype: .bool))
    },
    MisuseCase("shapes of lerp", says: "lerp: the shapes [2] and [3] do not broadcast", "weight") {
      _ = lerp(Tensor.shape([2]), Tensor.shape([2]), weight: Tensor.shape([3]))
    },
    MisuseCase("integers have no NaN", says: "replaceNonFinite: needs float32 or float64") {
      _ = Tensor.shape([2], dtype: .int32).replacingNonFinite()
    },
    MisuseCase("logic of numbers", says: "needs bool masks, not float32; make one with") {
      _ = Tensor.shape([2]) .& Tensor.shape([2], dtype: .bool)
    },
    MisuseCase("logic of two shapes", says: "the shapes [2] and [3] do not broadcast") {
      _ = Tensor.shape([2], dtype: .bool) .| Tensor.shape([3], dtype: .bool)
    },
  ]
}
