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

  @Test("the answer is the first of the largest logits")
  func correct() {
    let logits = Tensor([[1, 3, 3], [2, 1, 0], [0, 0, 0]])
    #expect(correctCount(logits, labels: Tensor(integers: [1, 1, 0])) == 2)
  }
}
