import Tapestry
import Testing

@Suite("Evaluation")
struct EvaluationTests {
  @Test("counts, shares and confusions come from the matrix")
  func matrix() {
    let evaluation = Evaluation(
      loss: 0.5, confusion: [[5, 1, 0], [2, 6, 2], [0, 0, 0]], seconds: 1)
    #expect(evaluation.count == 16 && evaluation.correctCount == 11)
    #expect(evaluation.accuracy == 11.0 / 16)
    #expect(evaluation.accuracy(ofClass: 1) == 0.6)
    #expect(evaluation.accuracy(ofClass: 2) == nil)
    #expect(evaluation.mostFrequentConfusions().map(\.count) == [2, 2, 1])
    #expect(
      evaluation.mostFrequentConfusions(limit: 1) == [.init(truth: 1, answer: 0, count: 2)])
  }

  @Test("precision, recall and F1 of each class; none where nothing is counted")
  func classes() {
    let evaluation = Evaluation(
      loss: 0.5, confusion: [[5, 1, 0], [2, 6, 2], [0, 0, 0]], seconds: 1)
    #expect(evaluation.recall(ofClass: 0) == 5.0 / 6 && evaluation.recall(ofClass: 2) == nil)
    #expect(evaluation.precision(ofClass: 0) == 5.0 / 7)
    #expect(evaluation.precision(ofClass: 2) == 0)
    #expect(evaluation.f1Score(ofClass: 0) == 10.0 / 13)
    #expect(evaluation.f1Score(ofClass: 2) == 0)
    #expect(Evaluation(loss: 0, confusion: [[0]], seconds: 0).f1Score(ofClass: 0) == nil)
  }

  /// Gives the pixels themselves as logits.
  private struct Pixels: Model {
    func callAsFunction(_ input: Tensor) -> Tensor { input.flattened(from: 1) }
  }

  @Test("top five: equal logits count from the left; nothing is said of five classes")
  func topFive() throws {
    let pixels: [UInt8] = [9, 8, 7, 6, 5, 4, 9, 9, 9, 9, 9, 9, 1, 2, 3, 4, 5, 6]
    func measure(_ labels: [Int]) throws -> Evaluation {
      let set = ImageSet(
        name: "six", height: 2, width: 3, classNames: (0..<6).map(String.init), labels: labels,
        pixels: pixels)
      return evaluate(Pixels(), on: try BatchLoader(set, batchSize: 2, shuffled: false))
    }
    #expect(try measure([4, 4, 1]).topFiveAccuracy == 1)
    #expect(try measure([5, 4, 1]).topFiveCount == 2)
    #expect(try measure([5, 5, 0]).topFiveCount == 0)
    #expect(try measure([0, 0, 5]).topFiveAccuracy == 1)
    #expect(try measure([0, 0, 5]).accuracy == 1)
    let few = ImageSet(
      name: "five", height: 1, width: 5, classNames: (0..<5).map(String.init), labels: [1],
      pixels: [1, 2, 3, 4, 5])
    #expect(evaluate(Pixels(), on: try BatchLoader(few, batchSize: 1)).topFiveCount == nil)
  }

  @Test("the answer is the first of the largest logits")
  func correct() {
    let logits = Tensor([[1, 3, 3], [2, 1, 0], [0, 0, 0]])
    #expect(correctCount(logits, labels: Tensor(integers: [1, 1, 0])) == 2)
  }
}
