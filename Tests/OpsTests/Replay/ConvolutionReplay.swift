import TapestryGraph
import TapestryOps
import TestSupport

extension ReferenceAttributes {
  /// `[height, width]`
  func pair(_ key: String) -> Pair { Pair(height: ints(key)[0], width: ints(key)[1]) }

  /// `[top, left, bottom, right]`
  func padding(_ key: String = "padding") -> Padding2d {
    let sides = ints(key)
    return Padding2d(top: sides[0], left: sides[1], bottom: sides[2], right: sides[3])
  }
}

let linearReplay: [String: ReferenceOperation] = [
  "matmul": { attributes, inputs in
    [
      matmul(
        inputs[0], inputs[1], transposingA: attributes.bool("transposedA"),
        transposingB: attributes.bool("transposedB"))
    ]
  },
  "linear": { _, inputs in [linear(inputs[0], inputs[1], bias: inputs["bias"])] },
]

let convolutionReplay: [String: ReferenceOperation] = [
  "conv2d": { attributes, inputs in
    [
      conv2d(
        inputs[0], inputs[1], bias: inputs["bias"], stride: attributes.pair("stride"),
        padding: attributes.padding(), dilation: attributes.pair("dilation"),
        groups: attributes.int("groups"))
    ]
  },
  "conv1d": { attributes, inputs in
    let ends = attributes.ints("padding")
    return [
      conv1d(
        inputs[0], inputs[1], bias: inputs["bias"], stride: attributes.int("stride"),
        padding: Padding1d(before: ends[0], after: ends[1]), dilation: attributes.int("dilation"),
        groups: attributes.int("groups"))
    ]
  },
  "convTranspose2d": { attributes, inputs in
    [
      convTranspose2d(
        inputs[0], inputs[1], bias: inputs["bias"], stride: attributes.pair("stride"),
        padding: attributes.padding(), outputPadding: attributes.pair("outputPadding"),
        dilation: attributes.pair("dilation"), groups: attributes.int("groups"))
    ]
  },
]
