import TapestryGraph
import TapestryOps

/// AlexNet in one tower, as torchvision has it: 61,100,840 parameters at 1,000 classes.
///
/// `[N, 3, 224, 224]` to logits `[N, classes]`; sizes from 63x63 on, because an adaptive average pool makes the map 6x6
/// before the dense part. 64@11x11 stride 4, 192@5x5, 384, 256 and 256@3x3, ReLU after each, 3x3 pools stride 2 after
/// the first, second and last; fully connected 4096, 4096, classes.
///
/// A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014, footnote 1. Departure, as in
/// torchvision: 256 maps in the fourth layer. The net of 2012 is ``AlexNet2012``. State names are torchvision's.
///
/// Initialisation: PyTorch's layer default, uniform within ±1 / √fan-in, weights and biases; the paper gives none.
public struct AlexNet: Model {
  public let features: Sequential
  public let avgpool = AdaptiveAveragePool2d(6)
  public let classifier: Sequential

  /// - Parameters:
  ///   - classes: the number of logits. Default 1,000.
  ///   - channels: of the input image. Default 3.
  ///   - dropout: the probability before the first two dense layers. Default 0.5.
  ///   - width: a factor of all channel counts. Default 1.
  public init(
    classes: Int = 1000, channels: Int = 3, dropout: Double = 0.5, width: Double = 1,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    let width = Width(width, file: file, line: line)
    features = Sequential(
      Conv2d(channels, width(64), kernel: 11, stride: 4, padding: 2), ReLU(),
      MaxPool2d(3, stride: 2),
      Conv2d(width(64), width(192), kernel: 5, padding: 2), ReLU(),
      MaxPool2d(3, stride: 2),
      Conv2d(width(192), width(384), kernel: 3, padding: 1), ReLU(),
      Conv2d(width(384), width(256), kernel: 3, padding: 1), ReLU(),
      Conv2d(width(256), width(256), kernel: 3, padding: 1), ReLU(),
      MaxPool2d(3, stride: 2))
    classifier = Sequential(
      Dropout(dropout), Linear(width(256) * 36, width(4096)), ReLU(),
      Dropout(dropout), Linear(width(4096), width(4096)), ReLU(),
      Linear(width(4096), classes))
    named()
  }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    classifier(avgpool(features(input)).flattened(from: 1))
  }
}
