import TapestryGraph
import TapestryOps
import TestSupport

let scanReplay: [String: ReferenceOperation] = [
  "cumulativeSum": { [$1[0].cumulativeSum(along: $0.int("axis"))] },
  "cumulativeProduct": { [$1[0].cumulativeProduct(along: $0.int("axis"))] },
  "logCumulativeSumExp": { [$1[0].logCumulativeSumExp(along: $0.int("axis"))] },
  "cumulativeMax": { both($1[0].cumulativeMax(along: $0.int("axis"))) },
  "sorted": { attributes, inputs in
    both(
      inputs[0].sorted(
        along: attributes.int("axis"), descending: attributes.bool("descending")))
  },
  "argsort": { attributes, inputs in
    [
      inputs[0].argsorted(
        along: attributes.int("axis"), descending: attributes.bool("descending"))
    ]
  },
  "topK": { attributes, inputs in
    both(
      inputs[0].topK(
        attributes.int("k"), along: attributes.int("axis"), largest: attributes.bool("largest")))
  },
  "kthSmallest": { attributes, inputs in
    both(
      inputs[0].kthSmallest(
        attributes.int("k"), along: attributes.int("axis"),
        keepingDimensions: attributes.bool("keepDimensions")))
  },
  "median": { attributes, inputs in
    [
      inputs[0].median(
        along: attributes.axis, keepingDimensions: attributes.bool("keepDimensions"))
    ]
  },
  "quantile": { attributes, inputs in
    [
      inputs[0].quantile(
        attributes.double("q"), along: attributes.axis,
        keepingDimensions: attributes.bool("keepDimensions"))
    ]
  },
]

private func both(_ results: (values: Tensor, indices: Tensor)) -> [Tensor] {
  [results.values, results.indices]
}

extension ReferenceAttributes {
  fileprivate var axis: Int? { has("axis") ? int("axis") : nil }
}
