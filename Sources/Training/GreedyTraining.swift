import TapestryDatasets
import TapestryGraph
import TapestryModels
import TapestryOptim

/// Trains the layers of a deep belief net one after the other, by contrastive divergence.
///
/// ```swift
/// let net = DeepBeliefNet([ConvolutionalRBM(1, 24, kernel: 5), ConvolutionalRBM(24, 40, kernel: 5)])
/// for layer in net.layers.indices {
///   GreedyTraining(net).train(layer: layer, on: loader, epochs: 10)
/// }
/// ```
///
/// A layer is trained with the layers below as they are. The same random source gives the same filters again, bit for
/// bit.
public struct GreedyTraining {
  public let net: DeepBeliefNet
  /// Size of the steps. Default 0.05.
  public var learningRate: Double
  /// Default 0.9.
  public var momentum: Double
  /// Pulls the filters, not the biases, to 0. Default 1e-3.
  public var weightDecay: Double
  /// How often a hidden unit should be on. Default 0.02.
  public var sparsity: Double
  /// How strongly the biases are drawn to that. Default 5.
  public var sparsityWeight: Double
  /// What turns a batch into what the first layer sees, such as `locallyNormalized(_:radius:)`. Default: nothing.
  public var preparation: (Tensor) -> Tensor
  /// Asked between steps whether to stop.
  public var stopRequest: StopRequest?

  public init(
    _ net: DeepBeliefNet, learningRate: Double = 0.05, momentum: Double = 0.9,
    weightDecay: Double = 1e-3, sparsity: Double = 0.02, sparsityWeight: Double = 5,
    preparation: @escaping (Tensor) -> Tensor = { $0 }, stopRequest: StopRequest? = nil
  ) {
    self.net = net
    self.learningRate = learningRate
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.sparsity = sparsity
    self.sparsityWeight = sparsityWeight
    self.preparation = preparation
    self.stopRequest = stopRequest
  }

  /// Trains one layer.
  ///
  /// - Parameter report: told after each epoch its number, from 1, and the mean reconstruction error.
  /// - Precondition: the layer exists.
  public func train(
    layer index: Int, on loader: BatchLoader, epochs: Int,
    report: (_ epoch: Int, _ reconstructionError: Double) -> Void = { _, _ in }
  ) {
    let layer = net.layers[index]
    let optimizer = SGD(
      layer, learningRate: learningRate, momentum: momentum, weightDecay: weightDecay)
    optimizer.adjust(where: { $0.name.hasSuffix("Bias") }, weightDecay: 0)
    for epoch in 0..<epochs {
      var (sum, batches) = (0.0, 0)
      for batch in loader.epoch(epoch) {
        if stopRequest?.isRequested == true { return }
        let visible = withoutGradients {
          net.input(ofLayer: index, for: preparation(batch.images))
        }
        let divergence = layer.contrastiveDivergence(
          of: visible, sparsity: sparsity, sparsityWeight: sparsityWeight)
        optimizer.update(along: divergence.gradients())
        sum += layer.reconstructionError(of: visible)
        batches += 1
      }
      report(epoch + 1, sum / Double(max(batches, 1)))
    }
  }
}
