import TapestryGraph
import TapestryOps
import TestSupport

/// Statistics of three channels.
private func buffers(_ dtype: DType) -> (mean: Buffer, variance: Buffer) {
  (
    Buffer(sample([3], seed: 8, dtype: dtype)), Buffer(positiveSample([3], seed: 9, dtype: dtype))
  )
}

extension OpCase {
  static let normalization: [OpCase] = [
    OpCase(
      "batchNorm", "training",
      inputs: [sample([2, 3, 2, 2]), sample([3], seed: 2), sample([3], seed: 3)],
      large: { [sample([20, 3, 15, 16]), sample([3], seed: 2), sample([3], seed: 3)] }
    ) {
      let (mean, variance) = buffers($0[0].dtype)
      return [
        batchNorm($0[0], runningMean: mean, runningVariance: variance, scale: $0[1], shift: $0[2])
      ]
    },
    OpCase("batchNorm", "training rows, without scale", inputs: [sample([4, 3])]) {
      let (mean, variance) = buffers($0[0].dtype)
      return [batchNorm($0[0], runningMean: mean, runningVariance: variance)]
    },
    OpCase(
      "batchNorm", "inference",
      inputs: [sample([2, 3, 2]), sample([3], seed: 2), sample([3], seed: 3)]
    ) { inputs in
      let (mean, variance) = buffers(inputs[0].dtype)
      return inference {
        recordingGradients {
          [
            batchNorm(
              inputs[0], runningMean: mean, runningVariance: variance, scale: inputs[1],
              shift: inputs[2])
          ]
        }
      }
    },
    OpCase(
      "batchNorm", "relu",
      inputs: [sample([2, 3, 2, 2]), sample([3], seed: 2), sample([3], seed: 3)],
      large: { [sample([20, 3, 15, 16]), sample([3], seed: 2), sample([3], seed: 3)] }
    ) {
      let (mean, variance) = buffers($0[0].dtype)
      return [
        batchNorm(
          $0[0], runningMean: mean, runningVariance: variance, scale: $0[1], shift: $0[2],
          relu: true)
      ]
    },
    OpCase(
      "batchNorm", "addend and relu",
      inputs: [
        sample([2, 3, 2, 2]), sample([3], seed: 2), sample([3], seed: 3),
        sample([2, 3, 2, 2], seed: 4),
      ],
      large: {
        [
          sample([20, 3, 15, 16]), sample([3], seed: 2), sample([3], seed: 3),
          sample([20, 3, 15, 16], seed: 4),
        ]
      }
    ) {
      let (mean, variance) = buffers($0[0].dtype)
      return [
        batchNorm(
          $0[0], runningMean: mean, runningVariance: variance, scale: $0[1], shift: $0[2],
          adding: $0[3], relu: true)
      ]
    },
    OpCase(
      "batchNorm", "inference, addend and relu",
      inputs: [
        sample([2, 3, 2]), sample([3], seed: 2), sample([3], seed: 3), sample([2, 3, 2], seed: 4),
      ]
    ) { inputs in
      let (mean, variance) = buffers(inputs[0].dtype)
      return inference {
        recordingGradients {
          [
            batchNorm(
              inputs[0], runningMean: mean, runningVariance: variance, scale: inputs[1],
              shift: inputs[2], relu: true),
            batchNorm(
              inputs[0], runningMean: mean, runningVariance: variance, scale: inputs[1],
              shift: inputs[2], adding: inputs[3], relu: true),
          ]
        }
      }
    },
    OpCase(
      "layerNorm", inputs: [sample([2, 3, 4]), sample([4], seed: 2), sample([4], seed: 3)],
      large: { [sample([30, 30, 40]), sample([40], seed: 2), sample([40], seed: 3)] }
    ) { [layerNorm($0[0], normalizedShape: $0[1].shape, scale: $0[1], shift: $0[2])] },
    OpCase("layerNorm", "two axes", inputs: [sample([2, 3, 2])]) {
      [layerNorm($0[0], normalizedShape: [3, 2])]
    },
    OpCase(
      "groupNorm", inputs: [sample([2, 4, 3]), sample([4], seed: 2), sample([4], seed: 3)],
      large: { [sample([9, 32, 80]), sample([32], seed: 2), sample([32], seed: 3)] }
    ) { [groupNorm($0[0], groups: 2, scale: $0[1], shift: $0[2])] },
    OpCase(
      "instanceNorm",
      inputs: [sample([2, 3, 2, 3]), sample([3], seed: 2), sample([3], seed: 3)],
      large: { [sample([5, 9, 40, 41]), sample([9], seed: 2), sample([9], seed: 3)] }
    ) { [instanceNorm($0[0], scale: $0[1], shift: $0[2])] },
    OpCase("instanceNorm", "without scale, volumes", inputs: [sample([1, 2, 2, 1, 3])]) {
      [instanceNorm($0[0], epsilon: 0.1)]
    },
    OpCase(
      "rmsNorm", inputs: [sample([2, 3, 4]), sample([4], seed: 2)],
      large: { [sample([300, 3, 101]), sample([101], seed: 2)] }
    ) { [rmsNorm($0[0], normalizedShape: $0[1].shape, scale: $0[1])] },
    OpCase(
      "rmsNorm", "two axes", inputs: [sample([2, 3, 2])], large: { [sample([2, 3, 5003])] }
    ) {
      [rmsNorm($0[0], normalizedShape: [3, $0[0].shape[2]], epsilon: 0.5)]
    },
    OpCase(
      "normalized", inputs: [sample([2, 3, 2])], large: { [sample([20, 64, 60])] }
    ) { [$0[0].normalized()] },
    OpCase("normalized", "the last axis, epsilon that counts", inputs: [sample([3, 4])]) {
      [$0[0].normalized(along: -1, epsilon: 100)]
    },
    OpCase(
      "weightNorm", inputs: [sample([3, 2, 2, 2]), sample([3, 1, 1, 1], seed: 2)],
      large: { [sample([64, 32, 5, 5]), sample([64, 1, 1, 1], seed: 2)] }
    ) { [weightNorm($0[0], $0[1])] },
    OpCase("weightNorm", "columns", inputs: [sample([3, 4]), sample([1, 4], seed: 2)]) {
      [weightNorm($0[0], $0[1], axis: -1)]
    },
    OpCase("weightNorm", "of all", inputs: [sample([3, 2]), sample([], seed: 2)]) {
      [weightNorm($0[0], $0[1], axis: nil)]
    },
    OpCase("weightNorm", "numbers", inputs: [sample([3]), sample([3], seed: 2)]) {
      [weightNorm($0[0], $0[1])]
    },
    OpCase(
      "localResponseNormalization", inputs: [sample([2, 5, 2, 2])],
      large: { [sample([4, 24, 20, 21])] }
    ) { [localResponseNormalization($0[0], size: 3, alpha: 0.9, k: 2)] },
    OpCase("localResponseNormalization", "even size", inputs: [sample([1, 5, 3])]) {
      [localResponseNormalization($0[0], size: 4, alpha: 0.5, beta: 0.6)]
    },
    OpCase("embedding", inputs: [sample([4, 3])], large: { [sample([40, 30])] }) {
      [embedding($0[0], Tensor(integers: [1, 3, 1, 0], shape: [2, 2]))]
    },
    OpCase(
      "lstmCell",
      inputs: [
        sample([2, 3]), sample([2, 2], seed: 2), sample([2, 2], seed: 3), sample([8, 3], seed: 4),
        sample([8, 2], seed: 5), sample([8], seed: 6), sample([8], seed: 7),
      ]
    ) {
      let next = lstmCell(
        $0[0], hidden: $0[1], cell: $0[2], weightInput: $0[3], weightHidden: $0[4],
        biasInput: $0[5], biasHidden: $0[6])
      return [next.hidden, next.cell]
    },
    OpCase("roiPool", inputs: [distinctSample([2, 2, 5, 6])]) {
      let regions = Tensor(
        [[0, 0, 0, 3, 4], [1, 1.4, 2, 9, 3], [0, 20, 20, 30, 30]], dtype: $0[0].dtype)
      return [roiPool($0[0], regions: regions, outputSize: [2, 3])]
    },
  ]
}

extension MisuseCase {
  private static func normalize(_ shape: TensorShape, scale: TensorShape = [3]) {
    let mean = Buffer(Tensor([0, 0, 0]))
    _ = batchNorm(.shape(shape), runningMean: mean, runningVariance: mean, scale: .shape(scale))
  }

  static let normalization: [MisuseCase] = [
    MisuseCase(
      "batchNorm, channels",
      says: "batchNorm: runningMean needs one number per channel, shape [4], not [3]",
      "input           [2, 4, 5, 5] float32"
    ) { normalize([2, 4, 5, 5]) },
    MisuseCase(
      "batchNorm, scale", says: "scale needs one number per channel, shape [3], not [1, 3]"
    ) {
      normalize([2, 3, 5, 5], scale: [1, 3])
    },
    MisuseCase("batchNorm, axes", says: "the input needs at least 2 axes") { normalize([3]) },
    MisuseCase("batchNorm, one value", says: "one value per channel has no variance to train with")
    {
      normalize([1, 3, 1, 1])
    },
    MisuseCase("batchNorm, types", says: "runningMean is float32, but the input is float64") {
      let mean = Buffer(Tensor([0, 0, 0]))
      _ = batchNorm(.shape([2, 3], dtype: .float64), runningMean: mean, runningVariance: mean)
    },
    MisuseCase("layerNorm, shape", says: "layerNorm: the input [2, 3] does not end in [2]") {
      _ = layerNorm(.shape([2, 3]), normalizedShape: [2])
    },
    MisuseCase("layerNorm, scale", says: "scale needs one number per element, shape [3], not [2]") {
      _ = layerNorm(.shape([2, 3]), normalizedShape: [3], scale: .shape([2]))
    },
    MisuseCase("groupNorm, groups", says: "groupNorm: 4 channels cannot be split into 3 groups") {
      _ = groupNorm(.shape([2, 4, 5]), groups: 3)
    },
    MisuseCase("groupNorm, axes", says: "the input needs at least 2 axes") {
      _ = groupNorm(.shape([4]), groups: 2)
    },
    MisuseCase(
      "instanceNorm, axes",
      says: "instanceNorm: the input needs at least 3 axes, [batch, channels, length, ...], not 2"
    ) {
      _ = instanceNorm(.shape([4, 3]))
    },
    MisuseCase(
      "instanceNorm, shift",
      says: "instanceNorm: shift needs one number per channel, shape [3], not [4]"
    ) {
      _ = instanceNorm(.shape([4, 3, 5]), shift: .shape([4]))
    },
    MisuseCase("rmsNorm, shape", says: "rmsNorm: the input [2, 3] does not end in [2]") {
      _ = rmsNorm(.shape([2, 3]), normalizedShape: [2])
    },
    MisuseCase(
      "rmsNorm, scale", says: "rmsNorm: scale needs one number per element, shape [3], not [2]"
    ) {
      _ = rmsNorm(.shape([2, 3]), normalizedShape: [3], scale: .shape([2]))
    },
    MisuseCase("rmsNorm, integers", says: "rmsNorm: needs float32 or float64, not int64") {
      _ = rmsNorm(.shape([2, 3], dtype: .int64), normalizedShape: [3])
    },
    MisuseCase(
      "normalized, axis", says: "normalized: axis 2 does not exist in a tensor with 2 axes"
    ) {
      _ = Tensor.shape([2, 3]).normalized(along: 2)
    },
    MisuseCase("normalized, epsilon", says: "normalized: epsilon is at least 0, not -1.0") {
      _ = Tensor.shape([2, 3]).normalized(epsilon: -1)
    },
    MisuseCase(
      "weightNorm, lengths", says: "weightNorm: the lengths need the shape [4, 1, 1], not [4]"
    ) {
      _ = weightNorm(.shape([4, 3, 2]), .shape([4]))
    },
    MisuseCase(
      "weightNorm, axis", says: "weightNorm: axis 3 does not exist in a tensor with 3 axes"
    ) {
      _ = weightNorm(.shape([4, 3, 2]), .shape([4, 1, 1]), axis: 3)
    },
    MisuseCase(
      "localResponseNormalization, size",
      says: "localResponseNormalization: the size is at least 1, not 0"
    ) {
      _ = localResponseNormalization(.shape([1, 3, 2]), size: 0)
    },
    MisuseCase("localResponseNormalization, axes", says: "the input needs at least 2 axes") {
      _ = localResponseNormalization(.shape([3]), size: 5)
    },
    MisuseCase("embedding, table", says: "embedding: the table needs 2 axes, [count, width], not 1")
    {
      _ = embedding(.shape([3]), .shape([3], dtype: .int64))
    },
    MisuseCase("embedding, indices", says: "the indices are int64 (or int32), not float32") {
      _ = embedding(.shape([3, 2]), .shape([3]))
    },
    MisuseCase("lstmCell, weights", says: "lstmCell: the weights need the shapes [8, 3] and [8, 2]")
    {
      _ = lstmCell(
        .shape([1, 3]), hidden: .shape([1, 2]), cell: .shape([1, 2]), weightInput: .shape([6, 3]),
        weightHidden: .shape([8, 2]))
    },
    MisuseCase("lstmCell, states", says: "states [N, H] of equal shape are needed") {
      _ = lstmCell(
        .shape([1, 3]), hidden: .shape([1, 3]), cell: .shape([1, 2]), weightInput: .shape([8, 3]),
        weightHidden: .shape([8, 2]))
    },
    MisuseCase(
      "roiPool, regions",
      says: "roiPool: the regions are rows of image, x1, y1, x2, y2: shape [count, 5], not [2, 4]"
    ) {
      _ = roiPool(.shape([1, 3, 5, 5]), regions: .shape([2, 4]), outputSize: 2)
    },
    MisuseCase("roiPool, axes", says: "the input needs 4 axes") {
      _ = roiPool(.shape([3, 5, 5]), regions: .shape([2, 5]), outputSize: 2)
    },
    MisuseCase("roiPool, size", says: "the output size is at least 1x1, not 0x0") {
      _ = roiPool(.shape([1, 3, 5, 5]), regions: .shape([2, 5]), outputSize: 0)
    },
  ]
}
