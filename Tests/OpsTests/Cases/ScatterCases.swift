import TapestryGraph
import TapestryOps
import TestSupport

private func mask(_ values: [Double], _ shape: TensorShape) -> Tensor {
  Tensor(values, shape: shape) .!= 0
}

/// Indices below `end`, fixed but scattered.
private func places(_ shape: TensorShape, below end: Int, dtype: DType = .int64) -> Tensor {
  Tensor(
    integers: (0..<shape.elementCount).map { ($0 * 7919 + $0 / 3) % end }, shape: shape,
    dtype: dtype)
}

extension OpCase {
  static let scatter: [OpCase] = [
    OpCase(
      "scatter", "every index once",
      inputs: [
        sample([4, 3]), Tensor(integers: [3, 0, 2, 1, 2, 0], shape: [2, 3]),
        sample([2, 3], seed: 2),
      ]
    ) { [$0[0].scatter($0[2], at: $0[1], along: 0)] },
    OpCase(
      "scatter", "fewer rows, the last axis, int32",
      inputs: [
        sample([3, 4]), Tensor(integers: [3, 0, 2, 1], shape: [2, 2], dtype: .int32),
        sample([2, 2], seed: 2),
      ]
    ) { [$0[0].scatter($0[2], at: $0[1], along: -1)] },
    OpCase(
      "scatterAdd", "repeated, fewer columns",
      inputs: [sample([3, 4]), places([5, 2], below: 3), sample([5, 2], seed: 2)]
    ) { [$0[0].scatterAdd($0[2], at: $0[1], along: 0)] },
    OpCase(
      "scatterAdd", "the last axis",
      inputs: [sample([2, 3]), places([2, 5], below: 3), sample([2, 5], seed: 2)],
      large: { [sample([301, 40]), places([301, 500], below: 40), sample([301, 500], seed: 2)] }
    ) { [$0[0].scatterAdd($0[2], at: $0[1], along: 1)] },
    OpCase(
      "scatterAdd", "the middle axis",
      inputs: [sample([2, 3, 2]), places([2, 4, 2], below: 3), sample([2, 4, 2], seed: 2)],
      large: {
        [sample([3, 40, 333]), places([3, 100, 333], below: 40), sample([3, 100, 333], seed: 2)]
      }
    ) { [$0[0].scatterAdd($0[2], at: $0[1], along: -2)] },
    OpCase(
      "scatterAdd", "no indices",
      inputs: [sample([3, 2]), places([0, 2], below: 3), sample([0, 2])]
    ) {
      [$0[0].scatterAdd($0[2], at: $0[1], along: 0), $0[0].scatter($0[2], at: $0[1], along: 0)]
    },
    OpCase(
      "indexAdd", inputs: [sample([3, 2]), places([4], below: 3), sample([4, 2], seed: 2)],
      large: { [sample([101, 67]), places([2000], below: 101), sample([2000, 67], seed: 2)] }
    ) {
      [
        $0[0].indexAdd($0[2], at: $0[1], along: 0),
        $0[0].indexAdd($0[2], at: $0[1], along: -2, scale: -0.5),
      ]
    },
    OpCase(
      "indexAdd", "the last axis",
      inputs: [sample([2, 3]), places([4], below: 3, dtype: .int32), sample([2, 4], seed: 2)]
    ) { [$0[0].indexAdd($0[2], at: $0[1], along: 1, scale: 2)] },
    OpCase(
      "indexAdd", "the middle axis",
      inputs: [sample([2, 3, 2]), places([4], below: 3), sample([2, 4, 2], seed: 2)]
    ) { [$0[0].indexAdd($0[2], at: $0[1], along: 1)] },
    OpCase("maskedFill", inputs: [sample([2, 3])]) {
      [
        $0[0].maskedFill(where: mask([1, 0, 1], [3]), with: -1.5),
        $0[0].maskedFill(where: mask([0, 1], [2, 1]), with: 1e9),
      ]
    },
    OpCase("maskedSelect", inputs: [sample([2, 3])]) {
      [
        $0[0].maskedSelect(where: mask([1, 0, 1], [3])),
        $0[0].maskedSelect(where: mask([0, 1, 0, 0, 1, 1], [2, 3])),
      ]
    },
    OpCase("maskedSelect", "large", checks: .kernels, inputs: [sample([301, 402])]) {
      [$0[0].maskedSelect(where: $0[0] .> 0.3)]
    },
    OpCase("oneHot", checks: .valueOnly, inputs: [places([3, 2], below: 4)]) {
      [oneHot($0[0], classes: 4), oneHot($0[0], classes: 5, dtype: .float32)]
    },
  ]
}

extension MisuseCase {
  static let scatter: [MisuseCase] = [
    MisuseCase(
      "scatter, shapes", says: "scatter: the indices are [2, 3], but the updates [2, 4]",
      "indices [2, 3] int64", "updates [2, 4] float32"
    ) {
      _ = Tensor.shape([5, 3]).scatter(
        .shape([2, 4]), at: .shape([2, 3], dtype: .int64), along: 0)
    },
    MisuseCase(
      "scatterAdd, larger",
      says: "scatterAdd: the indices are [2, 4], but the input [5, 3]: only axis 0 may be larger"
    ) {
      _ = Tensor.shape([5, 3]).scatterAdd(
        .shape([2, 4]), at: .shape([2, 4], dtype: .int64), along: 0)
    },
    MisuseCase("scatter, index type", says: "scatter: the indices are float32, but must be int64") {
      _ = Tensor.shape([5]).scatter(.shape([2]), at: .shape([2]), along: 0)
    },
    MisuseCase("scatterAdd, types", says: "the input is float32, but the updates float64") {
      _ = Tensor.shape([5]).scatterAdd(
        .shape([2], dtype: .float64), at: .shape([2], dtype: .int64), along: 0)
    },
    MisuseCase("scatterAdd, masks", says: "scatterAdd: bool masks have no arithmetic") {
      _ = Tensor.shape([5], dtype: .bool).scatterAdd(
        .shape([2], dtype: .bool), at: .shape([2], dtype: .int64), along: 0)
    },
    MisuseCase(
      "indexAdd, updates",
      says: "indexAdd: 2 indices along axis 0 of [5, 3] need updates [2, 3], not [3, 3]"
    ) {
      _ = Tensor.shape([5, 3]).indexAdd(.shape([3, 3]), at: .shape([2], dtype: .int64), along: 0)
    },
    MisuseCase("indexAdd, indices", says: "the indices are a vector, not a tensor with 2 axes") {
      _ = Tensor.shape([5]).indexAdd(.shape([2]), at: .shape([2, 1], dtype: .int64), along: 0)
    },
    MisuseCase("maskedFill, mask", says: "maskedFill: the mask is float32, but must be bool") {
      _ = Tensor.shape([5]).maskedFill(where: .shape([5]), with: 0)
    },
    MisuseCase("maskedFill, shape", says: "maskedFill: the mask [4] does not broadcast to [5]") {
      _ = Tensor.shape([5]).maskedFill(where: .shape([4], dtype: .bool), with: 0)
    },
    MisuseCase("maskedFill, integers", says: "maskedFill: 0.5 is not a whole number") {
      _ = Tensor.shape([5], dtype: .int64).maskedFill(where: .shape([5], dtype: .bool), with: 0.5)
    },
    MisuseCase(
      "maskedSelect, dry run", says: "maskedSelect: the length of the result is how often the mask"
    ) { _ = Tensor.shape([5]).maskedSelect(where: .shape([5], dtype: .bool)) },
    MisuseCase("maskedSelect, shape", says: "maskedSelect: the mask [2, 5] does not broadcast") {
      _ = Tensor.shape([5]).maskedSelect(where: .shape([2, 5], dtype: .bool))
    },
    MisuseCase("oneHot, type", says: "oneHot: the indices are float32, but must be int64") {
      _ = oneHot(.shape([5]), classes: 3)
    },
    MisuseCase(
      "oneHot, classes", says: "oneHot: the number of classes is at least 1 and at most"
    ) {
      _ = oneHot(.shape([5], dtype: .int64), classes: -1)
    },
  ]
}
