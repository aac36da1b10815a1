import TapestryGraph
import TapestryOps
import TestSupport

private func triple(_ batch: [Int], _ queries: Int, _ keys: Int, _ width: Int, _ values: Int)
  -> [Tensor]
{
  [
    sample(TensorShape(batch + [queries, width])),
    sample(TensorShape(batch + [keys, width]), seed: 2),
    sample(TensorShape(batch + [keys, values]), seed: 3),
  ]
}

/// Every key but some; the last query sees none.
private let mask = Tensor(
  integers: [1, 0, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0], shape: [3, 4], dtype: .bool)

private let bag = Tensor(integers: [1, 3, 1, 0, 2, 2])
private let offsets = Tensor(integers: [0, 2, 2, 5])

extension OpCase {
  static let attention: [OpCase] = [
    OpCase(
      "scaledDotProductAttention", inputs: triple([2], 3, 4, 2, 3),
      large: { triple([2, 3], 150, 170, 20, 24) }
    ) { [scaledDotProductAttention($0[0], key: $0[1], value: $0[2])] },
    OpCase(
      "scaledDotProductAttention", "mask and bias",
      inputs: triple([2], 3, 4, 2, 2) + [sample([1, 4], seed: 4)]
    ) {
      [
        scaledDotProductAttention(
          $0[0], key: $0[1], value: $0[2], mask: mask, bias: $0[3], scale: 0.4)
      ]
    },
    OpCase(
      "scaledDotProductAttention", "causal", inputs: triple([2], 4, 3, 2, 2),
      large: { triple([3], 190, 170, 20, 24) }
    ) { [scaledDotProductAttention($0[0], key: $0[1], value: $0[2], causal: true)] },
    OpCase(
      "scaledDotProductAttention", "bias of every pair, no batch",
      inputs: triple([], 3, 4, 2, 2) + [sample([3, 4], seed: 4)],
      large: { triple([2, 2], 90, 170, 8, 9) + [sample([2, 1, 90, 170], seed: 4)] }
    ) { [scaledDotProductAttention($0[0], key: $0[1], value: $0[2], bias: $0[3])] },
    OpCase(
      "multiHeadAttention",
      inputs: [
        sample([2, 3, 4]), sample([2, 2, 4], seed: 2), sample([12, 4], seed: 3) * 0.5,
        sample([12], seed: 4), sample([4, 4], seed: 5), sample([4], seed: 6),
      ]
    ) {
      let weights = AttentionWeights(
        input: $0[2], inputBias: $0[3], output: $0[4], outputBias: $0[5])
      return [
        multiHeadAttention(
          $0[0], key: $0[1], value: $0[1], weights: weights, heads: 2,
          keyPaddingMask: Tensor(integers: [0, 1, 0, 0], shape: [2, 2], dtype: .bool))
      ]
    },
    OpCase(
      "multiHeadAttention", "weights, steps first",
      inputs: [
        sample([3, 2, 4]), sample([4, 4], seed: 2), sample([4, 4], seed: 3),
        sample([4, 4], seed: 4),
        sample([4, 4], seed: 5),
      ]
    ) {
      let weights = AttentionWeights(query: $0[1], key: $0[2], value: $0[3], output: $0[4])
      let (y, attention) = multiHeadAttentionWithWeights(
        $0[0], key: $0[0], value: $0[0], weights: weights, heads: 2, causal: true,
        batchFirst: false)
      return [y, attention]
    },
    OpCase("embeddingBag", inputs: [sample([4, 3])]) {
      [embeddingBag($0[0], bag, offsets: offsets, paddingIndex: 2)]
    },
    OpCase("embeddingBag", "weights", inputs: [sample([4, 3]), sample([2, 3], seed: 2)]) {
      [embeddingBag($0[0], bag.reshaped(to: [2, 3]), weights: $0[1], reduction: .sum)]
    },
    OpCase(
      "embeddingBag", "maximum", inputs: [distinctSample([4, 3])],
      large: { [distinctSample([4, 30000])] }
    ) {
      [embeddingBag($0[0], bag, offsets: offsets, reduction: .max, includesLastOffset: true)]
    },
  ]
}

extension MisuseCase {
  static let attention: [MisuseCase] = [
    MisuseCase(
      "attention, features",
      says: "scaledDotProductAttention: the query has 2 features, but the key 3", "query ", "key "
    ) {
      _ = scaledDotProductAttention(.shape([4, 2]), key: .shape([5, 3]), value: .shape([5, 3]))
    },
    MisuseCase("attention, keys and values", says: "there are 5 keys, but 6 values") {
      _ = scaledDotProductAttention(.shape([4, 2]), key: .shape([5, 2]), value: .shape([6, 2]))
    },
    MisuseCase("attention, batch", says: "need the same leading axes") {
      _ = scaledDotProductAttention(
        .shape([2, 4, 2]), key: .shape([3, 5, 2]), value: .shape([3, 5, 2]))
    },
    MisuseCase("attention, mask", says: "the mask [3, 5] does not broadcast to the scores [4, 5]") {
      _ = scaledDotProductAttention(
        .shape([4, 2]), key: .shape([5, 2]), value: .shape([5, 2]),
        mask: .shape([3, 5], dtype: .bool))
    },
    MisuseCase("attention, mask of numbers", says: "the mask is bool, not float32") {
      _ = scaledDotProductAttention(
        .shape([4, 2]), key: .shape([5, 2]), value: .shape([5, 2]), mask: .shape([4, 5]))
    },
    MisuseCase("attention, bias", says: "the bias is float64, but the query float32") {
      _ = scaledDotProductAttention(
        .shape([4, 2]), key: .shape([5, 2]), value: .shape([5, 2]),
        bias: .shape([4, 5], dtype: .float64))
    },
    MisuseCase("attention, types", says: "need one floating-point type") {
      _ = scaledDotProductAttention(
        .shape([4, 2], dtype: .int64), key: .shape([5, 2]), value: .shape([5, 2]))
    },
    MisuseCase(
      "heads", says: "multiHeadAttention: a width of 4 is not divisible by 3 heads", "query "
    ) {
      let x = Tensor.shape([2, 3, 4])
      _ = multiHeadAttention(
        x, key: x, value: x,
        weights: AttentionWeights(input: .shape([12, 4]), output: .shape([4, 4])), heads: 3)
    },
    MisuseCase("heads, weight", says: "the input weight needs the shape [3 E, E], not [8, 4]") {
      _ = AttentionWeights(input: .shape([8, 4]), output: .shape([4, 4]))
    },
    MisuseCase("heads, mask", says: "the key padding mask is bool and [2, 3]") {
      let x = Tensor.shape([2, 3, 4])
      _ = multiHeadAttentionWithWeights(
        x, key: x, value: x,
        weights: AttentionWeights(input: .shape([12, 4]), output: .shape([4, 4])), heads: 2,
        keyPaddingMask: .shape([3, 2], dtype: .bool))
    },
    MisuseCase("embeddingBag, no offsets", says: "embeddingBag: the indices are a matrix of bags") {
      _ = embeddingBag(.shape([3, 2]), .shape([4], dtype: .int64))
    },
    MisuseCase("embeddingBag, weights", says: "weights go with sums, not with mean") {
      _ = embeddingBag(.shape([3, 2]), .shape([4, 2], dtype: .int64), weights: .shape([4, 2]))
    },
    MisuseCase("embeddingBag, table", says: "the table needs 2 axes") {
      _ = embeddingBag(.shape([3]), .shape([4, 2], dtype: .int64))
    },
    MisuseCase("embeddingBag, indices", says: "the indices are int64 (or int32), not float32") {
      _ = embeddingBag(.shape([3, 2]), .shape([4, 2]))
    },
  ]
}
