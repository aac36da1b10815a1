import TapestryGraph
import TapestryOps
import TestSupport

extension OpCase {
  /// Every call draws the same mask, so that differences make sense.
  static let dropouts: [OpCase] = [
    OpCase("dropout", inputs: [sample([3, 4])], large: { [sample([300, 400])] }) { x in
      withRandomSource(RandomSource(seed: 3)) { [dropout(x[0], probability: 0.4)] }
    },
    OpCase("dropout2d", inputs: [sample([2, 3, 2, 2])], large: { [sample([20, 30, 14, 15])] }) {
      x in
      withRandomSource(RandomSource(seed: 3)) { [dropout2d(x[0])] }
    },
    OpCase("dropout", "everything", inputs: [sample([3, 4])]) { [dropout($0[0], probability: 1)] },
    OpCase("dropout", "given mask", inputs: [sample([2, 2])]) {
      [dropout($0[0], mask: Tensor(integers: [1, 0, 1, 1], shape: [2, 2]), probability: 0.25)]
    },
  ]
}
