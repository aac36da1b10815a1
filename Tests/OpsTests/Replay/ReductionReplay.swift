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
  "product": { attributes, inputs in
    [inputs[0].product(along: attributes.axes, keepingDimensions: attributes.keepsDimensions)]
  },
  "any": { attributes, inputs in
    let mask = inputs[0].any(
      along: attributes.axes, keepingDimensions: attributes.keepsDimensions)
    return [mask.converted(to: .int64)]
  },
  "all": { attributes, inputs in
    let mask = inputs[0].all(
      along: attributes.axes, keepingDimensions: attributes.keepsDimensions)
    return [mask.converted(to: .int64)]
  },
  "countNonzero": { attributes, inputs in
    [inputs[0].countNonzero(along: attributes.axes, keepingDimensions: attributes.keepsDimensions)]
  },
  "standardDeviation": { attributes, inputs in
    [
      inputs[0].standardDeviation(
        along: attributes.axes, unbiased: attributes.bool("unbiased"),
        keepingDimensions: attributes.keepsDimensions)
    ]
  },
  "maxWithIndices": { attributes, inputs in
    let found = inputs[0].maxWithIndices(
      along: attributes.int("axis"), keepingDimensions: attributes.keepsDimensions)
    return [found.values, found.indices]
  },
  "minWithIndices": { attributes, inputs in
    let found = inputs[0].minWithIndices(
      along: attributes.int("axis"), keepingDimensions: attributes.keepsDimensions)
    return [found.values, found.indices]
  },
  "argmin": { attributes, inputs in
    [
      inputs[0].argmin(
        along: attributes.has("axis") ? attributes.int("axis") : nil,
        keepingDimensions: attributes.keepsDimensions)
    ]
  },
  "norm": { attributes, inputs in
    let order = attributes.isText("order") ? .infinity : attributes.double("order")
    return [
      inputs[0].norm(
        order: order, along: attributes.axes, keepingDimensions: attributes.keepsDimensions)
    ]
  },
]

extension ReferenceAttributes {
  fileprivate var axes: [Int] { ints("axes") }
  fileprivate var keepsDimensions: Bool { bool("keepDimensions") }
}
