import CTapestryKernels
import TapestryDatasets
import TapestryGraph
import TapestryOptim

/// The result of a learning-rate range test (Smith 2017): how the loss went while the rate rose.
public struct LearningRateSearch: Sendable {
  /// The rate of every step, rising by a constant factor.
  public let rates: [Double]
  /// The loss of every step, before its update.
  public let losses: [Double]
  /// The losses as a moving average, without its lag at the beginning.
  public let smoothedLosses: [Double]
  /// The rate at which the smoothed loss falls fastest over the logarithm of the rate; `nil` where it never falls.
  public let suggestion: Double?

  /// - Precondition: as many losses as rates.
  public init(rates: [Double], losses: [Double], file: StaticString = #fileID, line: UInt = #line) {
    guard rates.count == losses.count else {
      trap(
        "LearningRateSearch: \(rates.count) rates, but \(losses.count) losses", file: file,
        line: line)
    }
    self.rates = rates
    self.losses = losses
    smoothedLosses = Self.smoothed(losses)
    suggestion = Self.steepest(rates, smoothedLosses)
  }

  private static let decay = 0.9

  private static func smoothed(_ losses: [Double]) -> [Double] {
    var (average, weight) = (0.0, 0.0)
    return losses.map { loss in
      // Not taken in, or every average after it would be NaN.
      if loss.isNaN { return loss }
      average = decay * average + (1 - decay) * loss
      weight = decay * weight + (1 - decay)
      return average / weight
    }
  }

  /// Where a straight line through the neighbourhood, a tenth of the steps wide, falls most. The first tenth, where
  /// the average is of few losses, and what follows the smallest loss do not count. NaN is worse than any loss.
  private static func steepest(_ rates: [Double], _ losses: [Double]) -> Double? {
    // NaN, which is neither smaller nor larger, would end the search for the smallest anywhere.
    let comparable = losses.indices.filter { !losses[$0].isNaN }
    guard let lowest = comparable.min(by: { losses[$0] < losses[$1] }) else { return nil }
    let reach = max(losses.count / 20, 1)
    var best: (slope: Double, index: Int)?
    for index in losses.indices where index <= lowest && index >= losses.count / 10 {
      let (low, high) = (max(index - reach, 0), min(index + reach, losses.count - 1))
      guard high > low else { continue }
      let slope = (losses[high] - losses[low]) / Double(high - low)
      if slope < best?.slope ?? 0 { best = (slope, index) }
    }
    return best.map { rates[$0.index] }
  }
}

extension Trainer {
  /// Raises the learning rate from `first` to `last` over some steps and notes the loss; ends early when the loss
  /// is far above its smallest.
  ///
  /// Afterwards model and optimizer are in the state they were in before. Schedule, checkpoints and observers are not used.
  ///
  /// - Parameters:
  ///   - loader: its batches are taken in the order of epoch 0, from the beginning again when there are too few.
  ///   - steps: of the test. Default 100.
  ///   - note: called after each step with its number, from 1.
  /// - Precondition: `steps` is at least 2, `0 < first < last`, the loader has a batch.
  /// - Throws: `DatasetError` when an image cannot be read and the loader refuses that, or none can.
  public func findLearningRate(
    on loader: BatchLoader, from first: Double = 1e-6, to last: Double = 10, steps: Int = 100,
    note: (Int) -> Void = { _ in }, file: StaticString = #fileID, line: UInt = #line
  ) throws(DatasetError) -> LearningRateSearch {
    guard steps > 1, first > 0, first < last, last.isFinite, loader.batchCount > 0 else {
      trap(
        "findLearningRate: \(steps) steps from \(first) to \(last) over \(loader.batchCount) batches;"
          + " needs 2 steps or more, rising rates and a batch", file: file, line: line)
    }
    let before = (model.state, optimizer.state, RandomSource.current.state)
    defer { restore(before.0, before.1, before.2) }
    let factor = tapestry_log(last / first) / Double(steps - 1)
    var (rates, losses): ([Double], [Double]) = ([], [])
    var smallest = Double.infinity
    var epoch = 0
    search: while true {
      let done = rates.count
      for batch in loader.epoch(epoch) {
        let rate = first * tapestry_exp(factor * Double(rates.count))
        let loss = training { objective(batch).loss }
        let gradients = loss.gradients()
        guard loss.item.isFinite, gradients.norm.isFinite else { break search }
        rates.append(rate)
        losses.append(loss.item)
        note(rates.count)
        smallest = min(smallest, loss.item)
        if loss.item > 4 * smallest, rates.count > steps / 10 { break search }
        optimizer.learningRate = rate
        optimizer.update(along: gradients)
        if rates.count == steps { break search }
      }
      if loader.broken == .refused || rates.count == done { try loader.requireIntact() }
      epoch += 1
    }
    return LearningRateSearch(rates: rates, losses: losses)
  }

  private func restore(
    _ values: [(name: String, value: Tensor)], _ state: [(name: String, value: Tensor)],
    _ random: RandomKey
  ) {
    model.assign(values.map(\.value))
    do throws(OptimizerStateError) {
      try optimizer.load(state: state)
    } catch {
      trapAtCaller("findLearningRate: the optimizer refuses its own state: \(error)")
    }
    RandomSource.current.state = random
  }
}
