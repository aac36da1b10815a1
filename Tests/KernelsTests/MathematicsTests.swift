import CTapestryKernels
import Foundation
import Testing

/// A unary function with what Foundation's mathematics library says, and where to look.
struct UnaryCase: CustomTestStringConvertible, Sendable {
  var name: String
  var function: Int
  var alpha = 0.0
  var beta = 0.0
  var low = -10.0
  var high = 10.0
  /// In units in the last place, for float32 and float64. The reference in double is itself off by up to 1.
  var tolerance = (2.2, 3.2)
  var exact: @Sendable (Double) -> Double
  var testDescription: String { name }

  static let all: [UnaryCase] = [
    UnaryCase(name: "negate", function: TAPESTRY_NEGATE, tolerance: (0, 0)) { -$0 },
    UnaryCase(name: "exp", function: TAPESTRY_EXP, low: -80, high: 80) { exp($0) },
    UnaryCase(name: "exp near 0", function: TAPESTRY_EXP, low: -1, high: 1) { exp($0) },
    UnaryCase(name: "log", function: TAPESTRY_LOG, low: 0, high: 1e6) { log($0) },
    UnaryCase(name: "log near 1", function: TAPESTRY_LOG, low: 0.5, high: 2) { log($0) },
    UnaryCase(name: "sqrt", function: TAPESTRY_SQRT, low: 0, high: 9) { $0.squareRoot() },
    UnaryCase(name: "square", function: TAPESTRY_SQUARE, tolerance: (0.6, 0)) { $0 * $0 },
    UnaryCase(name: "abs", function: TAPESTRY_ABS, tolerance: (0, 0)) { abs($0) },
    UnaryCase(name: "sign", function: TAPESTRY_SIGN, tolerance: (0, 0)) {
      $0 > 0 ? 1 : $0 < 0 ? -1 : $0
    },
    UnaryCase(name: "tanh", function: TAPESTRY_TANH) { tanh($0) },
    UnaryCase(name: "tanh near 0", function: TAPESTRY_TANH, low: -0.7, high: 0.7) { tanh($0) },
    UnaryCase(name: "sigmoid", function: TAPESTRY_SIGMOID, low: -80, high: 40) {
      $0 < 0 ? exp($0) / (1 + exp($0)) : 1 / (1 + exp(-$0))
    },
    UnaryCase(name: "sigmoid near 0", function: TAPESTRY_SIGMOID, low: -8, high: 8) {
      $0 < 0 ? exp($0) / (1 + exp($0)) : 1 / (1 + exp(-$0))
    },
    UnaryCase(name: "relu", function: TAPESTRY_RELU, tolerance: (0, 0)) { $0 < 0 ? 0 : $0 },
    UnaryCase(name: "reciprocal", function: TAPESTRY_RECIPROCAL) { 1 / $0 },
    UnaryCase(name: "sin", function: TAPESTRY_SIN) { sin($0) },
    UnaryCase(name: "sin far out", function: TAPESTRY_SIN, low: -1e9, high: 1e9) { sin($0) },
    UnaryCase(name: "cos", function: TAPESTRY_COS) { cos($0) },
    UnaryCase(name: "cos far out", function: TAPESTRY_COS, low: -1e9, high: 1e9) { cos($0) },
    UnaryCase(name: "erf", function: TAPESTRY_ERF, low: -5, high: 5) { erf($0) },
    UnaryCase(name: "log1p", function: TAPESTRY_LOG1P, low: -0.99, high: 5) { log1p($0) },
    UnaryCase(name: "expm1", function: TAPESTRY_EXPM1, low: -5, high: 5) { expm1($0) },
    UnaryCase(name: "softplus", function: TAPESTRY_SOFTPLUS, low: -40, high: 40) {
      max($0, 0) + log1p(exp(-abs($0)))
    },
    UnaryCase(
      name: "affine", function: TAPESTRY_AFFINE, alpha: 0.5, beta: 20, tolerance: (1, 1)
    ) { 0.5 * $0 + 20 },
    UnaryCase(name: "divide into", function: TAPESTRY_DIVIDE_INTO, alpha: 3) { 3 / $0 },
    UnaryCase(name: "power 0", function: TAPESTRY_POWER, alpha: 0, tolerance: (0, 0)) { _ in 1 },
    UnaryCase(name: "power 1", function: TAPESTRY_POWER, alpha: 1, tolerance: (0, 0)) { $0 },
    UnaryCase(name: "power 2", function: TAPESTRY_POWER, alpha: 2, tolerance: (0.6, 0)) { $0 * $0 },
    UnaryCase(name: "power 3", function: TAPESTRY_POWER, alpha: 3) { $0 * $0 * $0 },
    UnaryCase(name: "power -1", function: TAPESTRY_POWER, alpha: -1) { 1 / $0 },
    UnaryCase(name: "power 1/2", function: TAPESTRY_POWER, alpha: 0.5) { pow($0, 0.5) },
    UnaryCase(name: "power -2.5", function: TAPESTRY_POWER, alpha: -2.5) { pow($0, -2.5) },
    UnaryCase(name: "power 7", function: TAPESTRY_POWER, alpha: 7) { pow($0, 7) },
    UnaryCase(name: "power -0.75", function: TAPESTRY_POWER, alpha: -0.75, low: 0) {
      pow($0, -0.75)
    },
    UnaryCase(
      name: "clip", function: TAPESTRY_CLIP, alpha: -1, beta: 2, tolerance: (0, 0)
    ) { $0.isNaN ? $0 : min(max($0, -1), 2) },
    UnaryCase(
      name: "leaky relu", function: TAPESTRY_LEAKY_RELU, alpha: 0.25, tolerance: (0.6, 0.6)
    ) { $0 > 0 ? $0 : 0.25 * $0 },
    UnaryCase(name: "elu", function: TAPESTRY_ELU, alpha: 0.5) { $0 > 0 ? $0 : 0.5 * expm1($0) },
    UnaryCase(
      name: "gelu", function: TAPESTRY_GELU, low: -12, high: 12, tolerance: (2.2, 7)
    ) { x in
      if x.isNaN || x.isInfinite { return x == -.infinity ? -0.0 : x }
      // The tail magnifies the rounding of -x / sqrt 2: sqrt 2 in two parts gives that rounding, the slope its effect.
      let root = 2.0.squareRoot()
      let u = -x / root
      let lost = -(x.addingProduct(u, root) + u * -9.667293313452913e-17) / root
      return x / 2 * (erfc(u) - 2 / Double.pi.squareRoot() * exp(-u * u) * lost)
    },
    UnaryCase(name: "positive mask", function: TAPESTRY_POSITIVE_MASK, tolerance: (0, 0)) {
      $0 > 0 ? 1 : 0
    },
    UnaryCase(name: "zero mask", function: TAPESTRY_ZERO_MASK, tolerance: (0, 0)) {
      $0 == 0 ? 1 : 0
    },
  ]
}

extension KernelSuite {
  @Suite struct Mathematics {
    static let special: [Double] = [
      0, -0.0, 1, -1, .infinity, -.infinity, .nan, 0.5, -0.5, 2, 88.5, -88.5, 100, -100, 709.5,
      -709,
      -745, 1e-30, -1e-30, 1e-10, -1e-10, 3e38, -3e38, 1e22, 1e-45, 1.1754943508222875e-38, 0.3,
      0x1p-126, 0x1p-130, -0x1p-130, 17, -17, 36, -36,
    ]

    /// The error of `value` in units in the last place of `exact`, in the format of `value`.
    static func ulps<T: BinaryFloatingPoint>(_ value: T, _ exact: Double) -> Double {
      let nearest = T(exact)
      if nearest.isNaN || value.isNaN { return nearest.isNaN && value.isNaN ? 0 : .infinity }
      if nearest == value { return nearest == 0 && nearest.sign != value.sign ? .infinity : 0 }
      if nearest.isInfinite || value.isInfinite { return .infinity }
      return abs(Double(value) - exact) / Double(max(nearest.ulp, T.leastNormalMagnitude.ulp))
    }

    @Test(
      "mathematics: functions agree with Foundation's, special values too",
      arguments: UnaryCase.all + UnaryCase.rarer
    )
    func unary(_ one: UnaryCase) {
      var numbers = TestNumbers(5)
      var inputs = Self.special
      for _ in 0..<20_000 {
        inputs.append(one.low + (one.high - one.low) * (numbers.value() + 0.5))
      }
      for exponent in -40...4 {
        for _ in 0..<20 { inputs.append(numbers.value() * 2 * exp2(Double(exponent))) }
      }
      check(one, inputs.map(Float.init), Int32(TAPESTRY_FLOAT32), one.tolerance.0)
      check(one, inputs, Int32(TAPESTRY_FLOAT64), one.tolerance.1)
    }

    private func check<T: BinaryFloatingPoint & BitwiseCopyable>(
      _ one: UnaryCase, _ inputs: [T], _ dtype: Int32, _ tolerance: Double
    ) {
      KernelRuns.forEach { variant, threads in
        guard threads == 1 else { return }
        var outputs = [T](repeating: -77, count: inputs.count)
        tapestry_unary(
          Int32(one.function), dtype, Int64(inputs.count), inputs, &outputs, one.alpha, one.beta)
        var worst = (0.0, T(0), T(0))
        for (x, y) in zip(inputs, outputs) {
          let error = Self.ulps(y, one.exact(Double(x)))
          if error > worst.0 { worst = (error, x, y) }
        }
        #expect(
          worst.0 <= tolerance,
          "\(one.name) in \(T.self), \(variant): \(worst.0) ulp at \(worst.1), which gives \(worst.2)"
        )
      }
    }

    @Test("mathematics: pow agrees with Foundation's, special values too")
    func power() {
      var numbers = TestNumbers(6)
      var pairs: [(Double, Double)] = []
      let special: [Double] = [
        0, -0.0, 1, -1, 2, -2, 3, 0.5, -0.5, .infinity, -.infinity, .nan, 1e30, -1e30, -3, -1.5,
        0x1p52 + 1, 0x1p53 + 2,
      ]
      for x in special { for y in special { pairs.append((x, y)) } }
      for _ in 0..<20_000 {
        let x = exp2(numbers.value() * 60)
        pairs.append((x, numbers.value() * 80 / max(abs(log(x)), 1)))
      }
      for _ in 0..<5_000 { pairs.append((1 + numbers.value() * 1e-6, numbers.value() * 1e7)) }
      let a = pairs.map(\.0)
      let b = pairs.map(\.1)
      var size = Int64(pairs.count)
      var stride: Int64 = 1
      KernelRuns.forEach { variant, threads in
        guard threads == 1 else { return }
        var y = a
        tapestry_binary(
          Int32(TAPESTRY_POW), Int32(TAPESTRY_FLOAT64), 1, &size, &stride, &stride, a, b, &y)
        var z = a.map(Float.init)
        let (af, bf) = (z, b.map(Float.init))
        tapestry_binary(
          Int32(TAPESTRY_POW), Int32(TAPESTRY_FLOAT32), 1, &size, &stride, &stride, af, bf, &z)
        for i in pairs.indices {
          let (wide, narrow) = (
            Self.ulps(y[i], pow(a[i], b[i])), Self.ulps(z[i], pow(Double(af[i]), Double(bf[i])))
          )
          if wide > 3 || narrow > 1 {
            Issue.record(
              "\(variant): \(a[i]) ^ \(b[i]) gives \(y[i]) (\(wide) ulp), \(z[i]) (\(narrow))")
          }
        }
      }
    }

    @Test("mathematics: the scalar functions agree with Foundation's")
    func scalars() {
      var numbers = TestNumbers(8)
      for _ in 0..<5_000 {
        let x = numbers.value() * 100
        #expect(Self.ulps(tapestry_exp(x), exp(x)) <= 3)
        #expect(Self.ulps(tapestry_log(abs(x)), log(abs(x))) <= 3)
        #expect(tapestry_sqrt(abs(x)) == abs(x).squareRoot())
        #expect(Self.ulps(tapestry_cos(x), cos(x)) <= 3)
        #expect(Self.ulps(tapestry_pow(abs(x), x / 10), pow(abs(x), x / 10)) <= 3)
      }
    }
  }
}
