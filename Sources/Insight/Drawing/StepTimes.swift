import Synchronization
import TapestryGraph
import TapestryModels

extension Model {
  /// The nanoseconds that every step of a net takes, the smallest of several runs: in the order of the steps of
  /// ``Model/trace(for:dtype:training:running:)`` for an input of that shape.
  ///
  /// Runs in inference mode, after one run that is not measured.
  /// - Parameters:
  ///   - input: a batch of images.
  ///   - runs: how often it is measured. Default 3.
  public func stepTimes(of input: Tensor, runs: Int = 3) -> [Int] {
    var best: [Int] = []
    for run in 0...max(runs, 1) {
      let clock = StepClock()
      _ = observing(clock) { inference { self(input) } }
      let times = clock.times
      if run <= 1 { best = times } else { best = zip(best, times).map { Swift.min($0, $1) } }
    }
    return best
  }
}

private final class StepClock: OperationObserver {
  private let noted = Mutex<[Int]>([])
  var times: [Int] { noted.withLock { $0 } }
  func didApply(_ event: OperationEvent) { noted.withLock { $0.append(event.nanoseconds) } }
}
