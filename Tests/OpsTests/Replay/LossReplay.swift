import TapestryGraph
import TapestryOps
import TestSupport

extension ReferenceAttributes {
  var reduction: LossReduction {
    switch string("reduction") {
    case "none": .none
    case "sum": .sum
    default: .mean
    }
  }

  fileprivate var ignored: Int? { has("ignoreIndex") ? int("ignoreIndex") : nil }
}

let lossReplay: [String: ReferenceOperation] = [
  "softmax": { [softmax($1[0], axis: $0.int("axis"))] },
  "logSoftmax": { [logSoftmax($1[0], axis: $0.int("axis"))] },
  "softmaxCrossEntropy": { attributes, inputs in
    if let targets = inputs["targets"] {
      return [
        softmaxCrossEntropy(
          inputs[0], probabilities: targets, classWeights: inputs["classWeights"],
          labelSmoothing: attributes.double("labelSmoothing"), reduction: attributes.reduction)
      ]
    }
    return [
      softmaxCrossEntropy(
        inputs[0], labels: inputs[1], classWeights: inputs["classWeights"],
        labelSmoothing: attributes.double("labelSmoothing"), ignoring: attributes.ignored,
        reduction: attributes.reduction)
    ]
  },
  "negativeLogLikelihood": { attributes, inputs in
    [
      negativeLogLikelihood(
        inputs[0], labels: inputs[1], classWeights: inputs["classWeights"],
        ignoring: attributes.ignored, reduction: attributes.reduction)
    ]
  },
  "meanSquaredError": { [meanSquaredError($1[0], $1[1], reduction: $0.reduction)] },
  "halfSquaredError": { [halfSquaredError($1[0], $1[1], reduction: $0.reduction)] },
  "l1": { [l1Loss($1[0], $1[1], reduction: $0.reduction)] },
  "huber": { [huberLoss($1[0], $1[1], delta: $0.double("delta"), reduction: $0.reduction)] },
  "smoothL1": { [smoothL1Loss($1[0], $1[1], delta: $0.double("delta"), reduction: $0.reduction)] },
  "binaryCrossEntropyWithLogits": { attributes, inputs in
    [
      binaryCrossEntropyWithLogits(
        inputs[0], inputs[1], positiveWeights: inputs["positiveWeights"],
        reduction: attributes.reduction)
    ]
  },
  "multiclassHinge": { attributes, inputs in
    [
      multiclassHinge(
        inputs[0], labels: inputs[1], classWeights: inputs["classWeights"],
        margin: attributes.double("margin"), power: attributes.int("p"),
        reduction: attributes.reduction)
    ]
  },
]
