import TapestryGraph
import TapestryOps
import TestSupport

let layerReplay: [String: ReferenceOperation] = [
  "dropout": { attributes, inputs in
    [dropout(inputs[0], mask: inputs[1], probability: attributes.double("probability"))]
  }
]
