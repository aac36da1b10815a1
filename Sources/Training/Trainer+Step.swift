import Synchronization
import TapestryDatasets
import TapestryGraph
import TapestryModels
import TapestryOps
import TapestryOptim

/// The results of one batch.
struct StepResult {
  let loss: Double
  let correct: Int
  let images: Int
  let gradients: Gradients
}

extension Trainer {
  /// Forward and backward for a batch.
  ///
  /// - Parameter weight: what the gradients are multiplied by.
  /// - Throws: ``TrainingError`` when the loss is not finite.
  func differentiate(
    _ batch: Batch, at place: (epoch: Int, step: Int), weight: Double
  ) throws(TrainingError) -> StepResult {
    let source = RandomSource.current
    let randomState = source.state
    let (logits, loss) = training { objective(batch) }
    let value = loss.item
    guard value.isFinite else {
      // The same dropout masks as before.
      source.state = randomState
      throw TrainingError(
        epoch: place.epoch, step: place.step, loss: value, cause: cause(of: batch))
    }
    let cotangent = weight == 1 ? nil : Tensor.full(loss.shape, weight, dtype: loss.dtype)
    return StepResult(
      loss: value, correct: correctCount(logits, labels: batch.labels), images: batch.count,
      gradients: loss.gradients(cotangent: cotangent))
  }

  /// Why the gradients of these batches of an epoch are not finite; each is run again with its random numbers.
  func cause(
    ofGradients places: [(index: Int, count: Int, random: RandomKey)], in epoch: BatchSequence
  ) -> TrainingError.Cause {
    for place in places {
      RandomSource.current.state = place.random
      let cause = cause(of: epoch[place.index])
      if case .unknown = cause { continue }
      return cause
    }
    return .unknown
  }

  /// Why the loss of this batch, or its gradients, are not finite: the step is run once more under observation.
  func cause(of batch: Batch) -> TrainingError.Cause {
    if let index = batch.images.firstNonFinite { return .input(index: index) }
    for (name, parameter) in model.namedParameters where parameter.firstNonFinite != nil {
      return .parameter(name: name)
    }
    let first = FirstAnomaly()
    detectingAnomalies(report: { first.note($0) }) {
      training {
        let loss = objective(batch).loss
        if first.anomaly == nil { _ = loss.gradients() }
      }
    }
    return first.anomaly.map { .operation($0) } ?? .unknown
  }
}

/// Keeps the first anomaly that is reported.
private final class FirstAnomaly: Sendable {
  private let noted = Mutex<Anomaly?>(nil)

  var anomaly: Anomaly? { noted.withLock { $0 } }
  func note(_ anomaly: Anomaly) { noted.withLock { $0 = $0 ?? anomaly } }
}

extension Duration {
  /// The duration in seconds.
  package var inSeconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
