import TapestryGraph
import TapestryOps
import TestSupport

extension OpCase {
  static let elementwise: [OpCase] =
    unary("exp") { exp($0) } + unary("expm1") { expm1($0) } + unary("square") { square($0) }
    + unary("sin") { sin($0) } + unary("cos") { cos($0) } + unary("erf") { erf($0) }
    + unary("log", of: positiveSample) { log($0) } + unary("sqrt", of: positiveSample) { sqrt($0) }
    + unary("log1p", of: positiveSample) { log1p($0) }
    + unary("abs", of: distinctSample) { abs($0) } + unary("sign", of: distinctSample) { sign($0) }
    + unary("clip", of: distinctSample) { clip($0, min: -0.1, max: 0.2) }
    + unary("clip", of: distinctSample) { clip($0, max: 0.1) + clip($0, min: 0) }
    + [-2, -1, -0.5, 0, 0.5, 1, 2, 2.5, 3, 5].flatMap { exponent in
      unary("powConstant", of: positiveSample) { pow($0, exponent) }
    }
    + [0, 1, 2, 3, 4, -3].map { exponent in
      OpCase("powConstant", "whole, negative base", inputs: [distinctSample([3, 3])]) {
        [pow($0[0] * 10, exponent)]
      }
    }
    + binary("pow") { pow($0, $1) } + binary("maximum") { maximum($0, $1) }
    + binary("minimum") { minimum($0, $1) } + selection

  private static let selection: [OpCase] = [
    OpCase(
      "where", "equal shapes", inputs: [mask([2, 3]), sample([2, 3]), sample([2, 3], seed: 2)]
    ) {
      [select(where: $0[0], $0[1], else: $0[2])]
    },
    OpCase(
      "where", "the mask broadcast", inputs: [mask([3]), sample([2, 3]), sample([2, 3], seed: 2)]
    ) {
      [select(where: $0[0], $0[1], else: $0[2])]
    },
    OpCase(
      "where", "the values broadcast",
      inputs: [mask([2, 3]), sample([]), sample([2, 1], seed: 2)]
    ) {
      [select(where: $0[0], $0[1], else: $0[2])]
    },
    OpCase(
      "where", "large", checks: .kernels,
      inputs: [mask([64, 67, 33]), sample([64, 67, 33]), sample([67, 1], seed: 2)]
    ) { [select(where: $0[0], $0[1], else: $0[2])] },
    OpCase(
      "comparison", "tensors", checks: .valueOnly,
      inputs: [sample([67, 35]), sample([35], seed: 2)]
    ) {
      let (a, b) = ($0[0].detached(), $0[1].detached())
      return [a .== b, a .!= b, a .< b, a .<= b, a .> b, a .>= b]
    },
    OpCase("comparison", "a number", checks: .valueOnly, inputs: [Tensor([-1, 0, 0.5, 1, .nan])]) {
      let a = $0[0]
      return [a .== 0.5, a .!= 0.5, a .< 0.5, a .<= 0.5, a .> 0.5, a .>= 0.5]
    },
  ]

  private static func mask(_ shape: TensorShape) -> Tensor { sample(shape, seed: 9) .> 0 }

  /// An odd shape, a scalar, and a large one.
  static func unary(
    _ op: String, of values: @escaping @Sendable (TensorShape, UInt64, DType) -> Tensor = sample,
    _ function: @escaping @Sendable (Tensor) -> Tensor
  ) -> [OpCase] {
    [
      OpCase(op, "odd", inputs: [values([3, 7], 1, .float64)]) { [function($0[0])] },
      OpCase(op, "scalar", inputs: [values([], 2, .float64)]) { [function($0[0])] },
      OpCase(op, "large", checks: .kernels, inputs: [values([131, 1031], 3, .float64)]) {
        [function($0[0])]
      },
    ]
  }

  /// Positive values, for powers; no two of them are equal.
  private static func binary(
    _ op: String, _ function: @escaping @Sendable (Tensor, Tensor) -> Tensor
  ) -> [OpCase] {
    [
      OpCase(
        op, "equal shapes", inputs: [positiveSample([2, 3]), positiveSample([2, 3], seed: 2)]
      ) {
        [function($0[0], $0[1])]
      },
      OpCase(op, "left broadcast", inputs: [positiveSample([3]), positiveSample([2, 3], seed: 2)]) {
        [function($0[0], $0[1])]
      },
      OpCase(
        op, "both broadcast",
        inputs: [positiveSample([3, 1]), positiveSample([2, 1, 2], seed: 2)]
      ) {
        [function($0[0], $0[1])]
      },
      OpCase(
        op, "large", checks: .kernels,
        inputs: [positiveSample([64, 67, 33]), positiveSample([67, 1], seed: 2)]
      ) { [function($0[0], $0[1])] },
    ]
  }
}

extension MisuseCase {
  static let elementwise: [MisuseCase] = [
    MisuseCase("the exponential of integers", says: "exp: needs float32 or float64, not int64") {
      _ = exp(Tensor.shape([2], dtype: .int64))
    },
    MisuseCase("sin of integers", says: "sin: needs float32 or float64, not int64") {
      _ = sin(Tensor.shape([2], dtype: .int64))
    },
    MisuseCase("cos of integers", says: "cos: needs float32 or float64, not int64") {
      _ = cos(Tensor.shape([2], dtype: .int64))
    },
    MisuseCase("erf of integers", says: "erf: needs float32 or float64, not int64") {
      _ = erf(Tensor.shape([2], dtype: .int64))
    },
    MisuseCase("expm1 of integers", says: "expm1: needs float32 or float64, not int64") {
      _ = expm1(Tensor.shape([2], dtype: .int64))
    },
    MisuseCase("log1p of integers", says: "log1p: needs float32 or float64, not int64") {
      _ = log1p(Tensor.shape([2], dtype: .int64))
    },
    MisuseCase("sqrt of integers", says: "sqrt: needs float32 or float64, not int64") {
      _ = sqrt(Tensor.shape([2], dtype: .int64))
    },
    MisuseCase(
      "the line of the call", says: "log: needs float32", "called at ElementwiseCases.swift:"
    ) {
      _ = log(Tensor.shape([2], dtype: .bool))
    },
    MisuseCase("masks have no magnitude", says: "abs: bool masks have no arithmetic") {
      _ = abs(Tensor.shape([2], dtype: .bool))
    },
    MisuseCase("masks have no square", says: "square: bool masks have no arithmetic") {
      _ = square(Tensor.shape([2], dtype: .bool))
    },
    MisuseCase("masks have no sign", says: "sign: bool masks have no arithmetic") {
      _ = sign(Tensor.shape([2], dtype: .bool))
    },
    MisuseCase("bounds out of order", says: "clip: the bounds 2.0 and 1.0 are not in order") {
      _ = clip(Tensor.shape([2]), min: 2, max: 1)
    },
    MisuseCase("masks are not clipped", says: "clip: bool masks have no arithmetic") {
      _ = clip(Tensor.shape([2], dtype: .bool), min: 0)
    },
    MisuseCase("shapes of a maximum", says: "maximum: the shapes [2] and [3] do not broadcast") {
      _ = maximum(Tensor.shape([2]), Tensor.shape([3]))
    },
    MisuseCase("shapes of a power", says: "pow: the shapes [2] and [3] do not broadcast", "base") {
      _ = pow(Tensor.shape([2]), Tensor.shape([3]))
    },
    MisuseCase("powers of integers", says: "pow: needs float32 or float64, not int32") {
      _ = pow(Tensor.shape([2], dtype: .int32), Tensor.shape([2], dtype: .int32))
    },
    MisuseCase(
      "a condition that is no mask", says: "select: the condition is float32, but must be a bool"
    ) {
      _ = select(where: .shape([2]), .shape([2]), else: .shape([2]))
    },
    MisuseCase(
      "values of two types", says: "select: the two values differ in type, float32 and int64"
    ) {
      _ = select(where: .shape([2], dtype: .bool), .shape([2]), else: .shape([2], dtype: .int64))
    },
    MisuseCase("a mask of another shape", says: "select: the shapes [3] and [2] do not broadcast") {
      _ = select(where: .shape([3], dtype: .bool), .shape([2]), else: .shape([2]))
    },
    MisuseCase("comparing two types", says: "compare: operands differ in type, float32 and int32") {
      _ = Tensor.shape([2]) .< Tensor.shape([2], dtype: .int32)
    },
    MisuseCase("comparing two shapes", says: "compare: the shapes [2] and [3] do not broadcast") {
      _ = Tensor.shape([2]) .== Tensor.shape([3])
    },
  ]
}
