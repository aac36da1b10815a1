import TapestryGraph
import TapestryOps

/// The very deep nets of 3x3 convolutions: 132,863,336 (11 layers) to 143,667,240 parameters (19) at 1,000 classes.
///
/// `[N, 3, 224, 224]` to logits `[N, classes]`: five groups of 3x3 convolutions with 64, 128, 256, 512 and 512 maps,
/// ReLU after each, 2x2 max pools after each group; fully connected 4096, 4096, classes. Sizes from 32x32 on: an
/// adaptive average pool makes the map 7x7 before the dense part.
///
/// K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014, table 1,
/// configurations A, B, D and E. Batch normalisation after each convolution is torchvision's addition. State names are
/// torchvision's.
///
/// Initialisation as in torchvision: convolutions normal of variance 2 / fan-out (He), dense layers normal with
/// deviation 0.01, biases 0. The paper grows deeper nets from trained shallower ones.
public struct VGG: Model {
  /// How many layers have weights.
  public enum Depth: Int, Sendable, CaseIterable {
    case vgg11 = 11
    case vgg13 = 13
    case vgg16 = 16
    case vgg19 = 19

    /// The number of convolutions in each of the five groups.
    var groups: [Int] {
      switch self {
      case .vgg11: [1, 1, 2, 2, 2]
      case .vgg13: [2, 2, 2, 2, 2]
      case .vgg16: [2, 2, 3, 3, 3]
      case .vgg19: [2, 2, 4, 4, 4]
      }
    }
  }

  public let features: Sequential
  public let avgpool: AdaptiveAveragePool2d
  public let classifier: Sequential

  /// - Parameters:
  ///   - depth: which of the nets.
  ///   - batchNorm: whether batch normalisation follows each convolution. Default false.
  ///   - classes: the number of logits. Default 1,000.
  ///   - channels: of the input image. Default 3.
  ///   - stem: with `.cifar` the map is averaged to one pixel and the dense layers have 512 units (Liu and Deng, "Very
  ///     deep convolutional neural network based image classification using small training sample size", 2015).
  ///   - dropout: the probability after the first two dense layers. Default 0.5.
  ///   - width: a factor of all channel counts. Default 1.
  public init(
    _ depth: Depth, batchNorm: Bool = false, classes: Int = 1000, channels: Int = 3,
    stem: Stem = .imageNet, dropout: Double = 0.5, width: Double = 1,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    let width = Width(width, file: file, line: line)
    var layers: [any Model] = []
    var inputs = channels
    for (group, count) in depth.groups.enumerated() {
      let outputs = width(min(64 << group, 512))
      for _ in 0..<count {
        layers.append(
          Conv2d(
            inputs, outputs, kernel: 3, padding: 1, initializer: .he(.normal, fan: .output),
            biasInitializer: .zeros))
        if batchNorm { layers.append(BatchNorm2d(outputs)) }
        layers.append(ReLU())
        inputs = outputs
      }
      layers.append(MaxPool2d(2))
    }
    features = Sequential(layers)
    let side = stem == .imageNet ? 7 : 1
    let dense = width(stem == .imageNet ? 4096 : 512)
    avgpool = AdaptiveAveragePool2d(Pair(side))
    func linear(_ inputs: Int, _ outputs: Int) -> Linear {
      Linear(
        inputs, outputs, initializer: .normal(deviation: 0.01), biasInitializer: .zeros)
    }
    classifier = Sequential(
      linear(inputs * side * side, dense), ReLU(), Dropout(dropout),
      linear(dense, dense), ReLU(), Dropout(dropout),
      linear(dense, classes))
    named()
  }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    classifier(avgpool(features(input)).flattened(from: 1))
  }
}
