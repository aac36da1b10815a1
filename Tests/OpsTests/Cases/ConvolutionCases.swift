import TapestryGraph
import TapestryOps
import TestSupport

extension OpCase {
  static let convolution: [OpCase] = [
    OpCase(
      "conv2d",
      inputs: [sample([2, 3, 5, 4]), sample([2, 3, 3, 2], seed: 2), sample([2], seed: 3)],
      large: {
        [sample([2, 16, 13, 12]), sample([24, 16, 3, 3], seed: 2), sample([24], seed: 3)]
      }
    ) { [conv2d($0[0], $0[1], bias: $0[2])] },
    OpCase(
      "conv2d", "without bias, stride 2, padding 1",
      inputs: [sample([1, 2, 5, 5]), sample([3, 2, 3, 3], seed: 2)]
    ) { [conv2d($0[0], $0[1], stride: 2, padding: 1)] },
    OpCase(
      "conv2d", "same, even filter, stride 2x1, dilation 1x2",
      inputs: [sample([1, 2, 5, 6]), sample([2, 2, 2, 2], seed: 2), sample([2], seed: 3)]
    ) { [conv2d($0[0], $0[1], bias: $0[2], stride: [2, 1], padding: .same, dilation: [1, 2])] },
    OpCase(
      "conv2d", "groups, uneven padding",
      inputs: [sample([1, 4, 3, 3]), sample([4, 2, 2, 2], seed: 2), sample([4], seed: 3)]
    ) {
      [
        conv2d(
          $0[0], $0[1], bias: $0[2], padding: Padding2d(top: 0, left: 1, bottom: 2, right: 0),
          groups: 2)
      ]
    },
    OpCase(
      "conv2d", "depthwise", inputs: [sample([1, 3, 4, 4]), sample([3, 1, 3, 3], seed: 2)],
      large: { [sample([2, 32, 30, 31]), sample([32, 1, 3, 3], seed: 2)] }
    ) { [conv2d($0[0], $0[1], padding: 1, groups: $0[0].shape[1])] },
    OpCase(
      "conv2d", "1x1", inputs: [sample([2, 3, 2, 2]), sample([4, 3, 1, 1], seed: 2)],
      large: { [sample([2, 64, 18, 18]), sample([48, 64, 1, 1], seed: 2)] }
    ) { [conv2d($0[0], $0[1])] },
    OpCase(
      "conv2d", "filter larger than the image",
      inputs: [sample([1, 1, 2, 2]), sample([2, 1, 5, 5], seed: 2), sample([2], seed: 3)]
    ) { [conv2d($0[0], $0[1], bias: $0[2], padding: 2)] },
    OpCase(
      "conv2d", "stride larger than the filter",
      inputs: [sample([1, 1, 5, 5]), sample([1, 1, 2, 2], seed: 2)]
    ) { [conv2d($0[0], $0[1], stride: 3)] },
    OpCase(
      "conv2d", "no images", checks: [.forwardMode, .kernels],
      inputs: [sample([0, 2, 4, 4]), sample([3, 2, 3, 3]), sample([3])]
    ) { [conv2d($0[0], $0[1], bias: $0[2])] },
    OpCase("conv2d", "an image with itself as filter", inputs: [sample([1, 1, 3, 3])]) {
      [conv2d($0[0], $0[0], padding: 1)]
    },
    OpCase(
      "conv1d", inputs: [sample([2, 2, 6]), sample([3, 2, 3], seed: 2), sample([3], seed: 3)],
      large: { [sample([4, 16, 200]), sample([24, 16, 5], seed: 2), sample([24], seed: 3)] }
    ) { [conv1d($0[0], $0[1], bias: $0[2], stride: 2, padding: 1)] },
    OpCase(
      "conv1d", "same, dilation 2, groups",
      inputs: [sample([1, 4, 5]), sample([2, 2, 2], seed: 2)]
    ) { [conv1d($0[0], $0[1], padding: .same, dilation: 2, groups: 2)] },
    OpCase(
      "convTranspose2d",
      inputs: [sample([2, 3, 2, 3]), sample([3, 2, 3, 2], seed: 2), sample([2], seed: 3)],
      large: {
        [sample([2, 16, 14, 15]), sample([16, 12, 4, 4], seed: 2), sample([12], seed: 3)]
      }
    ) { [convTranspose2d($0[0], $0[1], bias: $0[2])] },
    OpCase(
      "convTranspose2d", "stride 2, padding 1, output padding 1",
      inputs: [sample([1, 2, 3, 3]), sample([2, 2, 3, 3], seed: 2)]
    ) { [convTranspose2d($0[0], $0[1], stride: 2, padding: 1, outputPadding: 1)] },
    OpCase(
      "convTranspose2d", "same, groups",
      inputs: [sample([1, 4, 2, 2]), sample([4, 1, 3, 3], seed: 2), sample([2], seed: 3)]
    ) { [convTranspose2d($0[0], $0[1], bias: $0[2], stride: 2, padding: .same, groups: 2)] },
  ]
}

extension MisuseCase {
  static let convolution: [MisuseCase] = [
    MisuseCase(
      "conv2d, channels",
      says: "conv2d: input has 3 channels, but the filters expect 4 (groups 1)",
      "input  [8, 3, 32, 32] float32", "weight [6, 4, 5, 5] float32"
    ) { _ = conv2d(.shape([8, 3, 32, 32]), .shape([6, 4, 5, 5])) },
    MisuseCase(
      "conv2d, filter too large",
      says: "the 5x5 filter does not fit into the 3x3 input; the smallest input that works is 5x5"
    ) { _ = conv2d(.shape([1, 1, 3, 3]), .shape([6, 1, 5, 5])) },
    MisuseCase(
      "conv2d, dilated filter too large",
      says:
        "the 3x3 filter, spanning 5x7 with dilation, does not fit into the 2x2 input, padded to 4x4;"
        + " the smallest input that works is 3x5"
    ) { _ = conv2d(.shape([1, 1, 2, 2]), .shape([6, 1, 3, 3]), padding: 1, dilation: [2, 3]) },
    MisuseCase(
      "conv2d, input axes", says: "the input needs 4 axes, [batch, channels, height, width], not 3"
    ) {
      _ = conv2d(.shape([1, 3, 3]), .shape([6, 1, 5, 5]))
    },
    MisuseCase("conv2d, weight axes", says: "the weight needs 4 axes") {
      _ = conv2d(.shape([1, 1, 3, 3]), .shape([6, 5]))
    },
    MisuseCase("conv2d, groups", says: "6 filters cannot be split into 4 groups") {
      _ = conv2d(.shape([1, 4, 3, 3]), .shape([6, 1, 3, 3]), groups: 4)
    },
    MisuseCase("conv2d, stride 0", says: "window, stride and dilation are at least 1") {
      _ = conv2d(.shape([1, 1, 3, 3]), .shape([6, 1, 3, 3]), stride: 0)
    },
    MisuseCase("conv2d, negative padding", says: "padding is at least 0; this is -1") {
      _ = conv2d(.shape([1, 1, 5, 5]), .shape([6, 1, 3, 3]), padding: -1)
    },
    MisuseCase(
      "conv2d, bias", says: "the bias needs one number per output channel, shape [6], not [5]",
      "bias   [5] float32"
    ) {
      _ = conv2d(.shape([1, 1, 5, 5]), .shape([6, 1, 3, 3]), bias: .shape([5]))
    },
    MisuseCase("conv2d, types", says: "operands differ in type, float32 and float64") {
      _ = conv2d(.shape([1, 1, 5, 5]), .shape([6, 1, 3, 3], dtype: .float64))
    },
    MisuseCase(
      "conv2d, no pixels", says: "does not fit into the 0x3 input",
      "the smallest input that works is 1x1"
    ) {
      _ = conv2d(.shape([1, 1, 0, 3]), .shape([6, 1, 1, 1]))
    },
    MisuseCase(
      "conv1d, axes", says: "conv1d: the input needs 3 axes, [batch, channels, length], not 2"
    ) {
      _ = conv1d(.shape([1, 3]), .shape([6, 1, 5]))
    },
    MisuseCase(
      "conv1d, filter too large", says: "conv1d: the", "does not fit into the", "padded to"
    ) { _ = conv1d(.shape([1, 3, 2]), .shape([6, 3, 5]), padding: 1) },
    MisuseCase("conv1d, weight axes", says: "conv1d: the weight needs 3 axes") {
      _ = conv1d(.shape([1, 3, 5]), .shape([6, 1, 5, 5]))
    },
    MisuseCase(
      "conv1d, channels", says: "conv1d: input has 1 channel, but the filters expect 2 (groups 1)"
    ) {
      _ = conv1d(.shape([1, 1, 5]), .shape([6, 2, 3]))
    },
    MisuseCase(
      "convTranspose2d, channels",
      says: "convTranspose2d: input has 3 channels, but the filters expect 4"
    ) {
      _ = convTranspose2d(.shape([1, 3, 5, 5]), .shape([4, 6, 3, 3]))
    },
    MisuseCase(
      "convTranspose2d, output padding",
      says: "outputPadding 2x2 must be at least 0 and smaller than the stride 2x2"
    ) {
      _ = convTranspose2d(.shape([1, 4, 5, 5]), .shape([4, 6, 3, 3]), stride: 2, outputPadding: 2)
    },
    MisuseCase("convTranspose2d, padding", says: "nothing is left of the output") {
      _ = convTranspose2d(.shape([1, 4, 1, 1]), .shape([4, 6, 3, 3]), padding: 2)
    },
    MisuseCase("convTranspose2d, axes", says: "the input needs 4 axes") {
      _ = convTranspose2d(.shape([4, 1, 1]), .shape([4, 6, 3, 3]))
    },
    MisuseCase(
      "convTranspose2d, weight axes",
      says: "the weight needs 4 axes, [channels, outputs / groups, height, width]"
    ) {
      _ = convTranspose2d(.shape([1, 4, 1, 1]), .shape([4, 6, 3]))
    },
    MisuseCase("convTranspose2d, bias", says: "shape [6], not [4]") {
      _ = convTranspose2d(.shape([1, 4, 1, 1]), .shape([4, 6, 3, 3]), bias: .shape([4]))
    },
  ]
}
