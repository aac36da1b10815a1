import TapestryGraph
import TapestryOps
import TestSupport

/// Places in an image of 4x5, distinct in each channel.
private let places = Tensor(
  integers: [0, 3, 12, 19, 7, 1, 18, 11], shape: [1, 2, 2, 2], dtype: .int32)

extension OpCase {
  static let pooling: [OpCase] = [
    OpCase(
      "maxPool2d", inputs: [distinctSample([2, 2, 4, 4])],
      large: { [distinctSample([4, 16, 40, 41])] }
    ) { [maxPool2d($0[0], window: 2)] },
    OpCase(
      "maxPool2d", "overlapping, padded", inputs: [distinctSample([1, 2, 5, 5])],
      large: { [distinctSample([3, 24, 27, 27])] }
    ) { [maxPool2d($0[0], window: 3, stride: 2, padding: 1)] },
    OpCase("maxPool2d", "ceil mode, dilation", inputs: [distinctSample([1, 1, 6, 7])]) {
      [maxPool2d($0[0], window: [2, 3], stride: [3, 2], dilation: [2, 1], ceilMode: true)]
    },
    OpCase("maxPool2d", "same", inputs: [distinctSample([1, 1, 5, 4])]) {
      [maxPool2d($0[0], window: 2, stride: 2, padding: .same)]
    },
    OpCase("maxPool2d", "1x1", inputs: [distinctSample([1, 1, 1, 1])]) {
      [maxPool2d($0[0], window: 1)]
    },
    // Too many elements for a byte; the gradient of the gradient is another op's, tested above.
    OpCase(
      "maxPool2d", "a window of 272 elements", checks: [.gradient, .forwardMode, .kernels],
      inputs: [distinctSample([1, 1, 17, 17])]
    ) { [maxPool2d($0[0], window: [16, 17], stride: 1)] },
    OpCase(
      "maxPool2d", "no images", checks: [.forwardMode, .kernels],
      inputs: [distinctSample([0, 2, 4, 4])]
    ) {
      [maxPool2d($0[0], window: 2)]
    },
    OpCase("maxPool2dWithIndices", inputs: [distinctSample([1, 2, 4, 4])]) {
      let (y, indices) = maxPool2dWithIndices($0[0], window: 2)
      return [y, indices]
    },
    OpCase("maxUnpool2d", inputs: [sample([1, 2, 2, 2])]) {
      [maxUnpool2d($0[0], indices: places, outputSize: [4, 5])]
    },
    OpCase("maxPool2d", "unpooled again", inputs: [distinctSample([1, 1, 4, 4])]) {
      let (y, indices) = maxPool2dWithIndices($0[0], window: 2)
      return [maxUnpool2d(y * y, indices: indices, outputSize: 4)]
    },
    OpCase(
      "averagePool2d", inputs: [sample([2, 2, 4, 4])], large: { [sample([4, 16, 40, 41])] }
    ) { [averagePool2d($0[0], window: 2)] },
    OpCase("averagePool2d", "overlapping, padded", inputs: [sample([1, 2, 5, 5])]) {
      [averagePool2d($0[0], window: 3, stride: 2, padding: 1)]
    },
    OpCase("averagePool2d", "pixels counted, ceil mode", inputs: [sample([1, 1, 5, 6])]) {
      [
        averagePool2d(
          $0[0], window: 3, stride: 2, padding: 1, ceilMode: true, countingPadding: false)
      ]
    },
    OpCase("sumPool2d", inputs: [sample([1, 2, 5, 4])], large: { [sample([4, 16, 40, 41])] }) {
      [sumPool2d($0[0], window: [3, 2], stride: 1, padding: 1)]
    },
    OpCase("sumPool2d", "stride larger than the window", inputs: [sample([1, 1, 5, 5])]) {
      [sumPool2d($0[0], window: 1, stride: 3)]
    },
    OpCase(
      "lpPool2d", "exponent 2", inputs: [sample([2, 2, 4, 4])],
      large: { [sample([4, 16, 40, 41])] }
    ) { [lpPool2d($0[0], window: 2, exponent: 2)] },
    OpCase("lpPool2d", "exponent 3, overlapping, padded", inputs: [distinctSample([1, 2, 5, 4])]) {
      [lpPool2d($0[0], window: 3, exponent: 3, stride: 2, padding: 1, ceilMode: true)]
    },
    OpCase("lpPool2d", "exponents 1 and 1.5", inputs: [distinctSample([1, 1, 4, 3])]) {
      [
        lpPool2d($0[0], window: [2, 1], exponent: 1),
        lpPool2d($0[0], window: [2, 3], exponent: 1.5, stride: 1),
      ]
    },
    OpCase(
      "adaptiveAveragePool2d", "even bins", inputs: [sample([2, 2, 4, 6])],
      large: { [sample([4, 32, 28, 30])] }
    ) { [adaptiveAveragePool2d($0[0], outputSize: [2, 3])] },
    OpCase(
      "adaptiveAveragePool2d", "uneven bins", inputs: [sample([2, 2, 5, 7])],
      large: { [sample([4, 32, 29, 31])] }
    ) { [adaptiveAveragePool2d($0[0], outputSize: [3, 4])] },
    OpCase("adaptiveAveragePool2d", "more bins than pixels", inputs: [sample([1, 2, 2, 3])]) {
      [adaptiveAveragePool2d($0[0], outputSize: 4)]
    },
    OpCase("adaptiveMaxPool2d", "even bins", inputs: [distinctSample([1, 2, 4, 6])]) {
      [adaptiveMaxPool2d($0[0], outputSize: [2, 3])]
    },
    OpCase(
      "adaptiveMaxPool2d", "uneven bins", inputs: [distinctSample([1, 2, 5, 7])],
      large: { [distinctSample([2, 8, 29, 31])] }
    ) { [adaptiveMaxPool2d($0[0], outputSize: [3, 4])] },
    OpCase("adaptiveMaxPool2dWithIndices", inputs: [distinctSample([1, 1, 5, 3])]) {
      let (y, indices) = adaptiveMaxPool2dWithIndices($0[0], outputSize: 2)
      return [y, indices]
    },
    OpCase("globalAveragePool", inputs: [sample([2, 3, 3, 4])]) { [globalAveragePool($0[0])] },
  ]
}

extension MisuseCase {
  static let pooling: [MisuseCase] = [
    MisuseCase("maxPool2dWithIndices, integers", says: "needs float32 or float64, not int64") {
      _ = maxPool2dWithIndices(.shape([1, 1, 5, 5], dtype: .int64), window: 3)
    },
    MisuseCase(
      "adaptiveMaxPool2dWithIndices, axes",
      says: "the input needs 4 axes, [batch, channels, height, width], not 3"
    ) {
      _ = adaptiveMaxPool2dWithIndices(.shape([1, 2, 5]), outputSize: 2)
    },
    MisuseCase(
      "maxPool2d, window too large",
      says:
        "maxPool2d: the 3x3 window does not fit into the 2x5 input; the smallest input that works is 3x3",
      "input [1, 1, 2, 5] float32"
    ) { _ = maxPool2d(.shape([1, 1, 2, 5]), window: 3) },
    MisuseCase(
      "maxPool2d, axes", says: "the input needs 4 axes, [batch, channels, height, width], not 3"
    ) {
      _ = maxPool2d(.shape([1, 2, 5]), window: 3)
    },
    MisuseCase("maxPool2d, integers", says: "needs float32 or float64, not int64") {
      _ = maxPool2d(.shape([1, 1, 5, 5], dtype: .int64), window: 3)
    },
    MisuseCase(
      "maxPool2d, window in padding",
      says: "window 0 of 6 along an axis of 3 lies in the padding alone"
    ) {
      _ = maxPool2d(
        .shape([1, 1, 3, 3]), window: 2, stride: 1, padding: Padding2d(height: 2, width: 0))
    },
    MisuseCase("maxPool2d, dilated window around the image", says: "lies in the padding alone") {
      _ = maxPool2d(.shape([1, 1, 1, 1]), window: 2, stride: 1, padding: 1, dilation: 2)
    },
    MisuseCase(
      "maxPool2d, window 0",
      says: "window, stride and dilation are at least 1; these are 0x0, 1x1 and 1x1"
    ) {
      _ = maxPool2d(.shape([1, 1, 3, 3]), window: 0, stride: 1)
    },
    MisuseCase(
      "averagePool2d, window too large",
      says: "averagePool2d: the 4x4 window does not fit into the 2x2 input"
    ) {
      _ = averagePool2d(.shape([1, 1, 2, 2]), window: 4)
    },
    MisuseCase(
      "sumPool2d, window larger than the padded image",
      says: "sumPool2d: the 5x5 window does not fit into the 2x3 input, padded to 4x5;"
        + " the smallest input that works is 3x3"
    ) { _ = sumPool2d(.shape([1, 1, 2, 3]), window: 5, padding: 1) },
    MisuseCase("sumPool2d, axes", says: "sumPool2d: the input needs 4 axes") {
      _ = sumPool2d(.shape([1, 2]), window: 4)
    },
    MisuseCase(
      "lpPool2d, window too large", says: "lpPool2d: the 4x4 window does not fit into the 2x2 input"
    ) { _ = lpPool2d(.shape([1, 1, 2, 2]), window: 4, exponent: 2) },
    MisuseCase(
      "lpPool2d, exponent", says: "lpPool2d: the exponent is 0.5, but must be at least 1 and finite"
    ) { _ = lpPool2d(.shape([1, 1, 2, 2]), window: 2, exponent: 0.5) },
    MisuseCase("lpPool2d, infinite exponent", says: "maxPool2d(abs(x))") {
      _ = lpPool2d(.shape([1, 1, 2, 2]), window: 2, exponent: .infinity)
    },
    MisuseCase("lpPool2d, integers", says: "lpPool2d: needs float32 or float64, not int64") {
      _ = lpPool2d(.shape([1, 1, 2, 2], dtype: .int64), window: 2, exponent: 2)
    },
    MisuseCase("adaptiveAveragePool2d, axes", says: "adaptiveAveragePool2d: the input needs 4 axes")
    {
      _ = adaptiveAveragePool2d(.shape([1, 2]), outputSize: 4)
    },
    MisuseCase(
      "adaptiveMaxPool2d, size", says: "adaptiveMaxPool2d: the output size is at least 1x1, not 0x2"
    ) {
      _ = adaptiveMaxPool2d(.shape([1, 2, 3, 3]), outputSize: [0, 2])
    },
    MisuseCase("globalAveragePool, no pixels", says: "the input has no pixels") {
      _ = globalAveragePool(.shape([1, 2, 0, 3]))
    },
    MisuseCase(
      "maxUnpool2d, shapes",
      says: "maxUnpool2d: the indices have shape [1, 1, 2, 3], but the input [1, 1, 2, 2]"
    ) {
      _ = maxUnpool2d(
        .shape([1, 1, 2, 2]), indices: .shape([1, 1, 2, 3], dtype: .int32), outputSize: 4)
    },
    MisuseCase("maxUnpool2d, index type", says: "the indices are int32, not int64") {
      _ = maxUnpool2d(
        .shape([1, 1, 2, 2]), indices: .shape([1, 1, 2, 2], dtype: .int64), outputSize: 4)
    },
    MisuseCase("maxUnpool2d, axes", says: "the input needs 4 axes") {
      _ = maxUnpool2d(.shape([2, 2]), indices: .shape([2, 2], dtype: .int32), outputSize: 4)
    },
    MisuseCase("maxUnpool2d, size", says: "the output size is 0x0") {
      _ = maxUnpool2d(
        .shape([1, 1, 2, 2]), indices: .shape([1, 1, 2, 2], dtype: .int32), outputSize: 0)
    },
  ]
}
