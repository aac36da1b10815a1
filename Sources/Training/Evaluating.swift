import TapestryDatasets
import TapestryGraph
import TapestryModels
import TapestryOps

/// Classifies all images of `loader` with `model` in inference mode and counts.
///
/// Where the largest logit is not unique, the first of them is the answer.
/// - Precondition: the model gives logits `[N, classes]`, and labels are in `0 ..< classes`.
public func evaluate(_ model: any Model, on loader: BatchLoader) -> Evaluation {
  let clock = ContinuousClock()
  let start = clock.now
  var confusion: [[Int]] = []
  var lossSum = 0.0
  var images = 0
  var topFive = 0
  for batch in loader.epoch(0) {
    let (logits, loss) = inference { () -> (Tensor, Tensor) in
      let logits = model(batch.images)
      return (logits, softmaxCrossEntropy(logits, labels: batch.labels))
    }
    let labels = batch.labels.integers()
    lossSum += loss.item * Double(labels.count)
    images += labels.count
    if confusion.isEmpty {
      let classes = logits.shape[1]
      confusion = Array(repeating: Array(repeating: 0, count: classes), count: classes)
    }
    for (label, answer) in zip(labels, answers(logits)) { confusion[label][answer] += 1 }
    if confusion.count > 5 { topFive += topCount(5, logits, labels) }
  }
  if confusion.isEmpty {
    let classes = loader.set.classCount
    confusion = Array(repeating: Array(repeating: 0, count: classes), count: classes)
  }
  return Evaluation(
    loss: images > 0 ? lossSum / Double(images) : 0, confusion: confusion,
    topFiveCount: confusion.count > 5 ? topFive : nil, seconds: (clock.now - start).inSeconds)
}

/// How many of the rows of `logits`, `[N, classes]`, have their largest value at the label.
public func correctCount(_ logits: Tensor, labels: Tensor) -> Int {
  zip(answers(logits), labels.integers()).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
}

/// The class of the largest value in each row, the first of equals.
private func answers(_ logits: Tensor) -> [Int] {
  withoutGradients { logits.argmax(along: 1) }.integers()
}

/// How many rows have fewer than `count` logits before that of their label: larger ones, or equal ones further left.
private func topCount(_ count: Int, _ logits: Tensor, _ labels: [Int]) -> Int {
  let values = logits.scalars()
  let classes = logits.shape[1]
  return labels.enumerated().count { row, label in
    let scores = values[row * classes..<(row + 1) * classes]
    let own = scores[scores.startIndex + label]
    let before = scores.enumerated().count { $1 > own || ($1 == own && $0 < label) }
    return before < count && !own.isNaN
  }
}
