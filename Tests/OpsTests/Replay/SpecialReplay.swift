import TapestryGraph
import TapestryOps
import TestSupport

/// The elementwise functions of the second set.
let specialReplay: [String: ReferenceOperation] = [
  "tan": { [tan($1[0])] },
  "asin": { [asin($1[0])] },
  "acos": { [acos($1[0])] },
  "atan": { [atan($1[0])] },
  "sinh": { [sinh($1[0])] },
  "cosh": { [cosh($1[0])] },
  "asinh": { [asinh($1[0])] },
  "acosh": { [acosh($1[0])] },
  "atanh": { [atanh($1[0])] },
  "exp2": { [exp2($1[0])] },
  "log2": { [log2($1[0])] },
  "log10": { [log10($1[0])] },
  "rsqrt": { [rsqrt($1[0])] },
  "reciprocal": { [reciprocal($1[0])] },
  "floor": { [floor($1[0])] },
  "ceil": { [ceil($1[0])] },
  "round": { [round($1[0])] },
  "truncate": { [truncate($1[0])] },
  "erfc": { [erfc($1[0])] },
  "erfInverse": { [erfInverse($1[0])] },
  "lgamma": { [lgamma($1[0])] },
  "digamma": { [digamma($1[0])] },
  "sinc": { [sinc($1[0])] },
  "isNaN": { [isNaN($1[0]).converted(to: .int64)] },
  "isFinite": { [isFinite($1[0]).converted(to: .int64)] },
  "isInfinite": { [isInfinite($1[0]).converted(to: .int64)] },
  "nanToNum": { attributes, inputs in
    func number(_ key: String) -> Double? { attributes.has(key) ? attributes.double(key) : nil }
    return [
      inputs[0].replacingNonFinite(
        nan: attributes.double("nan"), positiveInfinity: number("positiveInfinity"),
        negativeInfinity: number("negativeInfinity"))
    ]
  },
  "atan2": { [atan2($1[0], $1[1])] },
  "remainder": { [remainder($1[0], $1[1])] },
  "truncatingRemainder": { [truncatingRemainder($1[0], $1[1])] },
  "hypot": { [hypot($1[0], $1[1])] },
  "xlogy": { [xlogy($1[0], $1[1])] },
  "logAddExp": { [logAddExp($1[0], $1[1])] },
  "lerp": { [lerp($1[0], $1[1], weight: $1[2])] },
]
