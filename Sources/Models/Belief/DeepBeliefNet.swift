import TapestryGraph
import TapestryOps

/// Convolutional restricted Boltzmann machines one above the other: each sees the pooled units of the one below.
///
/// Trained greedily, layer by layer, without labels. Names: `layers.0.weight`, ... The call gives the topmost pooled
/// probabilities. H. Lee et al., ICML 2009, section 3.5.
public struct DeepBeliefNet: Model {
  public let layers: [ConvolutionalRBM]

  /// - Precondition: at least one layer, each with as many channels as the layer below has groups.
  public init(
    _ layers: [ConvolutionalRBM], file: StaticString = #fileID, line: UInt = #line
  ) {
    guard !layers.isEmpty else {
      trap("DeepBeliefNet: at least one layer is needed", file: file, line: line)
    }
    for (index, (below, above)) in zip(layers, layers.dropFirst()).enumerated()
    where below.weight.shape[0] != above.weight.shape[1] {
      trap(
        "DeepBeliefNet: layer \(index) has \(below.weight.shape[0]) groups, but layer \(index + 1) sees"
          + " \(above.weight.shape[1]) channels", file: file, line: line)
    }
    self.layers = layers
    named()
  }

  public func callAsFunction(_ input: Tensor) -> Tensor { layers.reduce(input) { $1($0) } }

  /// Whether images of this size suit every layer: filters fit, and pools divide what they leave.
  public func takes(height: Int, width: Int) -> Bool {
    var size = (height: height, width: width)
    for layer in layers {
      let (kernel, pooling) = (layer.weight.shape[2], layer.pooling)
      size = (size.height - kernel + 1, size.width - kernel + 1)
      guard size.height > 0, size.width > 0, size.height % pooling == 0, size.width % pooling == 0
      else { return false }
      size = (size.height / pooling, size.width / pooling)
    }
    return true
  }

  /// What layer `index` sees for these images: the images themselves for the first.
  public func input(ofLayer index: Int, for images: Tensor) -> Tensor {
    layers.prefix(index).reduce(images) { $1($0) }
  }

  /// What each group of a layer looks for, as pictures `[K, C, h, w]` in the space of the images: its filter; above the
  /// first layer the sum of the pictures of the layer below, weighted by the filter and placed where the pooled units
  /// lie.
  public func pictures(ofLayer index: Int) -> Tensor {
    withoutGradients {
      var pictures = layers[index].weight.value
      for layer in layers.prefix(index).reversed() {
        // A pooled unit stands for any unit of its block: it is drawn at the block's first.
        pictures = convTranspose2d(pictures, layer.weight, stride: Pair(layer.pooling))
      }
      return pictures
    }
  }
}
