import TapestryGraph
import TapestryOps
import TestSupport

extension OpCase {
  static let repetition: [OpCase] = repeats + patches + borders

  private static let repeats: [OpCase] = [
    OpCase("rolled", inputs: [sample([3, 4])], large: { [sample([301, 402])] }) {
      [
        $0[0].rolled(by: 1, along: 1), $0[0].rolled(by: [-2, 7], along: [0, -1]),
        $0[0].rolled(by: [1, 1], along: [0, 0]), $0[0].rolled(by: [Int.min, .max], along: [0, 1]),
        $0[0].rolled(by: [], along: []),
      ]
    },
    OpCase("rolled", "nothing", checks: [.forwardMode, .kernels], inputs: [sample([0, 2])]) {
      [$0[0].rolled(by: 1, along: 0)]
    },
    OpCase("tiled", inputs: [sample([2, 3])], large: { [sample([64, 67])] }) {
      [
        $0[0].tiled([2, 2]), $0[0].tiled([2]), $0[0].tiled([3, 1, 2]), $0[0].tiled([]),
        $0[0].tiled([1, 2, 1, 2, 1, 2]),
      ]
    },
    OpCase("tiled", "six axes, all repeated", inputs: [sample([1, 2, 1, 2, 1, 2])]) {
      [$0[0].tiled([2, 1, 2, 3, 2, 2])]
    },
    OpCase("tiled", "a scalar", inputs: [sample([])]) { [$0[0].tiled([2, 3])] },
    OpCase("repeatedElements", inputs: [sample([2, 3])], large: { [sample([64, 67])] }) {
      [
        $0[0].repeatedElements(3, along: 0), $0[0].repeatedElements(2, along: -1),
      ]
    },
    OpCase("repeatedElements", "each its own", inputs: [sample([3, 2])]) {
      [$0[0].repeatedElements([2, 0, 1], along: 0), $0[0].repeatedElements([0, 2], along: 1)]
    },
    OpCase("movedAxis", inputs: [sample([2, 3, 2])]) {
      [
        $0[0].movedAxis(from: 0, to: -1), $0[0].movedAxis(from: [2, 0], to: [0, 1]),
        $0[0].movedAxis(from: [], to: []) * 2,
      ]
    },
    OpCase("meshgrid", inputs: [sample([2]), sample([3], seed: 2), sample([1], seed: 3)]) {
      meshgrid($0) + meshgrid($0, indexing: .xy) + meshgrid([$0[0]], indexing: .xy)
    },
    OpCase("pixelShuffle", inputs: [sample([2, 4, 2, 3])], large: { [sample([3, 36, 17, 19])] }) {
      [pixelShuffle($0[0], factor: 2), pixelShuffle($0[0], factor: 1)]
    },
    OpCase("pixelUnshuffle", inputs: [sample([1, 2, 4, 2])], large: { [sample([3, 9, 34, 38])] }) {
      [pixelUnshuffle($0[0], factor: 2)]
    },
    OpCase("channelShuffle", inputs: [sample([2, 6, 2])], large: { [sample([3, 36, 17, 19])] }) {
      [channelShuffle($0[0], groups: 3), channelShuffle($0[0], groups: 2)]
    },
  ]

  private static let patches: [OpCase] = [
    OpCase("windows", inputs: [sample([5, 3])], large: { [sample([301, 41, 13])] }) {
      [
        $0[0].windows(size: 2, along: 0), $0[0].windows(size: 2, step: 3, along: 0),
        $0[0].windows(size: 3, step: 2, along: -1), $0[0].windows(size: 1, along: 1),
      ]
    },
    OpCase(
      "windows", "large along the middle", checks: .kernels, inputs: [sample([3, 700, 64])]
    ) {
      [$0[0].windows(size: 5, step: 2, along: 1), $0[0].windows(size: 9, step: .max, along: 1)]
    },
    OpCase("unfold2d", inputs: [sample([2, 2, 4, 5])], large: { [sample([3, 8, 33, 35])] }) {
      [
        unfold2d($0[0], window: 2), unfold2d($0[0], window: [3, 2], stride: [2, 1], padding: 1),
        unfold2d($0[0], window: 2, padding: .same, dilation: [1, 2]),
        unfold2d($0[0], window: 2, stride: 3),
      ]
    },
    OpCase(
      "fold2d", inputs: [sample([2, 4, 12])], large: { [sample([3, 32, 32 * 34])] }
    ) {
      let size: Pair = $0[0].shape[2] == 12 ? [4, 5] : [33, 35]
      return [fold2d($0[0], outputSize: size, window: 2)]
    },
    OpCase("fold2d", "strides, padding, dilation", inputs: [sample([1, 6, 6])]) {
      [
        fold2d($0[0], outputSize: [4, 5], window: [3, 2], stride: [2, 2], padding: 1),
        fold2d($0[0], outputSize: [6, 6], window: [2, 3], stride: [2, 1], dilation: [1, 2]),
      ]
    },
  ]

  private static func border(_ mode: PaddingMode) -> OpCase {
    OpCase(
      "padded", "\(mode)", inputs: [sample([2, 3, 4])], large: { [sample([31, 43, 53])] }
    ) {
      [
        $0[0].padded([(0, 0), (1, 2), (3, 1)], mode: mode),
        $0[0].padded([(1, 1), (2, 0), (0, 3)], mode: mode),
        $0[0].padded([(0, 0), (0, 0), (0, 0)], mode: mode),
      ]
    }
  }

  private static let borders: [OpCase] =
    PaddingMode.allCases.map(border) + [
      OpCase("padded", "far beyond, once around", inputs: [sample([2, 1])]) {
        [
          $0[0].padded([(5, 4), (3, 2)], mode: .replicate),
          $0[0].padded([(2, 2), (1, 1)], mode: .circular),
        ]
      },
      OpCase("padded", "nothing", checks: [.forwardMode, .kernels], inputs: [sample([0, 2])]) {
        [$0[0].padded([(0, 0), (1, 1)], mode: .reflect)]
      },
    ]
}

extension MisuseCase {
  static let repetition: [MisuseCase] = [
    MisuseCase("rolled, counts", says: "rolled: 2 shifts, but 1 axis") {
      _ = Tensor.shape([2, 3]).rolled(by: [1, 2], along: [0])
    },
    MisuseCase("rolled, axis", says: "rolled: axis 2 does not exist in a tensor with 2 axes") {
      _ = Tensor.shape([2, 3]).rolled(by: 1, along: 2)
    },
    MisuseCase("tiled, negative", says: "tiled: the repeats [-1] are not in 0 ..< 2^31") {
      _ = Tensor.shape([2, 3]).tiled([-1])
    },
    MisuseCase("tiled, axes", says: "tiled: the result's sizes would be [2, 1, 1, 1, 1, 1, 3]") {
      _ = Tensor.shape([3]).tiled([2, 1, 1, 1, 1, 1, 1])
    },
    MisuseCase("repeatedElements, count", says: "repeatedElements: the count -1 is not in 0") {
      _ = Tensor.shape([2, 3]).repeatedElements(-1, along: 0)
    },
    MisuseCase(
      "repeatedElements, counts",
      says: "repeatedElements: 2 counts, but axis 1 of [2, 3] has size 3"
    ) { _ = Tensor.shape([2, 3]).repeatedElements([1, 2], along: 1) },
    MisuseCase("movedAxis, places", says: "movedAxis: 2 axes, but 1 place") {
      _ = Tensor.shape([2, 3]).movedAxis(from: [0, 1], to: [1])
    },
    MisuseCase("movedAxis, twice", says: "movedAxis: axis 1 is named twice in [1, -1]") {
      _ = Tensor.shape([2, 3]).movedAxis(from: [0, 1], to: [1, -1])
    },
    MisuseCase("meshgrid, matrix", says: "meshgrid: vector 1 has 2 axes, not one", "vector 0 [2]") {
      _ = meshgrid([.shape([2]), .shape([2, 3])])
    },
    MisuseCase("meshgrid, nothing", says: "meshgrid: 0 vectors; a grid has one to six axes") {
      _ = meshgrid([])
    },
    MisuseCase("windows, size", says: "windows: a window of 4 does not fit into axis 1 of [2, 3]") {
      _ = Tensor.shape([2, 3]).windows(size: 4, along: 1)
    },
    MisuseCase("windows, step", says: "windows: size and step are at least 1; these are 1 and 0") {
      _ = Tensor.shape([2, 3]).windows(size: 1, step: 0, along: 1)
    },
    MisuseCase("windows, axes", says: "windows: [1, 1, 1, 1, 1, 1] has six axes already") {
      _ = Tensor.shape([1, 1, 1, 1, 1, 1]).windows(size: 1, along: 1)
    },
    MisuseCase("unfold2d, axes", says: "unfold2d: the input needs 4 axes, [N, C, H, W], not 3") {
      _ = unfold2d(.shape([2, 3, 4]), window: 2)
    },
    MisuseCase("unfold2d, window", says: "unfold2d: the 5x5 window does not fit into the 4x4") {
      _ = unfold2d(.shape([1, 2, 4, 4]), window: 5)
    },
    MisuseCase(
      "fold2d, columns", says: "fold2d: an image of 4x4 has 9 patches, but the input has 8 columns"
    ) { _ = fold2d(.shape([1, 4, 8]), outputSize: 4, window: 2) },
    MisuseCase("fold2d, rows", says: "fold2d: the input's 5 rows do not divide by the pixels of") {
      _ = fold2d(.shape([1, 5, 9]), outputSize: 4, window: 2)
    },
    MisuseCase("pixelShuffle, channels", says: "pixelShuffle: 6 channels do not divide by factor²")
    {
      _ = pixelShuffle(.shape([1, 6, 2, 2]), factor: 2)
    },
    MisuseCase(
      "pixelUnshuffle, size", says: "pixelUnshuffle: images of 3x4 do not divide by the factor 2"
    ) { _ = pixelUnshuffle(.shape([1, 6, 3, 4]), factor: 2) },
    MisuseCase("pixelShuffle, factor", says: "pixelShuffle: the factor 0 is not in 1 ... 32768") {
      _ = pixelShuffle(.shape([1, 6, 2, 2]), factor: 0)
    },
    MisuseCase("channelShuffle", says: "channelShuffle: 6 channels do not divide into 4 groups") {
      _ = channelShuffle(.shape([1, 6, 2]), groups: 4)
    },
    MisuseCase(
      "padded, reflect",
      says: "padded: reflect can add at most 2 to each side of axis 1 of [2, 3], not 3"
    ) { _ = Tensor.shape([2, 3]).padded([(0, 0), (1, 3)], mode: .reflect) },
    MisuseCase(
      "padded, circular",
      says: "padded: circular can add at most 3 to each side of axis 1 of [2, 3], not 4"
    ) { _ = Tensor.shape([2, 3]).padded([(0, 0), (4, 0)], mode: .circular) },
    MisuseCase(
      "padded, replicate of nothing",
      says: "padded: replicate can add at most 0 to each side of axis 0 of [0, 3], not 1"
    ) { _ = Tensor.shape([0, 3]).padded([(1, 0), (0, 0)], mode: .replicate) },
    MisuseCase("padded, pairs", says: "padded: 1 pairs of padding, but the tensor has 2 axes") {
      _ = Tensor.shape([2, 3]).padded([(1, 0)], mode: .replicate)
    },
    MisuseCase("padded, negative", says: "padded: padding lies in 0 ..< 2^31, but is [-1, 0]") {
      _ = Tensor.shape([2, 3]).padded([(-1, 0), (0, 0)], mode: .replicate)
    },
  ]
}
