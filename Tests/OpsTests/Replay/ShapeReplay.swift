import TapestryGraph
import TapestryOps
import TestSupport

let shapeReplay: [String: ReferenceOperation] = [
  "reshape": { attributes, inputs in [inputs[0].reshaped(to: attributes.ints("shape"))] },
  "transpose": { attributes, inputs in [inputs[0].transposed(attributes.ints("permutation"))] },
  "concatenate": { attributes, inputs in
    [concatenate(inputs.tensors, along: attributes.int("axis"))]
  },
  "stack": { attributes, inputs in [stack(inputs.tensors, along: attributes.int("axis"))] },
  "split": { attributes, inputs in
    inputs[0].split(attributes.ints("sizes"), along: attributes.int("axis"))
  },
  "slice": { attributes, inputs in
    [
      inputs[0].sliced(
        start: attributes.ints("start"), end: attributes.ints("end"), step: attributes.ints("step"))
    ]
  },
  "pad": { attributes, inputs in
    let pairs = attributes.intPairs("padding").map { (before: $0[0], after: $0[1]) }
    return [inputs[0].padded(pairs, value: attributes.double("value"))]
  },
  "broadcast": { attributes, inputs in
    [inputs[0].broadcast(to: TensorShape(attributes.ints("shape")))]
  },
  "gather": { attributes, inputs in
    [inputs[0].gathered(inputs[1], along: attributes.int("axis"))]
  },
  "takeAlongAxis": { attributes, inputs in
    [inputs[0].takenAlongAxis(inputs[1], axis: attributes.int("axis"))]
  },
  "flip": { attributes, inputs in [inputs[0].flipped(along: attributes.ints("axes"))] },
]
