import TapestryGraph
import TapestryOps
import TestSupport

let algebraReplay: [String: ReferenceOperation] = [
  "einsum": { attributes, inputs in [einsum(attributes.string("equation"), inputs.tensors)] },
  "outer": { _, inputs in [outer(inputs[0], inputs[1])] },
  "dot": { _, inputs in [dot(inputs[0], inputs[1])] },
  "tensordot": { attributes, inputs in
    [
      tensordot(
        inputs[0], inputs[1], axesA: attributes.ints("axesA"), axesB: attributes.ints("axesB"))
    ]
  },
  "trace": { _, inputs in [inputs[0].trace()] },
  "diagonal": { attributes, inputs in
    [
      inputs[0].diagonal(
        offset: attributes.int("offset"), axis1: attributes.int("axis1"),
        axis2: attributes.int("axis2"))
    ]
  },
  "lowerTriangle": { [$1[0].lowerTriangle(offset: $0.int("offset"))] },
  "upperTriangle": { [$1[0].upperTriangle(offset: $0.int("offset"))] },
]
