import TapestryDatasets
import TapestryGraph
import TapestryModels
import TapestryOps
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
  /// The progress of the training of a layer.
  public struct Progress: Sendable {
    /// From 1.
    public let epoch: Int
    public let epochs: Int
    /// Steps of the epoch that are done.
    public let step: Int
    public let steps: Int
    /// The mean squared difference between what the layer saw and what it made of that, over the epoch so far.
    public let reconstructionError: Double
    public var isEndOfEpoch: Bool { step == steps }
  }

  public let net: DeepBeliefNet
  /// Size of the first steps; it falls in a straight line to 0 at the end. Default 0.05.
  public var learningRate: Double
  /// Default 0.9.
  public var momentum: Double
  /// Pulls the filters, not the biases, to 0. Default 1e-3.
  public var weightDecay: Double
  /// How often a hidden unit should be on. Default 0.02.
  public var sparsity: Double
  /// How strongly the biases are drawn to that. Default 5.
  public var sparsityWeight: Double
  /// What turns a batch into what the first layer sees, such as `whitened(_:cutoff:)`. Default: nothing.
  public var preparation: (Tensor) -> Tensor
  /// Checked between steps: whether to stop.
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

  /// Trains one layer. Its visible biases begin where the machine without hidden units would have them, at the mean of
  /// what it sees (G. Hinton, "A practical guide to training restricted Boltzmann machines", 2012, section 8): filters need
  /// not learn that.
  ///
  /// - Parameter report: told after each step how far it is.
  /// - Precondition: the layer exists; the images suit the layers, `net.takes(height:width:)`.
  public func train(
    layer index: Int, on loader: BatchLoader, epochs: Int,
    report: (Progress) throws -> Void, file: StaticString = #fileID, line: UInt = #line
  ) rethrows {
    guard net.layers.indices.contains(index) else {
      trap(
        "GreedyTraining: there is no layer \(index) among \(net.layers.count)", file: file,
        line: line)
    }
    let layer = net.layers[index]
    beginAtMean(layer, index, loader)
    let optimizer = SGD(
      layer, learningRate: learningRate, momentum: momentum, weightDecay: weightDecay)
    optimizer.adjust(where: { $0.name.hasSuffix("Bias") }, weightDecay: 0)
    let steps = loader.batchCount
    for epoch in 0..<epochs {
      var sum = 0.0
      for (step, batch) in loader.epoch(epoch).enumerated() {
        if stopRequest?.isRequested == true { return }
        let visible = withoutGradients {
          net.input(ofLayer: index, for: preparation(batch.images))
        }
        let done = Double(epoch * steps + step) / Double(max(epochs * steps, 1))
        optimizer.learningRate = learningRate * (1 - done)
        let divergence = layer.contrastiveDivergence(
          of: visible, sparsity: sparsity, sparsityWeight: sparsityWeight)
        optimizer.update(along: divergence.gradients())
        sum += layer.reconstructionError(of: visible)
        try report(
          Progress(
            epoch: epoch + 1, epochs: epochs, step: step + 1, steps: steps,
            reconstructionError: sum / Double(step + 1)))
      }
    }
  }

  /// Trains one layer without telling how far it is.
  public func train(
    layer index: Int, on loader: BatchLoader, epochs: Int, file: StaticString = #fileID,
    line: UInt = #line
  ) {
    train(layer: index, on: loader, epochs: epochs, report: { _ in }, file: file, line: line)
  }

  private func beginAtMean(_ layer: ConvolutionalRBM, _ index: Int, _ loader: BatchLoader) {
    var sum = Tensor.zeros([layer.visibleBias.count], dtype: layer.visibleBias.dtype)
    var count = 0
    for batch in loader.epoch(0).prefix(8) {
      let seen = withoutGradients { net.input(ofLayer: index, for: preparation(batch.images)) }
      sum = sum + seen.mean(along: 0, 2, 3)
      count += 1
    }
    guard count > 0 else { return }
    let mean = sum * (1 / Double(count))
    guard layer.visible == .binary else {
      layer.visibleBias.value = mean
      return
    }
    let share = clip(mean, min: 0.001, max: 0.999)
    layer.visibleBias.value = log(share / (1 - share))
  }
}
