import TapestryGraph
import TapestryOps
import TestSupport
import Testing

// The rarer functions at special values.

extension SpecialValues {
  static let rarerSlopes: [Slope] = [
    Slope("exp2", [(-inf, 0), (inf, inf), (large, inf), (nan, nan)]) { exp2($0) },
    Slope("log2", [(inf, 0), (0, inf), (nan, nan)]) { log2($0) },
    Slope("log10", [(inf, 0), (0, inf), (nan, nan)]) { log10($0) },
    Slope("rsqrt", [(inf, 0), (0, -inf), (nan, nan)]) { rsqrt($0) },
    Slope("reciprocal", [(inf, 0), (-inf, 0), (0, -inf), (nan, nan)]) { reciprocal($0) },
    Slope("tan", [(inf, nan), (0, 1), (nan, nan)]) { tan($0) },
    Slope("asin", [(1, inf), (-1, inf), (0, 1), (nan, nan)]) { asin($0) },
    Slope("acos", [(1, -inf), (-1, -inf), (0, -1), (nan, nan)]) { acos($0) },
    Slope("atan", [(inf, 0), (-inf, 0), (large, 0), (0, 1), (nan, nan)]) { atan($0) },
    Slope("sinh", [(inf, inf), (-inf, inf), (0, 1), (nan, nan)]) { sinh($0) },
    Slope("cosh", [(inf, inf), (-inf, -inf), (0, 0), (nan, nan)]) { cosh($0) },
    Slope("asinh", [(inf, 0), (-inf, 0), (0, 1), (nan, nan)]) { asinh($0) },
    Slope("acosh", [(inf, 0), (1, inf), (nan, nan)]) { acosh($0) },
    Slope("atanh", [(1, inf), (-1, inf), (0, 1), (nan, nan)]) { atanh($0) },
    Slope("erfc", [(inf, 0), (-inf, 0), (large, 0), (nan, nan)]) { erfc($0) },
    Slope("silu", [(inf, 1), (-inf, 0), (large, 1), (-large, 0), (0, 0.5), (nan, nan)]) {
      silu($0)
    },
    Slope("mish", [(inf, 1), (-inf, 0), (large, 1), (-large, 0), (0, 0.6), (nan, nan)]) {
      mish($0)
    },
    Slope("gelu by tanh", [(inf, 1), (-inf, 0), (large, 1), (-large, 0), (0, 0.5), (nan, nan)]) {
      gelu($0, approximate: .tanh)
    },
    Slope("logSigmoid", [(inf, 0), (-inf, 1), (large, 0), (-large, 1), (0, 0.5), (nan, nan)]) {
      logSigmoid($0)
    },
    Slope("softsign", [(inf, 0), (-inf, 0), (large, 0), (0, 1), (nan, nan)]) { softsign($0) },
    Slope("tanhShrink", [(inf, 1), (-inf, 1), (large, 1), (0, 0), (nan, nan)]) { tanhShrink($0) },
    Slope("hardSwish", [(inf, 1), (-inf, 0), (-3, 0), (3, 1), (nan, nan)]) { hardSwish($0) },
    Slope("hardSigmoid", [(inf, 0), (-inf, 0), (nan, 0)]) { hardSigmoid($0) },
    Slope("relu6", [(inf, 0), (-inf, 0), (1, 1), (nan, 0)]) { relu6($0) },
    Slope("celu", [(inf, 1), (-inf, 0), (0, 1), (nan, nan)]) { celu($0) },
    Slope("selu", [(-inf, 0), (nan, nan)]) { selu($0) },
    Slope("norm of order 3", [(inf, 1), (-inf, -1), (1, 1), (large, 1)]) { $0.norm(order: 3) },
    Slope("hypot", [(inf, 1), (-inf, -1), (0, 0), (large, 1)]) {
      hypot($0, Tensor(2, dtype: $0.dtype))
    },
    Slope("atan2", [(inf, 0), (-inf, 0), (0, 1)]) { atan2($0, Tensor(1, dtype: $0.dtype)) },
    Slope("logAddExp", [(inf, 1), (-inf, 0)]) { logAddExp($0, Tensor(1, dtype: $0.dtype)) },
  ]

  @Test("activations have their limits as values at infinities")
  func activationValues() {
    let inf = Double.infinity
    let functions: [(String, [Double], (Tensor) -> Tensor)] = [
      ("silu", [0, inf], { silu($0) }), ("mish", [0, inf], { mish($0) }),
      ("gelu", [0, inf], { gelu($0) }),
      ("gelu by tanh", [0, inf], { gelu($0, approximate: .tanh) }),
      ("hardSwish", [0, inf], { hardSwish($0) }), ("hardSigmoid", [0, 1], { hardSigmoid($0) }),
      ("softsign", [-1, 1], { softsign($0) }), ("logSigmoid", [-inf, 0], { logSigmoid($0) }),
      ("tanhShrink", [-inf, inf], { tanhShrink($0) }), ("celu", [-1, inf], { celu($0) }),
      ("softplus", [0, inf], { softplus($0) }), ("elu", [-1, inf], { elu($0) }),
    ]
    for dtype in [DType.float32, .float64] {
      for (name, expected, function) in functions {
        let found = function(Tensor([-inf, inf], dtype: dtype)).scalars()
        #expect(found == expected, "\(name): \(found)")
      }
    }
  }

  @Test("pairs of infinities: logAddExp and hypot share their gradients, running log-sums too")
  func pairsOfInfinities() {
    let inf = Double.infinity
    for dtype in [DType.float32, .float64] {
      let a = Tensor([inf, -inf, inf], dtype: dtype).tracked()
      let b = Tensor([inf, -inf, -inf], dtype: dtype).tracked()
      let ones = Tensor.ones([3], dtype: dtype)
      let sums = logAddExp(a, b).gradients(cotangent: ones)
      #expect(sums[a]!.scalars() == [0.5, 0, 1] && sums[b]!.scalars() == [0.5, 0, 0])
      let root = Tensor([1, -1, 1], dtype: dtype) / 2.0.squareRoot()
      expectClose(hypot(a, b).gradients(cotangent: ones)[a]!, root, relativeTolerance: 1e-6)
      let x = Tensor([-inf, 0, inf, 1, inf], dtype: dtype).tracked()
      let running = x.logCumulativeSumExp(along: 0)
      let gradient = running.gradients(cotangent: .ones([5], dtype: dtype))[x]!
      #expect(gradient.scalars() == [0, 1, 2.5, 0, 0.5], "\(gradient)")
    }
  }

  @Test("a standard deviation whose variance overflows")
  func hugeDeviation() {
    for (dtype, huge) in [(DType.float32, 1e30), (.float64, 1e200)] {
      let x = Tensor([huge, -huge], dtype: dtype)
      expectClose(
        x.standardDeviation(unbiased: false), Tensor(huge, dtype: dtype), relativeTolerance: 1e-6)
    }
  }
}
