import TapestryGraph
import TapestryOps
import TestSupport

/// The reference stores indices as int64.
private func outputs(_ result: (output: Tensor, indices: Tensor)) -> [Tensor] {
  [result.output, result.indices.converted(to: .int64)]
}

let poolingReplay: [String: ReferenceOperation] = [
  "maxPool2d": { attributes, inputs in
    let (window, stride) = (attributes.pair("kernel"), attributes.pair("stride"))
    let (padding, dilation) = (attributes.padding(), attributes.pair("dilation"))
    let ceilMode = attributes.bool("ceilMode")
    guard attributes.bool("returnIndices") else {
      return [
        maxPool2d(
          inputs[0], window: window, stride: stride, padding: padding, dilation: dilation,
          ceilMode: ceilMode)
      ]
    }
    return outputs(
      maxPool2dWithIndices(
        inputs[0], window: window, stride: stride, padding: padding, dilation: dilation,
        ceilMode: ceilMode))
  },
  "averagePool2d": { attributes, inputs in
    [
      averagePool2d(
        inputs[0], window: attributes.pair("kernel"), stride: attributes.pair("stride"),
        padding: attributes.padding(), ceilMode: attributes.bool("ceilMode"),
        countingPadding: attributes.bool("countIncludePadding"))
    ]
  },
  "sumPool2d": { attributes, inputs in
    [
      sumPool2d(
        inputs[0], window: attributes.pair("kernel"), stride: attributes.pair("stride"),
        padding: attributes.padding(), ceilMode: attributes.bool("ceilMode"))
    ]
  },
  "adaptiveAveragePool2d": { attributes, inputs in
    [adaptiveAveragePool2d(inputs[0], outputSize: attributes.pair("outputSize"))]
  },
  "adaptiveMaxPool2d": { attributes, inputs in
    let size = attributes.pair("outputSize")
    guard attributes.bool("returnIndices") else {
      return [adaptiveMaxPool2d(inputs[0], outputSize: size)]
    }
    return outputs(adaptiveMaxPool2dWithIndices(inputs[0], outputSize: size))
  },
  "globalAveragePool": { _, inputs in [globalAveragePool(inputs[0])] },
  "maxUnpool2d": { attributes, inputs in
    [
      maxUnpool2d(
        inputs[0], indices: inputs[1].converted(to: .int32),
        outputSize: attributes.pair("outputSize"))
    ]
  },
]
