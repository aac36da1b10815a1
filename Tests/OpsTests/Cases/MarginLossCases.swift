import TapestryGraph
import TapestryOps
import TestSupport

private let signs = Tensor(integers: [1, -1, -1, 1, 1, -1], shape: [2, 3])
private func targets(_ x: Tensor) -> Tensor {
  Tensor([0, 1, 0.3, 1, 0.9, 0], shape: [2, 3], dtype: x.dtype)
}
/// Probabilities away from both ends.
private func probable(_ shape: TensorShape, seed: UInt64 = 1) -> Tensor {
  sigmoid(sample(shape, seed: seed))
}

/// A batch of CTC: five steps, three samples, four classes; one sample without labels, one with repeats.
private func spelled(
  _ x: Tensor, blank: Int = 0, zeroInfinity: Bool = false, _ reduction: LossReduction = .mean
) -> Tensor {
  let labels = Tensor(
    integers: [1, 2, 3, 3, 1, 1].map { blank == 3 ? $0 - 1 : $0 }, shape: [3, 2])
  return ctcLoss(
    x, labels: labels, inputLengths: Tensor(integers: [5, 4, 3]),
    labelLengths: Tensor(integers: [2, 2, 0], dtype: .int32), blank: blank,
    zeroInfinity: zeroInfinity, reduction: reduction)
}

extension OpCase {
  static let marginLosses: [OpCase] = distributions + margins + multiLabel + connectionist

  private static let distributions: [OpCase] = [
    OpCase("klDivergence", inputs: [sample([3, 4]), positiveSample([3, 4], seed: 2)]) {
      [
        klDivergence($0[0], $0[1]), klDivergence($0[0], $0[1], reduction: .batchMean),
        klDivergence($0[0], $0[1], reduction: .none),
      ]
    },
    OpCase("klDivergence", "logarithms", inputs: [sample([3, 4]), sample([3, 4], seed: 2)]) {
      [klDivergence($0[0], $0[1], logTargets: true, reduction: .sum)]
    },
    OpCase("logCosh", inputs: [sample([2, 3]), sample([2, 3], seed: 2)]) {
      [logCoshLoss($0[0], $0[1]), logCoshLoss($0[0] * 9, $0[1], reduction: .none)]
    },
    OpCase("poissonNLL", inputs: [positiveSample([2, 3])]) {
      let counts = Tensor([0, 1, 3, 2, 0, 7], shape: [2, 3], dtype: $0[0].dtype)
      return [
        poissonNegativeLogLikelihood($0[0], counts),
        poissonNegativeLogLikelihood($0[0], counts, logInput: false, full: true, reduction: .none),
      ]
    },
    OpCase(
      "gaussianNLL",
      inputs: [sample([2, 3]), sample([2, 3], seed: 2), positiveSample([2, 3], seed: 3)]
    ) {
      [gaussianNegativeLogLikelihood($0[0], $0[1], variance: $0[2], full: true)]
    },
    OpCase(
      "gaussianNLL", "a variance per row",
      inputs: [sample([2, 3]), sample([2, 3], seed: 2), positiveSample([2], seed: 3)]
    ) {
      [
        gaussianNegativeLogLikelihood($0[0], $0[1], variance: $0[2], reduction: .none),
        gaussianNegativeLogLikelihood(
          $0[0], $0[1], variance: $0[2].reshaped(to: [2, 1]), reduction: .sum),
      ]
    },
  ]

  private static let margins: [OpCase] = [
    OpCase("cosineSimilarity", inputs: [sample([3, 4]), sample([3, 4], seed: 2)]) {
      [cosineSimilarity($0[0], $0[1]), cosineSimilarity($0[0], $0[1], axis: -2)]
    },
    OpCase(
      "cosineSimilarity", "broadcast", inputs: [sample([3, 1, 4]), sample([2, 4], seed: 2)]
    ) { [cosineSimilarity($0[0], $0[1], axis: 2)] },
    OpCase("cosineEmbedding", inputs: [sample([4, 3]), sample([4, 3], seed: 2)]) {
      let labels = Tensor(integers: [1, -1, 1, -1])
      return [
        cosineEmbeddingLoss($0[0], $0[1], labels: labels, margin: -0.9),
        cosineEmbeddingLoss($0[0], $0[1], labels: labels, margin: 0.1, reduction: .none),
      ]
    },
    OpCase(
      "tripletMargin",
      inputs: [sample([3, 4]), sample([3, 4], seed: 2), sample([3, 4], seed: 3)]
    ) {
      [
        tripletMarginLoss($0[0], positive: $0[1], negative: $0[2]),
        tripletMarginLoss(
          $0[0], positive: $0[1], negative: $0[2], margin: 2, p: 1, swap: true, reduction: .none),
        tripletMarginLoss($0[0], positive: $0[1], negative: $0[2], margin: 3, p: 3),
      ]
    },
    OpCase("marginRanking", inputs: [distinctSample([2, 3]), distinctSample([2, 3], seed: 2)]) {
      [marginRankingLoss($0[0], $0[1], labels: signs, margin: 0.033)]
    },
    OpCase("hingeEmbedding", inputs: [distinctSample([2, 3])]) {
      [hingeEmbeddingLoss($0[0], labels: signs, margin: 0.045, reduction: .none)]
    },
    OpCase("softMargin", inputs: [sample([2, 3])]) {
      [softMarginLoss($0[0], labels: signs), softMarginLoss($0[0] * 3, labels: signs)]
    },
  ]

  private static let multiLabel: [OpCase] = [
    OpCase("multiLabelSoftMargin", inputs: [sample([2, 3])]) {
      let weights = positiveSample([3], seed: 4, dtype: $0[0].dtype)
      return [
        multiLabelSoftMarginLoss($0[0], targets($0[0])),
        multiLabelSoftMarginLoss(
          $0[0], targets($0[0]), classWeights: weights, reduction: .none),
      ]
    },
    OpCase("multiLabelMargin", inputs: [distinctSample([2, 4]) * 3]) {
      let labels = Tensor(integers: [2, 0, -1, 1, -1, 3, 3, 3], shape: [2, 4])
      return [multiLabelMarginLoss($0[0], labels: labels)]
    },
    OpCase("sigmoidFocal", inputs: [sample([2, 3])]) {
      [
        sigmoidFocalLoss($0[0], targets($0[0])),
        sigmoidFocalLoss($0[0], targets($0[0]), alpha: -1, gamma: 0.5, reduction: .none),
        sigmoidFocalLoss($0[0], targets($0[0]), alpha: 0.7, gamma: 0, reduction: .sum),
      ]
    },
    OpCase("dice", inputs: [probable([2, 3])]) {
      [
        diceLoss($0[0], targets($0[0])),
        diceLoss($0[0], targets($0[0]), axes: [0, -1], smoothing: 0.1, reduction: .none),
      ]
    },
    OpCase("binaryCrossEntropy", inputs: [probable([2, 3])]) {
      let weights = positiveSample([2, 1], seed: 4, dtype: $0[0].dtype)
      let positive = positiveSample([3], seed: 5, dtype: $0[0].dtype)
      return [
        binaryCrossEntropy($0[0], targets($0[0])),
        binaryCrossEntropy(
          $0[0], targets($0[0]), weights: weights, positiveWeights: positive, reduction: .none),
      ]
    },
  ]

  private static let connectionist: [OpCase] = [
    OpCase("ctc", inputs: [sample([5, 3, 4])]) { [spelled($0[0])] },
    OpCase("ctc", "blank last, none", inputs: [sample([5, 3, 4])]) {
      [spelled($0[0], blank: 3, .none)]
    },
    OpCase("ctc", "too few steps", inputs: [sample([3, 2, 3])]) {
      let labels = Tensor(integers: [1, 1, 2, 2, 1, 1], shape: [2, 3])
      return [
        ctcLoss(
          $0[0], labels: labels, inputLengths: Tensor(integers: [3, 3]),
          labelLengths: Tensor(integers: [3, 2]), zeroInfinity: true, reduction: .sum)
      ]
    },
    OpCase("ctc", "large", checks: .kernels, inputs: [sample([60, 7, 30])]) {
      let labels = Tensor(integers: (0..<7 * 20).map { 1 + $0 * 7 % 5 }, shape: [7, 20])
      return [
        ctcLoss(
          $0[0], labels: labels, inputLengths: Tensor(integers: [60, 59, 50, 48, 60, 41, 60]),
          labelLengths: Tensor(integers: [20, 19, 3, 0, 1, 20, 8]), reduction: .none)
      ]
    },
  ]
}

extension MisuseCase {
  static let marginLoss: [MisuseCase] = [
    MisuseCase("klDivergence, shapes", says: "klDivergence: logProbabilities have shape [4, 1]") {
      _ = klDivergence(.shape([4, 1]), .shape([4]))
    },
    MisuseCase("klDivergence, batchMean", says: "klDivergence: batchMean divides by the first axis")
    {
      _ = klDivergence(.shape([]), .shape([]), reduction: .batchMean)
    },
    MisuseCase("logCoshLoss, shapes", says: "logCoshLoss: predictions have shape [4]") {
      _ = logCoshLoss(.shape([4]), .shape([5]))
    },
    MisuseCase("poissonNegativeLogLikelihood, shapes", says: "poissonNegativeLogLikelihood: pred") {
      _ = poissonNegativeLogLikelihood(.shape([4]), .shape([5]))
    },
    MisuseCase(
      "gaussianNegativeLogLikelihood, variance",
      says: "predictions [4, 3] need a variance of the same shape, or [4, 1] or [4], not [3]"
    ) {
      _ = gaussianNegativeLogLikelihood(.shape([4, 3]), .shape([4, 3]), variance: .shape([3]))
    },
    MisuseCase("cosineSimilarity, shapes", says: "cosineSimilarity: the shapes [4, 3] and [4, 2]") {
      _ = cosineSimilarity(.shape([4, 3]), .shape([4, 2]))
    },
    MisuseCase("cosineSimilarity, axis", says: "cosineSimilarity: axis 1 does not exist") {
      _ = cosineSimilarity(.shape([4]), .shape([4]))
    },
    MisuseCase(
      "cosineEmbeddingLoss, labels",
      says: "cosineEmbeddingLoss: vectors [4, 3] need labels [4], one each, not [3]"
    ) {
      _ = cosineEmbeddingLoss(
        .shape([4, 3]), .shape([4, 3]), labels: .shape([3], dtype: .int64))
    },
    MisuseCase("tripletMarginLoss, shapes", says: "tripletMarginLoss: anchor have shape [4, 3]") {
      _ = tripletMarginLoss(.shape([4, 3]), positive: .shape([4, 3]), negative: .shape([3]))
    },
    MisuseCase("tripletMarginLoss, p", says: "tripletMarginLoss: p is at least 1, not 0.5") {
      _ = tripletMarginLoss(.shape([3]), positive: .shape([3]), negative: .shape([3]), p: 0.5)
    },
    MisuseCase("marginRankingLoss, labels", says: "marginRankingLoss: scores [4] need labels [4]") {
      _ = marginRankingLoss(.shape([4]), .shape([4]), labels: .shape([1]))
    },
    MisuseCase("hingeEmbeddingLoss, mask", says: "hingeEmbeddingLoss: the labels are 1 and -1") {
      _ = hingeEmbeddingLoss(.shape([4]), labels: .shape([4], dtype: .bool))
    },
    MisuseCase("softMarginLoss, labels", says: "softMarginLoss: values [4] need labels [4]") {
      _ = softMarginLoss(.shape([4]), labels: .shape([5], dtype: .int64))
    },
    MisuseCase(
      "multiLabelSoftMarginLoss, weights",
      says: "multiLabelSoftMarginLoss: classWeights needs one number per class, shape [3], not [2]"
    ) {
      _ = multiLabelSoftMarginLoss(.shape([2, 3]), .shape([2, 3]), classWeights: .shape([2]))
    },
    MisuseCase(
      "multiLabelMarginLoss, labels",
      says:
        "multiLabelMarginLoss: needs scores [N, classes] and labels of the same shape, not [2, 3]"
    ) { _ = multiLabelMarginLoss(.shape([2, 3]), labels: .shape([2], dtype: .int64)) },
    MisuseCase("sigmoidFocalLoss, gamma", says: "sigmoidFocalLoss: gamma is at least 0, not -1") {
      _ = sigmoidFocalLoss(.shape([2]), .shape([2]), gamma: -1)
    },
    MisuseCase("diceLoss, axes", says: "diceLoss: there are no axes to sum over in [2]") {
      _ = diceLoss(.shape([2]), .shape([2]))
    },
    MisuseCase(
      "binaryCrossEntropy, weights",
      says: "binaryCrossEntropy: positiveWeights [3] do not broadcast to [2, 4]"
    ) {
      _ = binaryCrossEntropy(.shape([2, 4]), .shape([2, 4]), positiveWeights: .shape([3]))
    },
    MisuseCase("ctcLoss, axes", says: "ctcLoss: the logits need 3 axes, [steps, N, classes], not 2")
    {
      let lengths = Tensor.shape([3], dtype: .int64)
      _ = ctcLoss(
        .shape([3, 4]), labels: .shape([3, 2], dtype: .int64), inputLengths: lengths,
        labelLengths: lengths)
    },
    MisuseCase("ctcLoss, lengths", says: "ctcLoss: a batch of 3 needs a length each, [3], not [2]")
    {
      let lengths = Tensor.shape([2], dtype: .int64)
      _ = ctcLoss(
        .shape([5, 3, 4]), labels: .shape([3, 2], dtype: .int64), inputLengths: lengths,
        labelLengths: .shape([3], dtype: .int64))
    },
    MisuseCase("ctcLoss, blank", says: "ctcLoss: the blank 4 is none of the 4 classes") {
      let lengths = Tensor.shape([3], dtype: .int64)
      _ = ctcLoss(
        .shape([5, 3, 4]), labels: .shape([3, 2], dtype: .int64), inputLengths: lengths,
        labelLengths: lengths, blank: 4)
    },
  ]
}
