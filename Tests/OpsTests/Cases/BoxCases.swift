import TapestryGraph
import TapestryOps
import TestSupport

/// Boxes that overlap, touch nothing exactly and lie apart; a function of `count` and `seed`.
private func testBoxes(_ count: Int, seed: UInt64 = 1, dtype: DType = .float64) -> Tensor {
  let numbers = sample([count, 4], seed: seed).scalars()
  var values: [Double] = []
  for box in 0..<count {
    let (x, y) = (numbers[4 * box] * 5, numbers[4 * box + 1] * 5)
    values += [
      x, y, x + 2 + abs(numbers[4 * box + 2]) * 4, y + 2 + abs(numbers[4 * box + 3]) * 4,
    ]
  }
  return Tensor(values, shape: [count, 4], dtype: dtype)
}

private func regions(_ count: Int, images: Int, dtype: DType) -> Tensor {
  let corners = testBoxes(count, seed: 9).scalars()
  let rows = (0..<count).map { [Double($0 % images)] + corners[4 * $0..<4 * $0 + 4] }
  return Tensor(rows.flatMap { $0 }, shape: [count, 5], dtype: dtype)
}

extension OpCase {
  static let boxOperations: [OpCase] = [
    OpCase(
      "boxIoU", inputs: [testBoxes(3), testBoxes(4, seed: 2)],
      large: { [testBoxes(300), testBoxes(200, seed: 2)] }
    ) { [boxIoU($0[0], $0[1])] },
    OpCase("boxIoU", "an operand used twice", inputs: [testBoxes(3)]) { x in
      [boxIoU(x[0], x[0] + 0.3)]
    },
    OpCase("generalizedBoxIoU", inputs: [testBoxes(3), testBoxes(2, seed: 2)]) {
      [generalizedBoxIoU($0[0], $0[1])]
    },
    OpCase("generalizedBoxIoULoss", inputs: [testBoxes(5), testBoxes(5, seed: 2)]) {
      [generalizedBoxIoULoss($0[0], $0[1])]
    },
    OpCase("distanceBoxIoULoss", inputs: [testBoxes(5), testBoxes(5, seed: 2)]) {
      [distanceBoxIoULoss($0[0], $0[1], reduction: .none)]
    },
    // The weight of the shape term is a constant by definition, so that differences see another gradient.
    OpCase(
      "completeBoxIoULoss", checks: [.kernels], inputs: [testBoxes(5), testBoxes(5, seed: 2)]
    ) { [completeBoxIoULoss($0[0], $0[1], reduction: .sum)] },
    OpCase("boxEncode", inputs: [testBoxes(4), testBoxes(4, seed: 2)]) {
      [boxEncode($0[0], anchors: $0[1], weights: [10, 10, 5, 5])]
    },
    OpCase("boxDecode", inputs: [sample([3, 8]), testBoxes(3)]) {
      [boxDecode($0[0], anchors: $0[1], weights: [2, 3, 4, 5])]
    },
    OpCase("clipBoxes", inputs: [testBoxes(5)]) { [clipBoxes($0[0], height: 6, width: 8)] },
    OpCase("boxConvert", inputs: [testBoxes(3)]) { x in
      BoxFormat.allCases.flatMap { source in
        BoxFormat.allCases.map { boxConvert(x[0], from: source, to: $0) }
      }
    },
    OpCase(
      "nonMaximumSuppression", checks: .valueOnly, inputs: [testBoxes(40), sample([40])],
      large: { [testBoxes(3_000, dtype: .float32), sample([3_000], dtype: .float32)] }
    ) { [nonMaximumSuppression($0[0], scores: $0[1], threshold: 0.3)] },
    OpCase(
      "batchedNonMaximumSuppression", checks: .valueOnly, inputs: [testBoxes(40), sample([40])],
      large: { [testBoxes(3_000), sample([3_000])] }
    ) { x in
      let classes = Tensor(integers: (0..<x[1].count).map { $0 % 7 }, shape: x[1].shape)
      return [
        batchedNonMaximumSuppression(x[0], scores: x[1], classes: classes, threshold: 0.3)
      ]
    },
    OpCase("removeSmallBoxes", checks: .valueOnly, inputs: [testBoxes(20)]) {
      [removeSmallBoxes($0[0], minimumSize: 4)]
    },
  ]

  static let regionAligns: [OpCase] = [
    OpCase(
      "roiAlign", inputs: [sample([2, 3, 6, 7])], large: { [sample([2, 40, 30, 33])] }
    ) {
      [roiAlign($0[0], regions: regions(6, images: 2, dtype: $0[0].dtype), outputSize: [2, 3])]
    },
    OpCase("roiAlign", "aligned, two points", inputs: [sample([2, 2, 6, 7])]) {
      [
        roiAlign(
          $0[0], regions: regions(4, images: 2, dtype: $0[0].dtype), outputSize: 3,
          spatialScale: 0.5,
          samplingRatio: 2, aligned: true)
      ]
    },
    OpCase("roiAlign", "no regions", inputs: [sample([1, 2, 3, 3])]) {
      [roiAlign($0[0], regions: .zeros([0, 5], dtype: $0[0].dtype), outputSize: 2)]
    },
    OpCase("roiAlign", "one pixel", inputs: [sample([1, 2, 1, 1])]) {
      [roiAlign($0[0], regions: regions(2, images: 1, dtype: $0[0].dtype), outputSize: 2)]
    },
    OpCase(
      "positionSensitiveRoiAlign", inputs: [sample([2, 12, 5, 4])],
      large: { [sample([2, 60, 30, 33])] }
    ) {
      [
        positionSensitiveRoiAlign(
          $0[0], regions: regions(5, images: 2, dtype: $0[0].dtype), outputSize: [2, 3])
      ]
    },
  ]

  static let boxes = boxOperations + regionAligns
}

extension MisuseCase {
  static let boxes: [MisuseCase] = [
    MisuseCase(
      "boxIoU, columns",
      says: "boxIoU: boxes are rows of x1, y1, x2, y2: shape [count, 4], not [3, 5]"
    ) {
      _ = boxIoU(.shape([3, 5]), .shape([2, 4]))
    },
    MisuseCase("boxIoU, types", says: "boxIoU: operands differ in type, float32 and float64") {
      _ = boxIoU(.shape([3, 4]), .shape([2, 4], dtype: .float64))
    },
    MisuseCase("generalizedBoxIoU, axes", says: "generalizedBoxIoU: boxes are rows") {
      _ = generalizedBoxIoU(.shape([3, 4]), .shape([4]))
    },
    MisuseCase(
      "generalizedBoxIoULoss, shapes",
      says: "a has shape [3, 4], but b [1, 4]; losses do not broadcast"
    ) {
      _ = generalizedBoxIoULoss(.shape([3, 4]), .shape([1, 4]))
    },
    MisuseCase("distanceBoxIoULoss, columns", says: "distanceBoxIoULoss: boxes are rows") {
      _ = distanceBoxIoULoss(.shape([3]), .shape([3]))
    },
    MisuseCase("completeBoxIoULoss, integers", says: "completeBoxIoULoss: needs float32 or float64")
    {
      _ = completeBoxIoULoss(.shape([3, 4], dtype: .int64), .shape([3, 4], dtype: .int64))
    },
    MisuseCase("boxEncode, shapes", says: "boxEncode: boxes have shape [3, 4], but anchors [2, 4]")
    {
      _ = boxEncode(.shape([3, 4]), anchors: .shape([2, 4]))
    },
    MisuseCase("boxEncode, weights", says: "needs four weights, of x, y, width and height, not 3") {
      _ = boxEncode(.shape([3, 4]), anchors: .shape([3, 4]), weights: [1, 1, 1])
    },
    MisuseCase(
      "boxDecode, rows",
      says:
        "boxDecode: deltas are rows of four numbers per class, one row per anchor: shape [2, 4 · classes], not [3, 4]"
    ) {
      _ = boxDecode(.shape([3, 4]), anchors: .shape([2, 4]))
    },
    MisuseCase("boxDecode, weights", says: "boxDecode: a weight is 0") {
      _ = boxDecode(.shape([3, 4]), anchors: .shape([3, 4]), weights: [1, 0, 1, 1])
    },
    MisuseCase("clipBoxes, size", says: "clipBoxes: an image has no size of -1 x 3") {
      _ = clipBoxes(.shape([3, 4]), height: -1, width: 3)
    },
    MisuseCase("boxConvert, integers", says: "boxConvert: needs float32 or float64") {
      _ = boxConvert(.shape([3, 4], dtype: .int32), from: .corners, to: .cornerAndSize)
    },
    MisuseCase("nonMaximumSuppression, scores", says: "scores are one a box: shape [3], not [4]") {
      _ = nonMaximumSuppression(.shape([3, 4]), scores: .shape([4]), threshold: 0.5)
    },
    MisuseCase(
      "nonMaximumSuppression without values", says: "how many boxes are kept depends on values"
    ) {
      _ = nonMaximumSuppression(.shape([3, 4]), scores: .shape([3]), threshold: 0.5)
    },
    MisuseCase("batchedNonMaximumSuppression, classes", says: "classes are integers, not float32") {
      _ = batchedNonMaximumSuppression(
        .shape([3, 4]), scores: .shape([3]), classes: .shape([3]), threshold: 0.5)
    },
    MisuseCase("removeSmallBoxes, columns", says: "removeSmallBoxes: boxes are rows") {
      _ = removeSmallBoxes(.shape([3, 3]), minimumSize: 1)
    },
    MisuseCase(
      "roiAlign, regions",
      says: "roiAlign: the regions are rows of image, x1, y1, x2, y2: shape [count, 5], not [2, 4]"
    ) {
      _ = roiAlign(.shape([1, 3, 5, 5]), regions: .shape([2, 4]), outputSize: 2)
    },
    MisuseCase("roiAlign, size", says: "roiAlign: the output size is at least 1x1, not 0x0") {
      _ = roiAlign(.shape([1, 3, 5, 5]), regions: .shape([2, 5]), outputSize: 0)
    },
    MisuseCase("roiAlign, axes", says: "roiAlign: the input needs 4 axes") {
      _ = roiAlign(.shape([3, 5, 5]), regions: .shape([2, 5]), outputSize: 1)
    },
    MisuseCase(
      "positionSensitiveRoiAlign, channels",
      says: "positionSensitiveRoiAlign: 9 channels cannot be shared out to 2x2 bins"
    ) {
      _ = positionSensitiveRoiAlign(.shape([1, 9, 5, 5]), regions: .shape([2, 5]), outputSize: 2)
    },
  ]
}
