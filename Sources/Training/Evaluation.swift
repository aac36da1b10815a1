import TapestryDatasets
import TapestryGraph
import TapestryModels
import TapestryOps

/// How well a net classifies labelled images.
public struct Evaluation: Sendable {
  /// Mean softmax cross-entropy per image.
  public let loss: Double
  /// `confusion[truth][answer]`: how many images of class `truth` were taken for `answer`.
  public let confusion: [[Int]]
  /// Seconds it took.
  public let seconds: Double

  public init(loss: Double, confusion: [[Int]], seconds: Double) {
    self.loss = loss
    self.confusion = confusion
    self.seconds = seconds
  }

  /// The number of images.
  public var count: Int { confusion.joined().reduce(0, +) }

  /// The number of images classified correctly.
  public var correctCount: Int { confusion.indices.reduce(0) { $0 + confusion[$1][$1] } }

  /// Share of the images classified correctly, 0 ... 1; 0 when there are none.
  public var accuracy: Double { count > 0 ? Double(correctCount) / Double(count) : 0 }

  /// Share of the images of `label` classified correctly; `nil` when there are none.
  public func accuracy(ofClass label: Int) -> Double? {
    let total = confusion[label].reduce(0, +)
    return total > 0 ? Double(confusion[label][label]) / Double(total) : nil
  }

  /// One class taken for another.
  public struct Confusion: Sendable, Equatable {
    public let truth: Int
    public let answer: Int
    public let count: Int

    public init(truth: Int, answer: Int, count: Int) {
      self.truth = truth
      self.answer = answer
      self.count = count
    }
  }

  /// The classes taken for another, most frequent first; at most `limit` pairs.
  public func mostFrequentConfusions(limit: Int = 5) -> [Confusion] {
    var found: [Confusion] = []
    for (truth, row) in confusion.enumerated() {
      for (answer, count) in row.enumerated() where count > 0 && answer != truth {
        found.append(Confusion(truth: truth, answer: answer, count: count))
      }
    }
    // sort(by:) is stable: pairs of equal count stay in the order of the classes.
    found.sort { $0.count > $1.count }
    return Array(found.prefix(limit))
  }
}

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
  }
  return Evaluation(
    loss: images > 0 ? lossSum / Double(images) : 0, confusion: confusion,
    seconds: (clock.now - start).inSeconds)
}

/// How many of the rows of `logits`, `[N, classes]`, have their largest value at the label.
public func correctCount(_ logits: Tensor, labels: Tensor) -> Int {
  zip(answers(logits), labels.integers()).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
}

/// The class of the largest value in each row, the first of equals.
private func answers(_ logits: Tensor) -> [Int] {
  withoutGradients { logits.argmax(along: 1) }.integers()
}
