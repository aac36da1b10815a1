import TapestryGraph

/// Moves the parameters of a model along gradients.
///
/// ```swift
/// let optimizer = SGD(net, learningRate: 0.05, momentum: 0.9)
/// for batch in batches {
///   let loss = softmaxCrossEntropy(net(batch.images), labels: batch.labels)
///   optimizer.update(along: loss.gradients())
/// }
/// ```
///
/// A class, because its step changes parameters that others hold as well. Not for use from two threads at once.
public protocol Optimizer: AnyObject {
  /// The rate of the next update. Set it from a ``Schedule`` before each step:
  /// `optimizer.learningRate = schedule(optimizer.step)`.
  var learningRate: Double { get set }

  /// How many updates have been made.
  var step: Int { get }

  /// One step. A parameter without a gradient, or that is frozen, is left untouched, and so is what is remembered
  /// about it.
  ///
  /// - Parameters:
  ///   - gradients: of the loss by the parameters.
  ///   - scale: what every gradient is multiplied by first, in the same pass over memory: 1 / n
  ///     averages n accumulated micro-batches, `gradients.clippingFactor(toNorm:)` clips.
  func update(along gradients: Gradients, scale: Double, file: StaticString, line: UInt)

  /// What the next steps depend on, by name: `step`, `learningRate`, and per parameter for example
  /// `conv1.weight.momentum`. Cheap: the tensors share memory with the optimizer until its next update.
  var state: [(name: String, value: Tensor)] { get }

  /// Continues from a saved ``state``, of an optimizer of the same kind over a model with the same names.
  ///
  /// - Throws: ``OptimizerStateError`` with every missing, unknown and mis-shaped name; then nothing has changed.
  func load(state: [(name: String, value: Tensor)]) throws(OptimizerStateError)
}

extension Optimizer {
  // With the line as UInt this would be the default of the requirement, and call itself for ever in an optimizer that
  // has no `update` of its own.

  /// One step along `gradients`, each multiplied by `scale` first.
  public func update(
    along gradients: Gradients, scale: Double = 1, file: StaticString = #fileID, line: Int = #line
  ) {
    update(along: gradients, scale: scale, file: file, line: UInt(line))
  }
}

/// Which parameters weight decay pulls towards zero.
public enum DecayedParameters: Sendable {
  /// All of them, as in PyTorch's optimizers.
  case all
  /// Those of two dimensions or more: filters and matrices, but neither biases nor the scales and shifts of
  /// normalisation, which have nothing to gain from being small.
  case weights
}

/// Everything that kept a saved state from fitting an optimizer or an average.
public struct OptimizerStateError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Names that are needed and the state lacks.
  public internal(set) var missing: [String] = []
  /// Names in the state that mean nothing here, or occur twice.
  public internal(set) var unknown: [String] = []
  /// Names whose values have the wrong shape, type or range, with what was expected.
  public internal(set) var unfit: [String] = []

  var isEmpty: Bool { missing.isEmpty && unknown.isEmpty && unfit.isEmpty }

  /// `the saved state does not fit; nothing was changed`, then a line per name.
  public var description: String {
    var lines = ["the saved state does not fit; nothing was changed"]
    lines += missing.map { "  missing: \($0)" }
    lines += unknown.map { "  unknown: \($0)" }
    lines += unfit.map { "  unfit: \($0)" }
    return lines.joined(separator: "\n")
  }
}
