import TapestryGraph

/// Training met a loss, or gradients, that are not finite; training cannot continue. The parameters are those before the step.
public struct TrainingError: Error, Sendable, CustomStringConvertible {
  /// Epoch and step, both counted from 1.
  public let epoch: Int
  public let step: Int
  /// The loss.
  public let loss: Double
  /// What made the first value that is not finite, when the step was run once more to find it.
  public let cause: Cause
  /// Whether it was the gradients, of a loss that was finite.
  public let isInGradients: Bool

  init(epoch: Int, step: Int, loss: Double, cause: Cause, isInGradients: Bool = false) {
    self.epoch = epoch
    self.step = step
    self.loss = loss
    self.cause = cause
    self.isInGradients = isInGradients
  }

  /// Where the first value that is not finite is.
  public enum Cause: Sendable {
    /// An op made it from finite operands.
    case operation(Anomaly)
    /// The batch contained it, at this row-major position.
    case input(index: Int)
    /// A parameter held it before the step: an earlier update went too far.
    case parameter(name: String)
    /// Running the step once more did not show it.
    case unknown
  }

  /// The place, the cause and the remedy.
  public var description: String {
    let place =
      "epoch \(epoch), step \(step): "
      + (isInGradients ? "the gradients are not finite" : "the loss is \(loss)")
    let remedy = "lower the learning rate, or clip the gradients"
    return switch cause {
    case .operation(let anomaly): "\(place); \(remedy)\n\(anomaly)"
    case .input(let index): "\(place), because image value \(index) of the batch is not finite"
    case .parameter(let name):
      "\(place), because an earlier update made \"\(name)\" not finite; \(remedy)"
    case .unknown: "\(place); \(remedy)"
    }
  }
}
