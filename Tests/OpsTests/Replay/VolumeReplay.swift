import TapestryGraph
import TapestryOps
import TestSupport

// Convolutions and pools of signals and volumes.

extension ReferenceAttributes {
  /// `[depth, height, width]`
  fileprivate func triple(_ key: String) -> Triple {
    let sizes = ints(key)
    return Triple(depth: sizes[0], height: sizes[1], width: sizes[2])
  }

  /// `[front, top, left, back, bottom, right]`
  fileprivate var volumePadding: Padding3d {
    let sides = ints("padding")
    return Padding3d(
      front: sides[0], top: sides[1], left: sides[2], back: sides[3], bottom: sides[4],
      right: sides[5])
  }

  /// `[before, after]`
  fileprivate var linePadding: Padding1d {
    Padding1d(before: ints("padding")[0], after: ints("padding")[1])
  }

  fileprivate var returnsIndices: Bool { has("returnIndices") && bool("returnIndices") }
}

/// The reference stores indices as int64.
private func both(_ result: (output: Tensor, indices: Tensor)) -> [Tensor] {
  [result.output, result.indices.converted(to: .int64)]
}

let volumeReplay: [String: ReferenceOperation] = [
  "conv3d": { attributes, inputs in
    [
      conv3d(
        inputs[0], inputs[1], bias: inputs["bias"], stride: attributes.triple("stride"),
        padding: attributes.volumePadding, dilation: attributes.triple("dilation"),
        groups: attributes.int("groups"))
    ]
  },
  "convTranspose1d": { attributes, inputs in
    [
      convTranspose1d(
        inputs[0], inputs[1], bias: inputs["bias"], stride: attributes.int("stride"),
        padding: attributes.linePadding, outputPadding: attributes.int("outputPadding"),
        dilation: attributes.int("dilation"), groups: attributes.int("groups"))
    ]
  },
  "convTranspose3d": { attributes, inputs in
    [
      convTranspose3d(
        inputs[0], inputs[1], bias: inputs["bias"], stride: attributes.triple("stride"),
        padding: attributes.volumePadding, outputPadding: attributes.triple("outputPadding"),
        dilation: attributes.triple("dilation"), groups: attributes.int("groups"))
    ]
  },
  "maxPool1d": { attributes, inputs in
    let (window, stride) = (attributes.int("kernel"), attributes.int("stride"))
    let (padding, dilation) = (attributes.linePadding, attributes.int("dilation"))
    let ceilMode = attributes.bool("ceilMode")
    guard attributes.returnsIndices else {
      return [
        maxPool1d(
          inputs[0], window: window, stride: stride, padding: padding, dilation: dilation,
          ceilMode: ceilMode)
      ]
    }
    return both(
      maxPool1dWithIndices(
        inputs[0], window: window, stride: stride, padding: padding, dilation: dilation,
        ceilMode: ceilMode))
  },
  "averagePool1d": { attributes, inputs in
    [
      averagePool1d(
        inputs[0], window: attributes.int("kernel"), stride: attributes.int("stride"),
        padding: attributes.linePadding, ceilMode: attributes.bool("ceilMode"),
        countingPadding: attributes.bool("countIncludePadding"))
    ]
  },
  "adaptiveAveragePool1d": { attributes, inputs in
    [adaptiveAveragePool1d(inputs[0], outputSize: attributes.int("outputSize"))]
  },
  "adaptiveMaxPool1d": { attributes, inputs in
    let size = attributes.int("outputSize")
    guard attributes.returnsIndices else { return [adaptiveMaxPool1d(inputs[0], outputSize: size)] }
    return both(adaptiveMaxPool1dWithIndices(inputs[0], outputSize: size))
  },
  "maxPool3d": { attributes, inputs in
    let (window, stride) = (attributes.triple("kernel"), attributes.triple("stride"))
    let (padding, dilation) = (attributes.volumePadding, attributes.triple("dilation"))
    let ceilMode = attributes.bool("ceilMode")
    guard attributes.returnsIndices else {
      return [
        maxPool3d(
          inputs[0], window: window, stride: stride, padding: padding, dilation: dilation,
          ceilMode: ceilMode)
      ]
    }
    return both(
      maxPool3dWithIndices(
        inputs[0], window: window, stride: stride, padding: padding, dilation: dilation,
        ceilMode: ceilMode))
  },
  "averagePool3d": { attributes, inputs in
    [
      averagePool3d(
        inputs[0], window: attributes.triple("kernel"), stride: attributes.triple("stride"),
        padding: attributes.volumePadding, ceilMode: attributes.bool("ceilMode"),
        countingPadding: attributes.bool("countIncludePadding"))
    ]
  },
  "adaptiveAveragePool3d": { attributes, inputs in
    [adaptiveAveragePool3d(inputs[0], outputSize: attributes.triple("outputSize"))]
  },
  "adaptiveMaxPool3d": { attributes, inputs in
    let size = attributes.triple("outputSize")
    guard attributes.returnsIndices else { return [adaptiveMaxPool3d(inputs[0], outputSize: size)] }
    return both(adaptiveMaxPool3dWithIndices(inputs[0], outputSize: size))
  },
]
