import TapestryGraph
import TapestryOps
import TapestryOptim

/// L1 and L2 regularisation: a scalar to add to the loss, which pulls weights towards zero.
///
///     l1 Σ |θ| + l2 / 2 Σ θ²
///
/// ```swift
/// let loss = softmaxCrossEntropy(net(batch.images), labels: batch.labels)
///   + weightPenalty(on: net, l1: 1e-5)
/// ```
///
/// Works with every optimizer. The l2 term has the gradient l2 θ, as `weightDecay` of `SGD` adds it in its own pass
/// over memory; prefer that where the optimizer has it.
///
/// - Parameters:
///   - container: the model.
///   - l1: how strong the absolute term is. Default 0: without it.
///   - l2: how strong the squared term is. Default 0: without it.
///   - decays: which parameters. Default: filters and matrices, neither biases nor those of normalisation.
/// - Precondition: `l1` and `l2` are finite and at least 0; a parameter is chosen.
public func weightPenalty(
  on container: some ParameterContainer, l1: Double = 0, l2: Double = 0,
  decays: DecayedParameters = .weights, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  guard l1 >= 0, l2 >= 0, l1.isFinite, l2.isFinite else {
    trap(
      "weightPenalty: l1 and l2 must be finite and at least 0, not \(l1) and \(l2)", file: file,
      line: line)
  }
  let chosen = container.parameters.filter { decays == .all || $0.rank >= 2 }
  guard let first = chosen.first else {
    trap("weightPenalty: the model has no such parameters", file: file, line: line)
  }
  var penalty = Tensor(0, dtype: first.dtype)
  for parameter in chosen {
    if l1 > 0 { penalty = penalty + abs(parameter).sum() * l1 }
    if l2 > 0 { penalty = penalty + (parameter * parameter).sum() * (l2 / 2) }
  }
  return penalty
}
