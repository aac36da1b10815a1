/// How well a net classifies labelled images.
public struct Evaluation: Sendable {
  /// Mean softmax cross-entropy per image.
  public let loss: Double
  /// `confusion[truth][answer]`: how many images of class `truth` were taken for `answer`.
  public let confusion: [[Int]]
  /// How many images have their class among the five of the largest logits; `nil` with five classes or fewer, where
  /// it would say nothing.
  public let topFiveCount: Int?
  /// Seconds it took.
  public let seconds: Double

  public init(loss: Double, confusion: [[Int]], topFiveCount: Int? = nil, seconds: Double) {
    self.topFiveCount = topFiveCount
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

  /// Share of the images whose class is among the five of the largest logits, 0 ... 1.
  public var topFiveAccuracy: Double? {
    topFiveCount.map { count > 0 ? Double($0) / Double(count) : 0 }
  }

  /// Share of the images of `label` classified correctly, which is the class's recall; `nil` when there are none.
  public func accuracy(ofClass label: Int) -> Double? { recall(ofClass: label) }

  /// Share of the images of class `label` that are taken for it; `nil` when there are none.
  public func recall(ofClass label: Int) -> Double? {
    let total = confusion[label].reduce(0, +)
    return total > 0 ? Double(confusion[label][label]) / Double(total) : nil
  }

  /// Share of the images taken for `label` that are of that class; `nil` when none is taken for it.
  public func precision(ofClass label: Int) -> Double? {
    let total = confusion.reduce(0) { $0 + $1[label] }
    return total > 0 ? Double(confusion[label][label]) / Double(total) : nil
  }

  /// The harmonic mean of precision and recall of a class: 2 correct / (of the class + taken for it); `nil` when both
  /// are none.
  public func f1Score(ofClass label: Int) -> Double? {
    let total = confusion[label].reduce(0, +) + confusion.reduce(0) { $0 + $1[label] }
    return total > 0 ? 2 * Double(confusion[label][label]) / Double(total) : nil
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
