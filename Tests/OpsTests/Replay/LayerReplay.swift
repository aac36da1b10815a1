import TapestryGraph
import TapestryOps
import TestSupport

let layerReplay: [String: ReferenceOperation] = [
  "dropout": { attributes, inputs in
    [dropout(inputs[0], mask: inputs[1], probability: attributes.double("probability"))]
  },
  "embedding": { _, inputs in [embedding(inputs[0], inputs[1])] },
  "lstmCell": { _, inputs in
    let next = lstmCell(
      inputs[0], hidden: inputs[1], cell: inputs[2], weightInput: inputs[3],
      weightHidden: inputs[4], biasInput: inputs["biasInput"], biasHidden: inputs["biasHidden"])
    return [next.hidden, next.cell]
  },
  "roiPool": { attributes, inputs in
    [
      roiPool(
        inputs[0], regions: inputs[1], outputSize: attributes.pair("outputSize"),
        spatialScale: attributes.double("spatialScale"))
    ]
  },
]

let normalizationReplay: [String: ReferenceOperation] = [
  "localResponseNormalization": { attributes, inputs in
    [
      localResponseNormalization(
        inputs[0], size: attributes.int("size"), alpha: attributes.double("alpha"),
        beta: attributes.double("beta"), k: attributes.double("k"))
    ]
  },
  "batchNorm": { attributes, inputs in
    let mean = Buffer(inputs["runningMean"]!)
    let variance = Buffer(inputs["runningVariance"]!)
    func result() -> Tensor {
      batchNorm(
        inputs[0], runningMean: mean, runningVariance: variance, scale: inputs["scale"],
        shift: inputs["shift"], momentum: attributes.double("momentum"),
        epsilon: attributes.double("epsilon"))
    }
    guard attributes.bool("training") else {
      return [inference { recordingGradients { result() } }]
    }
    return [result(), mean.value, variance.value]
  },
  "layerNorm": { attributes, inputs in
    [
      layerNorm(
        inputs[0], normalizedShape: TensorShape(attributes.ints("normalizedShape")),
        scale: inputs["scale"], shift: inputs["shift"], epsilon: attributes.double("epsilon"))
    ]
  },
  "groupNorm": { attributes, inputs in
    [
      groupNorm(
        inputs[0], groups: attributes.int("groups"), scale: inputs["scale"],
        shift: inputs["shift"], epsilon: attributes.double("epsilon"))
    ]
  },
  "instanceNorm": { attributes, inputs in
    [
      instanceNorm(
        inputs[0], scale: inputs["scale"], shift: inputs["shift"],
        epsilon: attributes.double("epsilon"))
    ]
  },
  "rmsNorm": { attributes, inputs in
    [
      rmsNorm(
        inputs[0], normalizedShape: TensorShape(attributes.ints("normalizedShape")),
        scale: inputs["scale"], epsilon: attributes.double("epsilon"))
    ]
  },
  "normalized": { attributes, inputs in
    [inputs[0].normalized(along: attributes.int("axis"), epsilon: attributes.double("epsilon"))]
  },
  "weightNorm": { attributes, inputs in
    [
      weightNorm(
        inputs[0], inputs[1], axis: attributes.has("axis") ? attributes.int("axis") : nil)
    ]
  },
]
