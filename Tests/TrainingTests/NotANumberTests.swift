import Tapestry
import TapestryFiles
import TestSupport
import Testing

/// Answers `answer` to everything outside of training, where it is ``Small``.
private struct Moody: Model {
  let net = Small()
  let answer = Buffer(Tensor.zeros([2]), name: "answer")

  func callAsFunction(_ input: Tensor) -> Tensor {
    net(input) * 0 + answer.value
  }
}

/// One rule: NaN is worse than anything.
@Suite("NaN in training")
struct NotANumberTests {
  /// Two thirds of class 0, the class that logits without a largest one name.
  private static var mostlyAbove: ImageSet {
    ImageSet(
      name: "halves", height: 4, width: 4, classNames: ["above", "below"],
      labels: (0..<12).map { $0 % 3 == 0 ? 1 : 0 }, pixels: Array(repeating: 90, count: 12 * 16))
  }

  /// Trains for an epoch for each of `answers`, which are what is validated.
  private func run(
    _ answers: [[Double]], by monitor: Trainer.Monitor, patience: Int? = nil
  ) throws -> TrainingSummary {
    let net = Moody()
    var trainer = Trainer(
      net, optimizer: SGD(net, learningRate: 0.1),
      objective: { batch in
        let logits = net.net(batch.images)
        return (logits, softmaxCrossEntropy(logits, labels: batch.labels))
      })
    trainer.observers = [
      TrainingCallbacks(onStep: { net.answer.value = Tensor(answers[$0.epoch - 1]) })
    ]
    trainer.validation = try BatchLoader(Self.mostlyAbove, batchSize: 12, shuffled: false)
    trainer.monitor = monitor
    trainer.patience = patience
    return try trainer.run(on: BatchLoader(images(8), batchSize: 8), epochs: answers.count)
  }

  private let nan = [Double.nan, .nan]

  @Test(
    "an epoch that is NaN is best only where there is no other",
    arguments: [Trainer.Monitor.accuracy, .loss])
  func best(monitor: Trainer.Monitor) throws {
    // By accuracy alone NaN would win: it is right two times in three, the numbers one time.
    let wrong = [0.0, 0.5]
    #expect(try run([wrong, nan, nan], by: monitor).best?.epoch == 1)
    #expect(try run([nan, nan, wrong, nan], by: monitor).best?.epoch == 3)
    let only = try #require(try run([nan, nan], by: monitor).best)
    #expect(only.epoch == 1 && only.loss.isNaN)
    // Infinite is bad, but a number.
    #expect(try run([nan, [-.infinity, 0], nan], by: monitor).best?.epoch == 2)
  }

  @Test(
    "epochs of NaN use up the patience", arguments: [Trainer.Monitor.accuracy, .loss])
  func patience(monitor: Trainer.Monitor) throws {
    let summary = try run(Array(repeating: nan, count: 9), by: monitor, patience: 2)
    #expect(summary.ending == .patience && summary.epochs.count == 3)
    let late = try run([[0, 0.5]] + Array(repeating: nan, count: 9), by: monitor, patience: 3)
    #expect(late.ending == .patience && late.epochs.count == 4)
  }

  @Test("a plateau counts NaN as no improvement, and any number as one over it")
  func plateau() {
    var plateau = ReduceOnPlateau(from: 1, factor: 0.5, patience: 1)
    #expect(
      [.nan, .nan, 7, .nan, 8, 6].map { plateau.report($0) } == [1, 0.5, 0.5, 0.5, 0.25, 0.25])
    #expect(plateau.state.best == 6)
  }

  @Test("a search passes over losses that are NaN")
  func search() throws {
    let rates = (0..<60).map { 1e-5 * Double($0 + 1) }
    let losses = rates.indices.map { $0 < 20 ? 2.0 : $0 < 40 ? 2 - 0.1 * Double($0 - 20) : 0 }
    let clean = try #require(LearningRateSearch(rates: rates, losses: losses).suggestion)
    var poisoned = losses
    for index in [0, 12, 57] { poisoned[index] = .nan }
    let search = LearningRateSearch(rates: rates, losses: poisoned)
    #expect(search.smoothedLosses.count { $0.isNaN } == 3)
    let suggestion = try #require(search.suggestion)
    #expect(abs(suggestion / clean - 1) < 0.1)
    let nothing = LearningRateSearch(rates: [1, 2], losses: [.nan, .nan])
    #expect(nothing.suggestion == nil)
  }

  @Test("a position keeps losses that are no finite numbers", arguments: [Double.infinity, .nan])
  func position(loss: Double) throws {
    let scratch = try Scratch()
    let net = noisy()
    var state = TrainingState(net, optimizer: SGD(net, learningRate: 0.1))
    state.position.best = BestEpoch(epoch: 1, loss: loss, accuracy: 0.5)
    state.position.plateau = ReduceOnPlateau.State(rate: 0.5)
    state.position.plateau?.best = -.infinity
    try state.save(to: scratch("state"))
    var other = TrainingState(net, optimizer: SGD(net, learningRate: 0.1))
    try other.load(from: scratch("state"))
    let best = try #require(other.position.best)
    #expect(best.loss == loss || (best.loss.isNaN && loss.isNaN))
    #expect(other.position.plateau?.best == -.infinity)
  }
}
