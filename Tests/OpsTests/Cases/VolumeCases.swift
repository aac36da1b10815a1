import TapestryGraph
import TapestryOps
import TestSupport

// Convolutions and pools of signals and volumes.

extension OpCase {
  static let volumeConvolutions: [OpCase] = [
    OpCase(
      "conv3d",
      inputs: [sample([2, 2, 3, 3, 2]), sample([2, 2, 2, 2, 2], seed: 2), sample([2], seed: 3)],
      large: {
        [sample([2, 8, 6, 13, 12]), sample([12, 8, 3, 3, 3], seed: 2), sample([12], seed: 3)]
      }
    ) { [conv3d($0[0], $0[1], bias: $0[2])] },
    OpCase(
      "conv3d", "uneven padding, stride, dilation, groups",
      inputs: [sample([1, 2, 4, 3, 3]), sample([2, 1, 2, 2, 2], seed: 2)]
    ) {
      [
        conv3d(
          $0[0], $0[1], stride: [1, 2, 1],
          padding: Padding3d(front: 1, top: 0, left: 2, back: 0, bottom: 1, right: 0),
          dilation: [2, 1, 1], groups: 2)
      ]
    },
    OpCase(
      "conv3d", "same, even filter, stride 2",
      inputs: [sample([1, 1, 3, 3, 4]), sample([2, 1, 2, 3, 2], seed: 2), sample([2], seed: 3)]
    ) { [conv3d($0[0], $0[1], bias: $0[2], stride: 2, padding: .same)] },
    OpCase(
      "conv3d", "1x1x1",
      inputs: [sample([2, 3, 2, 2, 2]), sample([2, 3, 1, 1, 1], seed: 2), sample([2], seed: 3)],
      large: {
        [sample([2, 32, 5, 9, 9]), sample([24, 32, 1, 1, 1], seed: 2), sample([24], seed: 3)]
      }
    ) { [conv3d($0[0], $0[1], bias: $0[2])] },
    OpCase(
      "conv3d", "no volumes", checks: [.forwardMode, .kernels],
      inputs: [sample([0, 2, 3, 3, 3]), sample([3, 2, 2, 2, 2])]
    ) { [conv3d($0[0], $0[1])] },
    OpCase(
      "convTranspose1d",
      inputs: [sample([2, 3, 4]), sample([3, 2, 3], seed: 2), sample([2], seed: 3)],
      large: { [sample([4, 16, 100]), sample([16, 24, 5], seed: 2), sample([24], seed: 3)] }
    ) { [convTranspose1d($0[0], $0[1], bias: $0[2], stride: 2, padding: 1, outputPadding: 1)] },
    OpCase(
      "convTranspose1d", "same, groups, dilation",
      inputs: [sample([1, 4, 3]), sample([4, 1, 2], seed: 2)]
    ) { [convTranspose1d($0[0], $0[1], stride: 2, padding: .same, dilation: 2, groups: 2)] },
    OpCase(
      "convTranspose1d", "output padding that the dilation allows",
      inputs: [sample([1, 2, 3]), sample([2, 2, 2], seed: 2)]
    ) { [convTranspose1d($0[0], $0[1], outputPadding: 2, dilation: 3)] },
    OpCase(
      "convTranspose3d",
      inputs: [sample([1, 2, 2, 2, 2]), sample([2, 2, 2, 2, 2], seed: 2), sample([2], seed: 3)],
      large: {
        [sample([2, 8, 4, 9, 8]), sample([8, 12, 3, 3, 3], seed: 2), sample([12], seed: 3)]
      }
    ) { [convTranspose3d($0[0], $0[1], bias: $0[2])] },
    OpCase(
      "convTranspose3d", "stride 2, padding 1, output padding 1, groups",
      inputs: [sample([1, 2, 2, 2, 2]), sample([2, 1, 3, 3, 3], seed: 2)]
    ) {
      [convTranspose3d($0[0], $0[1], stride: 2, padding: 1, outputPadding: 1, groups: 2)]
    },
    OpCase(
      "convTranspose3d", "same, and output padding that the dilation allows",
      inputs: [sample([1, 1, 2, 2, 1]), sample([1, 2, 2, 1, 2], seed: 2)]
    ) {
      [
        convTranspose3d($0[0], $0[1], stride: [2, 1, 2], padding: .same),
        convTranspose3d($0[0], $0[1], outputPadding: [2, 0, 1], dilation: [3, 1, 2]),
      ]
    },
  ]

  static let linePools: [OpCase] = [
    OpCase(
      "maxPool1d", inputs: [distinctSample([2, 2, 7])],
      large: { [distinctSample([8, 16, 701])] }
    ) { [maxPool1d($0[0], window: 3, stride: 2, padding: 1)] },
    OpCase("maxPool1d", "ceil mode, dilation, uneven padding", inputs: [distinctSample([1, 2, 6])])
    {
      [
        maxPool1d(
          $0[0], window: 2, stride: 2, padding: Padding1d(before: 0, after: 1), dilation: 2,
          ceilMode: true)
      ]
    },
    OpCase("maxPool1dWithIndices", inputs: [distinctSample([1, 2, 6])]) {
      let (y, indices) = maxPool1dWithIndices($0[0], window: 2)
      return [y, indices]
    },
    OpCase("averagePool1d", inputs: [sample([2, 2, 7])], large: { [sample([8, 16, 701])] }) {
      [averagePool1d($0[0], window: 3, stride: 2, padding: 1)]
    },
    OpCase("averagePool1d", "samples counted, ceil mode", inputs: [sample([1, 2, 6])]) {
      [
        averagePool1d(
          $0[0], window: 3, stride: 2, padding: 1, ceilMode: true, countingPadding: false)
      ]
    },
    OpCase("adaptiveAveragePool1d", inputs: [sample([2, 2, 5])]) {
      [adaptiveAveragePool1d($0[0], outputSize: 3), adaptiveAveragePool1d($0[0], outputSize: 5)]
    },
    OpCase("adaptiveMaxPool1d", inputs: [distinctSample([2, 2, 5])]) {
      [adaptiveMaxPool1d($0[0], outputSize: 3)]
    },
    OpCase("adaptiveMaxPool1dWithIndices", inputs: [distinctSample([1, 2, 6])]) {
      let (y, indices) = adaptiveMaxPool1dWithIndices($0[0], outputSize: 2)
      return [y, indices]
    },
  ]

  static let volumePools: [OpCase] = [
    OpCase(
      "maxPool3d", inputs: [distinctSample([1, 2, 4, 4, 2])],
      large: { [distinctSample([2, 5, 9, 20, 21])] }
    ) { [maxPool3d($0[0], window: 2)] },
    OpCase(
      "maxPool3d", "overlapping, padded, ceil mode", inputs: [distinctSample([1, 1, 4, 3, 5])]
    ) { [maxPool3d($0[0], window: 3, stride: 2, padding: 1, ceilMode: true)] },
    OpCase("maxPool3d", "same, dilation", inputs: [distinctSample([1, 2, 3, 4, 3])]) {
      [maxPool3d($0[0], window: 2, stride: 1, padding: .same, dilation: [1, 2, 1])]
    },
    OpCase("maxPool3dWithIndices", inputs: [distinctSample([1, 2, 4, 3, 4])]) {
      let (y, indices) = maxPool3dWithIndices($0[0], window: 2)
      return [y, indices]
    },
    OpCase(
      "averagePool3d", inputs: [sample([1, 2, 4, 4, 2])], large: { [sample([2, 5, 9, 20, 21])] }
    ) { [averagePool3d($0[0], window: 2)] },
    OpCase("averagePool3d", "voxels counted, padded, ceil mode", inputs: [sample([1, 1, 4, 3, 5])])
    {
      [
        averagePool3d(
          $0[0], window: 3, stride: 2, padding: 1, ceilMode: true, countingPadding: false)
      ]
    },
    OpCase(
      "adaptiveAveragePool3d", inputs: [sample([1, 2, 4, 5, 3])],
      large: { [sample([2, 8, 7, 20, 21])] }
    ) { [adaptiveAveragePool3d($0[0], outputSize: [3, 2, 3])] },
    OpCase(
      "adaptiveMaxPool3d", inputs: [distinctSample([1, 2, 3, 5, 4])],
      large: { [distinctSample([2, 8, 7, 20, 21])] }
    ) { [adaptiveMaxPool3d($0[0], outputSize: [2, 3, 2])] },
    OpCase("adaptiveMaxPool3dWithIndices", inputs: [distinctSample([1, 1, 4, 3, 4])]) {
      let (y, indices) = adaptiveMaxPool3dWithIndices($0[0], outputSize: 2)
      return [y, indices]
    },
  ]
}

extension MisuseCase {
  static let volumes: [MisuseCase] = [
    MisuseCase(
      "conv3d, channels",
      says: "conv3d: input has 3 channels, but the filters expect 4 (groups 1)",
      "input  [8, 3, 4, 32, 32] float32"
    ) { _ = conv3d(.shape([8, 3, 4, 32, 32]), .shape([6, 4, 3, 5, 5])) },
    MisuseCase("conv3d, axes", says: "conv3d: the input needs 5 axes") {
      _ = conv3d(.shape([1, 3, 3, 3]), .shape([6, 3, 1, 1, 1]))
    },
    MisuseCase("conv3d, weight axes", says: "conv3d: the weight needs 5 axes") {
      _ = conv3d(.shape([1, 3, 3, 3, 3]), .shape([6, 3, 1, 1]))
    },
    MisuseCase("conv3d, groups", says: "conv3d: 6 filters cannot be split into 4 groups") {
      _ = conv3d(.shape([1, 4, 3, 3, 3]), .shape([6, 1, 3, 3, 3]), groups: 4)
    },
    MisuseCase(
      "conv3d, depth",
      says: "conv3d: the 3x1x1 filter does not fit into the input's depth of 2: it spans 3"
    ) { _ = conv3d(.shape([1, 1, 2, 3, 3]), .shape([6, 1, 3, 1, 1])) },
    MisuseCase("conv3d, height", says: "conv3d: the 4x1 filter does not fit into the 3x3 input") {
      _ = conv3d(.shape([1, 1, 2, 3, 3]), .shape([6, 1, 1, 4, 1]))
    },
    MisuseCase("conv3d, stride", says: "conv3d: window, stride and dilation are at least 1") {
      _ = conv3d(.shape([1, 1, 3, 3, 3]), .shape([6, 1, 3, 3, 3]), stride: 0)
    },
    MisuseCase("conv3d, padding", says: "conv3d: padding is at least 0; this is -1") {
      _ = conv3d(.shape([1, 1, 3, 3, 3]), .shape([6, 1, 3, 3, 3]), padding: -1)
    },
    MisuseCase("conv3d, bias", says: "the bias needs one number per output channel, shape [6]") {
      _ = conv3d(.shape([1, 1, 3, 3, 3]), .shape([6, 1, 3, 3, 3]), bias: .shape([5]))
    },
    MisuseCase("convTranspose1d, axes", says: "convTranspose1d: the input needs 3 axes") {
      _ = convTranspose1d(.shape([1, 3, 3, 3]), .shape([3, 1, 1]))
    },
    MisuseCase(
      "convTranspose1d, channels",
      says: "convTranspose1d: input has 3 channels, but the filters expect 4"
    ) { _ = convTranspose1d(.shape([1, 3, 5]), .shape([4, 1, 1])) },
    MisuseCase("convTranspose1d, output padding", says: "convTranspose1d: outputPadding") {
      _ = convTranspose1d(.shape([1, 3, 5]), .shape([3, 1, 1]), outputPadding: 1)
    },
    MisuseCase("convTranspose3d, axes", says: "convTranspose3d: the input needs 5 axes") {
      _ = convTranspose3d(.shape([1, 3, 3, 3]), .shape([3, 1, 1, 1, 1]))
    },
    MisuseCase(
      "convTranspose3d, channels",
      says: "convTranspose3d: input has 3 channels, but the filters expect 4"
    ) { _ = convTranspose3d(.shape([1, 3, 5, 5, 5]), .shape([4, 1, 1, 1, 1])) },
    MisuseCase(
      "convTranspose3d, output padding",
      says: "convTranspose3d: outputPadding 0x1x0 must be at least 0 and smaller than the stride"
    ) {
      _ = convTranspose3d(
        .shape([1, 3, 5, 5, 5]), .shape([3, 1, 1, 1, 1]), outputPadding: [0, 1, 0])
    },
    MisuseCase("convTranspose3d, padding", says: "nothing is left of the output") {
      _ = convTranspose3d(.shape([1, 3, 1, 1, 1]), .shape([3, 1, 2, 2, 2]), padding: 1)
    },
    MisuseCase(
      "maxPool1d, axes",
      says: "maxPool1d: the input needs 3 axes, [batch, channels, length], not 4"
    ) { _ = maxPool1d(.shape([1, 1, 5, 5]), window: 2) },
    MisuseCase("maxPool1dWithIndices, integers", says: "needs float32 or float64, not int64") {
      _ = maxPool1dWithIndices(.shape([1, 1, 5], dtype: .int64), window: 2)
    },
    MisuseCase(
      "averagePool1d, window",
      says: "averagePool1d: the 1x4 window does not fit into the 1x2 input"
    ) { _ = averagePool1d(.shape([1, 1, 2]), window: 4) },
    MisuseCase(
      "adaptiveAveragePool1d, size",
      says: "adaptiveAveragePool1d: the output size is at least 1, not 0"
    ) { _ = adaptiveAveragePool1d(.shape([1, 1, 2]), outputSize: 0) },
    MisuseCase("adaptiveMaxPool1d, samples", says: "adaptiveMaxPool1d: the input has no samples") {
      _ = adaptiveMaxPool1d(.shape([1, 1, 0]), outputSize: 2)
    },
    MisuseCase(
      "adaptiveMaxPool1dWithIndices, axes",
      says: "adaptiveMaxPool1dWithIndices: the input needs 3 axes"
    ) { _ = adaptiveMaxPool1dWithIndices(.shape([1, 5]), outputSize: 2) },
    MisuseCase("maxPool3d, axes", says: "maxPool3d: the input needs 5 axes") {
      _ = maxPool3d(.shape([1, 1, 5, 5]), window: 2)
    },
    MisuseCase(
      "maxPool3d, depth",
      says:
        "maxPool3d: the 5x1x1 window does not fit into the input's depth of 2, padded to 4: it spans 5"
    ) {
      _ = maxPool3d(
        .shape([1, 1, 2, 3, 3]), window: [5, 1, 1],
        padding: Padding3d(depth: 1, height: 0, width: 0))
    },
    MisuseCase("maxPool3d, padding alone", says: "maxPool3d: window 0 of 4 along an axis of 2") {
      _ = maxPool3d(
        .shape([1, 1, 2, 3, 3]), window: 1, padding: Padding3d(depth: 1, height: 0, width: 0))
    },
    MisuseCase("maxPool3dWithIndices, integers", says: "needs float32 or float64, not int64") {
      _ = maxPool3dWithIndices(.shape([1, 1, 5, 5, 5], dtype: .int64), window: 2)
    },
    MisuseCase("averagePool3d, window", says: "averagePool3d: the 4x4 window does not fit") {
      _ = averagePool3d(.shape([1, 1, 4, 2, 2]), window: 4)
    },
    MisuseCase(
      "adaptiveAveragePool3d, size",
      says: "adaptiveAveragePool3d: the output size is at least 1x1x1, not 0x2x2"
    ) { _ = adaptiveAveragePool3d(.shape([1, 1, 2, 2, 2]), outputSize: [0, 2, 2]) },
    MisuseCase("adaptiveMaxPool3d, axes", says: "adaptiveMaxPool3d: the input needs 5 axes") {
      _ = adaptiveMaxPool3d(.shape([1, 2, 2, 2]), outputSize: 2)
    },
    MisuseCase(
      "adaptiveMaxPool3dWithIndices, voxels",
      says: "adaptiveMaxPool3dWithIndices: the input has no voxels"
    ) { _ = adaptiveMaxPool3dWithIndices(.shape([1, 2, 0, 2, 2]), outputSize: 2) },
  ]
}
