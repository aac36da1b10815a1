import TapestryGraph
import TapestryOps
import TestSupport

private let labels = Tensor(integers: [2, 0, 1])
private let narrowLabels = Tensor(integers: [2, 0, 1], dtype: .int32)
private let withIgnored = Tensor(integers: [2, -100, 1])
private let spatialLabels = Tensor(integers: [2, 0, 1, 0, 2, 1], shape: [2, 3])
private func probabilities(_ shape: TensorShape) -> Tensor { softmax(sample(shape, seed: 5)) }

extension OpCase {
  static let softmaxes: [OpCase] = [
    OpCase("softmax", inputs: [sample([3, 4])], large: { [sample([70, 130])] }) {
      [softmax($0[0])]
    },
    OpCase("softmax", "first axis", inputs: [sample([3, 4])], large: { [sample([70, 130])] }) {
      [softmax($0[0], axis: 0)]
    },
    OpCase(
      "softmax", "middle axis, negative", inputs: [sample([2, 3, 2])],
      large: { [sample([9, 21, 35])] }
    ) { [softmax($0[0], axis: -2)] },
    OpCase("softmax", "one class", inputs: [sample([3, 1])]) { [softmax($0[0])] },
    OpCase("softmax", "no rows", checks: [.forwardMode, .kernels], inputs: [sample([0, 4])]) {
      [softmax($0[0])]
    },
    OpCase("logSoftmax", inputs: [sample([3, 4])], large: { [sample([70, 130])] }) {
      [logSoftmax($0[0])]
    },
    OpCase("logSoftmax", "last of three", inputs: [sample([2, 2, 3])]) {
      [logSoftmax($0[0], axis: -1)]
    },
  ]

  static let crossEntropies: [OpCase] = [
    OpCase(
      "softmaxCrossEntropy", "labels", inputs: [sample([3, 4])],
      large: { [sample([3, 5000])] }
    ) { [softmaxCrossEntropy($0[0], labels: labels)] },
    OpCase("softmaxCrossEntropy", "int32 labels, sum", inputs: [sample([3, 4])]) {
      [softmaxCrossEntropy($0[0], labels: narrowLabels, reduction: .sum)]
    },
    OpCase("softmaxCrossEntropy", "labels, none", inputs: [sample([3, 4])]) {
      [softmaxCrossEntropy($0[0], labels: labels, reduction: .none)]
    },
    OpCase("softmaxCrossEntropy", "ignored label", inputs: [sample([3, 4])]) {
      [softmaxCrossEntropy($0[0], labels: withIgnored, ignoring: -100)]
    },
    OpCase("softmaxCrossEntropy", "ignored label, none", inputs: [sample([3, 4])]) {
      [softmaxCrossEntropy($0[0], labels: withIgnored, ignoring: -100, reduction: .none)]
    },
    OpCase("softmaxCrossEntropy", "labels of pixels", inputs: [sample([2, 3, 3])]) {
      [softmaxCrossEntropy($0[0], labels: spatialLabels)]
    },
    OpCase("softmaxCrossEntropy", "smoothing, weights, ignored", inputs: [sample([3, 3])]) {
      [
        softmaxCrossEntropy(
          $0[0], labels: withIgnored,
          classWeights: positiveSample([3], seed: 4, dtype: $0[0].dtype),
          labelSmoothing: 0.2, ignoring: -100)
      ]
    },
    OpCase("softmaxCrossEntropy", "smoothing of pixels", inputs: [sample([2, 3, 3])]) {
      [softmaxCrossEntropy($0[0], labels: spatialLabels, labelSmoothing: 0.1, reduction: .none)]
    },
    OpCase(
      "softmaxCrossEntropy", "probabilities", inputs: [sample([3, 4]), probabilities([3, 4])]
    ) { [softmaxCrossEntropy($0[0], probabilities: $0[1])] },
    OpCase(
      "softmaxCrossEntropy", "probabilities, weights, smoothing",
      inputs: [sample([2, 3, 2]), probabilities([2, 3, 2])]
    ) {
      [
        softmaxCrossEntropy(
          $0[0], probabilities: $0[1],
          classWeights: positiveSample([3], seed: 4, dtype: $0[0].dtype), labelSmoothing: 0.2,
          reduction: .none)
      ]
    },
    OpCase("negativeLogLikelihood", inputs: [sample([3, 4])]) {
      [negativeLogLikelihood(logSoftmax($0[0]), labels: labels)]
    },
    OpCase("negativeLogLikelihood", "weights, ignored", inputs: [sample([3, 3])]) {
      [
        negativeLogLikelihood(
          $0[0], labels: withIgnored,
          classWeights: positiveSample([3], seed: 4, dtype: $0[0].dtype),
          ignoring: -100)
      ]
    },
    OpCase("negativeLogLikelihood", "squared", inputs: [sample([3, 4])]) {
      [square(negativeLogLikelihood($0[0], labels: labels, reduction: .none))]
    },
    OpCase("multiclassHinge", inputs: [distinctSample([3, 4])]) {
      [multiclassHinge($0[0], labels: labels, margin: 0.51)]
    },
    OpCase("multiclassHinge", "power 2, weights", inputs: [distinctSample([3, 3])]) {
      [
        multiclassHinge(
          $0[0], labels: labels, classWeights: positiveSample([3], seed: 4, dtype: $0[0].dtype),
          margin: 0.51, power: 2, reduction: .none)
      ]
    },
  ]

  static let regressionLosses: [OpCase] = [
    OpCase("meanSquaredError", inputs: [sample([2, 3]), sample([2, 3], seed: 2)]) {
      [meanSquaredError($0[0], $0[1])]
    },
    OpCase("meanSquaredError", "scalar, none", inputs: [sample([]), sample([], seed: 2)]) {
      [meanSquaredError($0[0], $0[1], reduction: .none)]
    },
    OpCase("halfSquaredError", inputs: [sample([2, 3]), sample([2, 3], seed: 2)]) {
      [halfSquaredError($0[0], $0[1], reduction: .sum)]
    },
    OpCase("l1", inputs: [sample([2, 3]), sample([2, 3], seed: 2)]) { [l1Loss($0[0], $0[1])] },
    OpCase("huber", inputs: [sample([2, 3]), sample([2, 3], seed: 2)]) {
      [huberLoss($0[0], $0[1], delta: 0.7)]
    },
    OpCase("smoothL1", inputs: [sample([2, 3]), sample([2, 3], seed: 2)]) {
      [smoothL1Loss($0[0], $0[1], delta: 0.7, reduction: .none)]
    },
    OpCase("binaryCrossEntropyWithLogits", inputs: [sample([2, 3])]) {
      let targets = Tensor([0, 1, 0.3, 1, 0.9, 0], shape: [2, 3], dtype: $0[0].dtype)
      return [binaryCrossEntropyWithLogits($0[0], targets)]
    },
    OpCase("binaryCrossEntropyWithLogits", "positive weights", inputs: [sample([2, 3])]) {
      let targets = Tensor([0, 1, 0.3, 1, 0.9, 0], shape: [2, 3], dtype: $0[0].dtype)
      let weights = positiveSample([3], seed: 4, dtype: $0[0].dtype)
      return [binaryCrossEntropyWithLogits($0[0], targets, positiveWeights: weights)]
    },
  ]
}

extension MisuseCase {
  static let loss: [MisuseCase] = [
    MisuseCase("softmax, axis", says: "softmax: axis 2 does not exist in a tensor with 2 axes") {
      _ = softmax(.shape([2, 3]), axis: 2)
    },
    MisuseCase("logSoftmax, integers", says: "logSoftmax: needs float32 or float64, not int32") {
      _ = logSoftmax(.shape([2, 3], dtype: .int32))
    },
    MisuseCase(
      "softmaxCrossEntropy, labels",
      says: "softmaxCrossEntropy: scores [2, 3] need labels [2], one per position, not [3]",
      "logits [2, 3] float32", "labels [3] int64"
    ) { _ = softmaxCrossEntropy(.shape([2, 3]), labels: .shape([3], dtype: .int64)) },
    MisuseCase(
      "softmaxCrossEntropy, label type", says: "the labels are int64 (or int32), not float32"
    ) {
      _ = softmaxCrossEntropy(.shape([2, 3]), labels: .shape([2]))
    },
    MisuseCase("softmaxCrossEntropy, axes", says: "the scores need at least 2 axes") {
      _ = softmaxCrossEntropy(.shape([2]), labels: .shape([2], dtype: .int64))
    },
    MisuseCase(
      "softmaxCrossEntropy, weights",
      says: "softmaxCrossEntropy: classWeights needs one number per class, shape [3], not [2]",
      "classWeights [2] float32"
    ) {
      _ = softmaxCrossEntropy(
        .shape([2, 3]), labels: .shape([2], dtype: .int64), classWeights: .shape([2]))
    },
    MisuseCase(
      "softmaxCrossEntropy, weight type",
      says: "classWeights is float64, but the scores are float32"
    ) {
      _ = softmaxCrossEntropy(
        .shape([2, 3]), labels: .shape([2], dtype: .int64),
        classWeights: .shape([3], dtype: .float64))
    },
    MisuseCase(
      "softmaxCrossEntropy, probabilities",
      says: "logits [2, 3] need probabilities of the same shape, [batch, classes, ...], not [2, 4]"
    ) { _ = softmaxCrossEntropy(.shape([2, 3]), probabilities: .shape([2, 4])) },
    MisuseCase(
      "negativeLogLikelihood, labels",
      says: "negativeLogLikelihood: scores [2, 3, 4] need labels [2, 4]"
    ) {
      _ = negativeLogLikelihood(.shape([2, 3, 4]), labels: .shape([2, 3], dtype: .int64))
    },
    MisuseCase("multiclassHinge, labels", says: "multiclassHinge: scores [2, 3] need labels [2]") {
      _ = multiclassHinge(.shape([2, 3]), labels: .shape([2, 3], dtype: .int64))
    },
    MisuseCase(
      "meanSquaredError, broadcast",
      says:
        "meanSquaredError: predictions have shape [4, 1], but targets [4]; losses do not broadcast",
      "predictions [4, 1] float32"
    ) { _ = meanSquaredError(.shape([4, 1]), .shape([4])) },
    MisuseCase("meanSquaredError, types", says: "operands differ in type, float32 and float64") {
      _ = meanSquaredError(.shape([4]), .shape([4], dtype: .float64))
    },
    MisuseCase("halfSquaredError, shapes", says: "halfSquaredError: predictions have shape [4]") {
      _ = halfSquaredError(.shape([4]), .shape([5]))
    },
    MisuseCase("l1Loss, shapes", says: "l1Loss: predictions have shape [4]") {
      _ = l1Loss(.shape([4]), .shape([5]))
    },
    MisuseCase("huberLoss, shapes", says: "huberLoss: predictions have shape [4]") {
      _ = huberLoss(.shape([4]), .shape([5]))
    },
    MisuseCase("smoothL1Loss, shapes", says: "smoothL1Loss: predictions have shape [4]") {
      _ = smoothL1Loss(.shape([4]), .shape([5]))
    },
    MisuseCase(
      "binaryCrossEntropyWithLogits, shapes",
      says: "binaryCrossEntropyWithLogits: logits have shape [4], but targets [5]"
    ) {
      _ = binaryCrossEntropyWithLogits(.shape([4]), .shape([5]))
    },
    MisuseCase(
      "binaryCrossEntropyWithLogits, weights",
      says: "positiveWeights [3] do not broadcast to [2, 4]"
    ) {
      _ = binaryCrossEntropyWithLogits(
        .shape([2, 4]), .shape([2, 4]), positiveWeights: .shape([3]))
    },
    MisuseCase(
      "a loss of a net that does not fit names the net", says: "linear: input has 5 features"
    ) {
      let logits = linear(.shape([2, 5]), .shape([3, 4]))
      _ = softmaxCrossEntropy(logits, labels: .shape([2], dtype: .int64), labelSmoothing: 0.1)
      _ = meanSquaredError(logits, .shape([2, 3]))
    },
    MisuseCase("dropout, integers", says: "dropout: needs float32 or float64") {
      _ = dropout(.shape([2], dtype: .int64))
    },
    MisuseCase("dropout, probability", says: "dropout: the probability lies in 0 ... 1, it is 1.5")
    {
      _ = dropout(.shape([2]), probability: 1.5)
    },
    MisuseCase("dropout2d, axes", says: "channels lie on axis 1, but the input has 1 axis") {
      _ = dropout2d(.shape([2]))
    },
  ]
}
