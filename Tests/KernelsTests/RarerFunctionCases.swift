import CTapestryKernels
import Foundation

extension UnaryCase {
  /// The functions of functions.c and the activations with what Foundation's mathematics library says.
  static let rarer: [UnaryCase] = [
    UnaryCase(name: "tan", function: TAPESTRY_TAN, tolerance: (1, 4)) { tan($0) },
    UnaryCase(name: "tan far out", function: TAPESTRY_TAN, low: -1e9, high: 1e9, tolerance: (1, 4))
    {
      tan($0)
    },
    UnaryCase(name: "asin", function: TAPESTRY_ASIN, low: -1, high: 1, tolerance: (1, 3)) {
      asin($0)
    },
    UnaryCase(name: "acos", function: TAPESTRY_ACOS, low: -1, high: 1, tolerance: (1, 3)) {
      acos($0)
    },
    UnaryCase(name: "atan", function: TAPESTRY_ATAN, tolerance: (1, 3)) { atan($0) },
    UnaryCase(name: "sinh", function: TAPESTRY_SINH, low: -30, high: 30, tolerance: (1, 5)) {
      sinh($0)
    },
    UnaryCase(name: "cosh", function: TAPESTRY_COSH, low: -30, high: 30, tolerance: (1, 5)) {
      cosh($0)
    },
    UnaryCase(name: "asinh", function: TAPESTRY_ASINH, tolerance: (1, 4)) { asinh($0) },
    UnaryCase(name: "acosh", function: TAPESTRY_ACOSH, low: 1, high: 40, tolerance: (1, 5)) {
      acosh($0)
    },
    UnaryCase(name: "atanh", function: TAPESTRY_ATANH, low: -1, high: 1, tolerance: (1, 4)) {
      atanh($0)
    },
    UnaryCase(name: "exp2", function: TAPESTRY_EXP2, low: -60, high: 60, tolerance: (1, 3)) {
      exp2($0)
    },
    UnaryCase(name: "log2", function: TAPESTRY_LOG2, low: 0, high: 100, tolerance: (1, 2)) {
      log2($0)
    },
    UnaryCase(name: "log10", function: TAPESTRY_LOG10, low: 0, high: 100, tolerance: (1, 3)) {
      log10($0)
    },
    UnaryCase(name: "rsqrt", function: TAPESTRY_RSQRT, low: 0, high: 9) { 1 / $0.squareRoot() },
    UnaryCase(name: "floor", function: TAPESTRY_FLOOR, tolerance: (0, 0)) { floor($0) },
    UnaryCase(name: "ceil", function: TAPESTRY_CEIL, tolerance: (0, 0)) { ceil($0) },
    UnaryCase(name: "round", function: TAPESTRY_ROUND, tolerance: (0, 0)) {
      $0.rounded(.toNearestOrEven)
    },
    UnaryCase(name: "truncate", function: TAPESTRY_TRUNCATE, tolerance: (0, 0)) { trunc($0) },
    UnaryCase(name: "erfc", function: TAPESTRY_ERFC, low: -5, high: 26, tolerance: (1, 6)) {
      erfc($0)
    },
    UnaryCase(
      name: "hard tanh", function: TAPESTRY_HARD_TANH, alpha: -1, beta: 2, tolerance: (0, 0)
    ) { $0.isNaN ? $0 : min(max($0, -1), 2) },
    UnaryCase(name: "log sigmoid", function: TAPESTRY_LOG_SIGMOID, low: -40, high: 40) {
      -(max(-$0, 0) + log1p(exp(-abs($0))))
    },
  ]
}
