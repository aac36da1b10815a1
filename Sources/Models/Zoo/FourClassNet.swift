import TapestryGraph
import TapestryOps

/// The net that tells dog, cat, boat and bird apart, of a well-known introduction: 8,128 parameters at 4 classes.
///
/// `[N, 3, 32, 32]` to logits `[N, classes]`: 3@5x5, ReLU, 2x2 max, 6@5x5, ReLU, 2x2 max, fully connected 48, ReLU, classes.
/// U. Karn, "An intuitive explanation of convolutional neural networks", 2016; the size of images and filters and the 48
/// units are our reading of its pictures.
///
/// Initialisation: PyTorch's layer default, uniform within ±1 / √fan-in, weights and biases.
public struct FourClassNet: Model {
  public let conv1: Conv2d
  public let relu1 = ReLU()
  public let pool1 = MaxPool2d(2)
  public let conv2: Conv2d
  public let relu2 = ReLU()
  public let pool2 = MaxPool2d(2)
  public let fc1: Linear
  public let relu3 = ReLU()
  public let fc2: Linear

  /// - Parameters:
  ///   - classes: the number of logits. Default 4.
  ///   - channels: of the input image. Default 3.
  ///   - size: height and width of the images. Default 32; the smallest square is 16x16.
  /// - Precondition: the layers fit on an image of that size.
  public init(
    classes: Int = 4, channels: Int = 3, size: Pair = 32,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    conv1 = Conv2d(channels, 3, kernel: 5)
    conv2 = Conv2d(3, 6, kernel: 5)
    fc1 = Linear(featureCount([conv1, pool1, conv2, pool2], channels: channels, size: size), 48)
    fc2 = Linear(48, classes)
    named()
    requireFit(size, channels: channels, file: file, line: line) {
      FourClassNet(classes: classes, channels: channels, size: $0)
    }
  }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    var x = pool1(conv1(input, then: relu1))
    x = pool2(conv2(x, then: relu2))
    return fc2(fc1(x.flattened(from: 1), then: relu3))
  }
}
