import Foundation
import TapestryGraph
import TapestryOps
import TestSupport
import Testing

/// Gradients at infinities, zeros, NaN, the smallest and the largest numbers: docs/operations.md says what they are.
@Suite struct SpecialValues {
  /// A function of one number, and its slope at some.
  struct Slope: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let function: @Sendable (Tensor) -> Tensor
    let slopes: [(at: Double, is: Double)]

    init(
      _ name: String, _ slopes: [(at: Double, is: Double)],
      _ function: @escaping @Sendable (Tensor) -> Tensor
    ) {
      testDescription = name
      self.slopes = slopes
      self.function = function
    }
  }

  static let inf = Double.infinity
  static let nan = Double.nan
  static let small = Double(Float.leastNonzeroMagnitude)
  static let large = Double(Float.greatestFiniteMagnitude)

  static let slopes: [Slope] = [
    Slope("exp", [(-inf, 0), (inf, inf), (0, 1), (-0.0, 1), (small, 1), (large, inf), (nan, nan)]) {
      exp($0)
    },
    Slope("expm1", [(-inf, 0), (inf, inf), (small, 1), (-large, 0), (nan, nan)]) { expm1($0) },
    Slope("log", [(inf, 0), (0, inf), (1, 1), (nan, nan)]) { log($0) },
    Slope("log1p", [(inf, 0), (-1, inf), (small, 1), (nan, nan)]) { log1p($0) },
    Slope("sqrt", [(inf, 0), (0, inf), (nan, nan)]) { sqrt($0) },
    Slope("square", [(inf, inf), (-inf, -inf), (0, 0), (small, 2 * small), (nan, nan)]) {
      square($0)
    },
    Slope("sin", [(inf, nan), (0, 1), (small, 1), (nan, nan)]) { sin($0) },
    Slope("cos", [(-inf, nan), (0, 0), (nan, nan)]) { cos($0) },
    Slope("erf", [(inf, 0), (-inf, 0), (large, 0), (nan, nan)]) { erf($0) },
    Slope("pow 3", [(inf, inf), (-inf, inf), (0, 0), (nan, nan)]) { pow($0, 3) },
    Slope("pow 0.5", [(inf, 0), (0, inf)]) { pow($0, 0.5) },
    Slope("pow -1", [(inf, 0), (-inf, 0), (0, -inf)]) { pow($0, -1) },
    Slope("pow 0", [(inf, 0), (0, 0), (nan, 0)]) { pow($0, 0) },
    Slope("base of a power", [(inf, 0), (0, inf)]) { pow($0, Tensor(0.5, dtype: $0.dtype)) },
    Slope("exponent", [(-1, 0), (-inf, 0), (0, inf), (1, inf)]) {
      pow(Tensor(.infinity, dtype: $0.dtype), $0)
    },
    Slope("abs", [(inf, 1), (-inf, -1), (0, 0), (-0.0, 0), (small, 1), (-large, -1)]) { abs($0) },
    Slope("sign", [(inf, 0), (-inf, 0), (0, 0), (nan, 0)]) { sign($0) },
    Slope("clip", [(inf, 0), (-inf, 0), (1, 1), (-1, 1), (small, 1), (nan, 0)]) {
      clip($0, min: -1, max: 1)
    },
    Slope("relu", [(inf, 1), (-inf, 0), (0, 0), (-0.0, 0), (small, 1), (large, 1), (nan, 0)]) {
      relu($0)
    },
    Slope("leakyRelu", [(inf, 1), (-inf, 0.5), (0, 0.5), (small, 1), (nan, 0.5)]) {
      leakyRelu($0, slope: 0.5)
    },
    Slope("elu", [(inf, 1), (-inf, 0), (0, 1), (small, 1), (-large, 0), (nan, nan)]) { elu($0) },
    Slope("gelu", [(inf, 1), (-inf, 0), (large, 1), (-large, 0), (0, 0.5), (nan, nan)]) {
      gelu($0)
    },
    Slope("softplus", [(inf, 1), (-inf, 0), (large, 1), (-large, 0), (0, 0.5), (nan, nan)]) {
      softplus($0)
    },
    Slope("sigmoid", [(inf, 0), (-inf, 0), (large, 0), (0, 0.25), (nan, nan)]) { sigmoid($0) },
    Slope("tanh", [(inf, 0), (-inf, 0), (large, 0), (small, 1), (nan, nan)]) { tanh($0) },
    Slope("divided by it", [(inf, 0), (-inf, 0), (0, -inf), (-0.0, -inf), (nan, nan)]) { 3 / $0 },
    Slope("a tensor divided by it", [(inf, 0), (0, -inf), (nan, nan)]) {
      Tensor(3, dtype: $0.dtype) / $0
    },
  ]

  @Test(
    "slopes at special values are limits where there are limits", arguments: slopes + rarerSlopes)
  func slope(_ row: Slope) {
    for dtype in [DType.float32, .float64] {
      for (point, expected) in row.slopes {
        let x = Tensor([point], dtype: dtype).tracked()
        let y = row.function(x)
        let slope =
          gradients(
            of: y, withRespectTo: [x], cotangent: .ones(y.shape, dtype: dtype), retaining: true)[x]?
          .item ?? 0
        #expect(Self.agree(slope, expected), "\(dtype) at \(point): \(slope), not \(expected)")
        // The cotangents that are no numbers, or infinite, do not vanish where the slope is 1.
        if expected == 1 {
          for g in [Double.nan, .infinity, -.infinity] {
            let gradient =
              gradients(
                of: y, withRespectTo: [x], cotangent: .full(y.shape, g, dtype: dtype),
                retaining: true)[x]?.item ?? 0
            #expect(Self.agree(gradient, g), "\(dtype) at \(point), cotangent \(g): \(gradient)")
          }
        }
      }
    }
  }

  static func agree(_ a: Double, _ b: Double) -> Bool {
    a.isNaN ? b.isNaN : a == b || abs(a - b) <= max(1e-6 * abs(b), 1e-30)
  }

  @Test("a cotangent of 0 stays 0 at poles, so that select keeps them out")
  func unused() {
    let values = [0, 1, 4, .infinity, .nan, -2]
    for dtype in [DType.float32, .float64] {
      let functions: [(String, (Tensor) -> Tensor)] = [
        ("log", { log($0) }), ("log1p", { log1p($0 - 1) }), ("sqrt", { sqrt($0) }),
        ("power", { pow($0, -0.5) }), ("into", { 1 / $0 }),
        ("exp", { exp($0 * 1000) }), ("expm1", { expm1($0 * 1000) }),
        ("pow", { pow($0, Tensor(-1, dtype: $0.dtype)) }), ("log2", { log2($0) }),
        ("rsqrt", { rsqrt($0) }), ("reciprocal", { reciprocal($0) }), ("asin", { asin($0 / 8) }),
        ("acosh", { acosh($0 + 1) }), ("xlogy", { xlogy(Tensor(1, dtype: $0.dtype), $0) }),
      ]
      for (name, function) in functions {
        let x = Tensor(values, dtype: dtype).tracked()
        let mask = Tensor([0, 0, 1, 0, 0, 0], dtype: dtype) .> 0
        let y = select(where: mask, function(x), else: Tensor(0, dtype: dtype))
        let gradient = y.sum().gradients()[x]!.scalars()
        for place in [0, 1, 3, 4, 5] { #expect(gradient[place] == 0, "\(name): \(gradient)") }
        #expect(!gradient[2].isNaN)
      }
    }
  }

  @Test("logSumExp: infinities share its gradient evenly, and -infinities alone get none")
  func logSumExp() {
    for dtype in [DType.float32, .float64] {
      let rows: [([Double], [Double])] = [
        ([-.infinity, -.infinity], [0, 0]), ([.infinity, 1], [1, 0]),
        ([.infinity, .infinity], [0.5, 0.5]), ([-.infinity, 3], [0, 1]),
        ([.infinity, -.infinity], [1, 0]), ([0, 0], [0.5, 0.5]),
      ]
      let x = Tensor(rows.map(\.0), dtype: dtype).tracked()
      let y = x.logSumExp(along: 1)
      let gradient = y.gradients(cotangent: .ones([6], dtype: dtype))[x]!
      #expect(gradient.scalars() == rows.flatMap(\.1), "\(gradient)")
      let odd = Tensor([1, .nan], dtype: dtype).tracked()
      #expect(odd.logSumExp().gradients()[odd]!.scalars().allSatisfy({ $0.isNaN }))
    }
  }

  @Test("norms of the smallest, the largest and infinite numbers have unit gradients")
  func norm() {
    let rows: [([Double], [Double])] = [
      ([3, 4], [0.6, 0.8]), ([3e-30, 4e-30], [0.6, 0.8]), ([3e30, -4e30], [0.6, -0.8]),
      ([0, 0], [0, 0]), ([.infinity, 1], [1, 0]),
      ([.infinity, -.infinity], [0.5, -0.5].map { $0 * 2.0.squareRoot() }),
    ]
    for dtype in [DType.float32, .float64] {
      for (values, expected) in rows {
        let x = Tensor(values, dtype: dtype).tracked()
        expectClose(
          x.norm().gradients()[x]!, Tensor(expected, dtype: dtype), relativeTolerance: 1e-6)
      }
    }
  }

  @Test("a NaN wins every maximum and minimum, and gets the gradient")
  func extrema() {
    let x = Tensor([[1, .nan, 3], [4, 5, 5], [.nan, .nan, 0]], dtype: .float64).tracked()
    for y in [x.max(along: 1), x.min(along: 1)] {
      let gradient = y.gradients(cotangent: .ones([3], dtype: .float64))[x]!.scalars()
      #expect(Array(gradient[0..<3]) == [0, 1, 0] && Array(gradient[6...]) == [0.5, 0.5, 0])
    }
    let a = Tensor([1, .nan, 2, .nan, 7], dtype: .float64).tracked()
    let b = Tensor([.nan, 1, 2, .nan, 5], dtype: .float64).tracked()
    for (function, last) in [({ maximum($0, $1) }, 1), ({ minimum($0, $1) }, 0)]
      as [((Tensor, Tensor) -> Tensor, Double)]
    {
      let y = function(a, b)
      let gradient = y.gradients(cotangent: .ones([5], dtype: .float64))
      #expect(gradient[a]!.scalars() == [0, 1, 0.5, 0.5, last])
      #expect(gradient[b]!.scalars() == [1, 0, 0.5, 0.5, 1 - last])
    }
    let image = Tensor([1, .nan, .nan, 9], shape: [1, 1, 2, 2], dtype: .float64).tracked()
    for y in [
      maxPool2d(image, window: 2), adaptiveMaxPool2d(image, outputSize: 1),
      maxPool2dWithIndices(image, window: 2).output,
      roiPool(image, regions: Tensor([[0, 0, 0, 1, 1]], dtype: .float64), outputSize: 1),
    ] {
      // Pools give what is shared to the first.
      #expect(y.sum().gradients()[image]!.scalars() == [0, 1, 0, 0])
    }
  }

  @Test(
    "a cotangent that is no number reaches the gradients, whatever the op",
    arguments: OpCase.all.filter { $0.checks.contains(.gradient) })
  func cotangents(_ row: OpCase) {
    let inputs = row.inputs().map { $0.dtype.isFloatingPoint ? $0.tracked() : $0 }
    let leaves = inputs.filter(\.isTracked)
    for y in row.function(inputs) where y.isTracked && y.count > 0 {
      func gradient(_ g: Double) -> [Double] {
        let all = gradients(
          of: y, withRespectTo: leaves, cotangent: .full(y.shape, g, dtype: y.dtype),
          retaining: true)
        return leaves.flatMap { all[$0]?.scalars() ?? [] }
      }
      let ordinary = gradient(1)
      guard ordinary.contains(where: { $0 != 0 }) else { continue }
      #expect(gradient(.nan).contains(where: { $0.isNaN }), "\(row)")
      #expect(gradient(0).allSatisfy { $0 == 0 }, "\(row)")
      #expect(gradient(.infinity).contains { !$0.isFinite }, "\(row)")
    }
  }
}
