import TapestryGraph
import TapestryOps
import TestSupport

let marginLossReplay: [String: ReferenceOperation] = [
  "klDivergence": { attributes, inputs in
    let reduction: DivergenceReduction =
      switch attributes.string("reduction") {
      case "none": .none
      case "sum": .sum
      case "batchMean": .batchMean
      default: .mean
      }
    return [
      klDivergence(
        inputs[0], inputs[1], logTargets: attributes.bool("logTargets"), reduction: reduction)
    ]
  },
  "logCosh": { [logCoshLoss($1[0], $1[1], reduction: $0.reduction)] },
  "cosineSimilarity": {
    [cosineSimilarity($1[0], $1[1], axis: $0.int("axis"), epsilon: $0.double("epsilon"))]
  },
  "cosineEmbedding": { attributes, inputs in
    [
      cosineEmbeddingLoss(
        inputs[0], inputs[1], labels: inputs[2], margin: attributes.double("margin"),
        reduction: attributes.reduction)
    ]
  },
  "tripletMargin": { attributes, inputs in
    [
      tripletMarginLoss(
        inputs[0], positive: inputs[1], negative: inputs[2], margin: attributes.double("margin"),
        p: attributes.double("p"), epsilon: attributes.double("epsilon"),
        swap: attributes.bool("swap"), reduction: attributes.reduction)
    ]
  },
  "marginRanking": { attributes, inputs in
    [
      marginRankingLoss(
        inputs[0], inputs[1], labels: inputs[2], margin: attributes.double("margin"),
        reduction: attributes.reduction)
    ]
  },
  "hingeEmbedding": { attributes, inputs in
    [
      hingeEmbeddingLoss(
        inputs[0], labels: inputs[1], margin: attributes.double("margin"),
        reduction: attributes.reduction)
    ]
  },
  "softMargin": { [softMarginLoss($1[0], labels: $1[1], reduction: $0.reduction)] },
  "multiLabelSoftMargin": { attributes, inputs in
    [
      multiLabelSoftMarginLoss(
        inputs[0], inputs[1], classWeights: inputs["weights"], reduction: attributes.reduction)
    ]
  },
  "multiLabelMargin": { [multiLabelMarginLoss($1[0], labels: $1[1], reduction: $0.reduction)] },
  "poissonNLL": { attributes, inputs in
    [
      poissonNegativeLogLikelihood(
        inputs[0], inputs[1], logInput: attributes.bool("logInput"), full: attributes.bool("full"),
        epsilon: attributes.double("epsilon"), reduction: attributes.reduction)
    ]
  },
  "gaussianNLL": { attributes, inputs in
    [
      gaussianNegativeLogLikelihood(
        inputs[0], inputs[1], variance: inputs[2], full: attributes.bool("full"),
        epsilon: attributes.double("epsilon"), reduction: attributes.reduction)
    ]
  },
  "sigmoidFocal": { attributes, inputs in
    [
      sigmoidFocalLoss(
        inputs[0], inputs[1], alpha: attributes.double("alpha"), gamma: attributes.double("gamma"),
        reduction: attributes.reduction)
    ]
  },
  "dice": { attributes, inputs in
    [
      diceLoss(
        inputs[0], inputs[1], axes: attributes.ints("axes"),
        smoothing: attributes.double("smoothing"), reduction: attributes.reduction)
    ]
  },
  "binaryCrossEntropy": { attributes, inputs in
    [
      binaryCrossEntropy(
        inputs[0], inputs[1], weights: inputs["weights"],
        positiveWeights: inputs["positiveWeights"], reduction: attributes.reduction)
    ]
  },
  "ctc": { attributes, inputs in
    [
      ctcLoss(
        inputs[0], labels: inputs[1], inputLengths: inputs[2], labelLengths: inputs[3],
        blank: attributes.int("blank"), zeroInfinity: attributes.bool("zeroInfinity"),
        reduction: attributes.reduction)
    ]
  },
]
