import TapestryGraph
import TapestryOps
import TestSupport

let reductionReplay: [String: ReferenceOperation] = [
  "sum": { attributes, inputs in
    [inputs[0].sum(along: attributes.axes, keepingDimensions: attributes.keepsDimensions)]
  },
  "mean": { attributes, inputs in
    [inputs[0].mean(along: attributes.axes, keepingDimensions: attributes.keepsDimensions)]
  },
  "max": { attributes, inputs in
    [inputs[0].max(along: attributes.axes, keepingDimensions: attributes.keepsDimensions)]
  },
  "min": { attributes, inputs in
    [inputs[0].min(along: attributes.axes, keepingDimensions: attributes.keepsDimensions)]
  },
  "variance": { attributes, inputs in
    [
      inputs[0].variance(
        along: attributes.axes, unbiased: attributes.bool("unbiased"),
        keepingDimensions: attributes.keepsDimensions)
    ]
  },
  "logSumExp": { attributes, inputs in
    [inputs[0].logSumExp(along: attributes.axes, keepingDimensions: attributes.keepsDimensions)]
  },
  "norm2": { attributes, inputs in
    [inputs[0].norm(along: attributes.axes, keepingDimensions: attributes.keepsDimensions)]
  },
]

extension ReferenceAttributes {
  fileprivate var axes: [Int] { ints("axes") }
  fileprivate var keepsDimensions: Bool { bool("keepDimensions") }
}
