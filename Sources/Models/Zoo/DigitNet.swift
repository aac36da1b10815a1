import TapestryGraph
import TapestryOps

/// The digit net of Harley's visualisation: 63,802 parameters at 10 classes.
///
/// `[N, 1, 32, 32]` to logits `[N, classes]`: 6@5x5, ReLU, 2x2 max, 16@5x5, ReLU, 2x2 max, fully connected 120, 100,
/// classes with ReLU between. A. W. Harley, "An interactive node-link visualization of convolutional neural
/// networks", ISVC 2015; ReLU throughout and the full connections of conv2 are our reading.
///
/// Initialisation: PyTorch's layer default, uniform within ±1 / √fan-in, weights and biases.
public struct DigitNet: Model {
  public let conv1: Conv2d
  public let relu1 = ReLU()
  public let pool1 = MaxPool2d(2)
  public let conv2 = Conv2d(6, 16, kernel: 5)
  public let relu2 = ReLU()
  public let pool2 = MaxPool2d(2)
  public let fc1: Linear
  public let relu3 = ReLU()
  public let fc2: Linear
  public let relu4 = ReLU()
  public let fc3: Linear

  /// - Parameters:
  ///   - classes: the number of logits. Default 10.
  ///   - channels: of the input image. Default 1.
  ///   - size: height and width of the images. Default 32; the smallest square is 16x16.
  /// - Precondition: the layers fit on an image of that size.
  public init(
    classes: Int = 10, channels: Int = 1, size: Pair = 32,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    let count = featureCount(
      [Conv2d(channels, 6, kernel: 5), pool1, conv2, pool2], channels: channels, size: size)
    fc1 = Linear(count, 120)
    fc2 = Linear(120, 100)
    conv1 = Conv2d(channels, 6, kernel: 5)
    fc3 = Linear(100, classes)
    named()
    requireFit(size, channels: channels, file: file, line: line) {
      DigitNet(classes: classes, channels: channels, size: $0)
    }
  }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    var x = pool1(conv1(input, then: relu1))
    x = pool2(conv2(x, then: relu2))
    x = fc1(x.flattened(from: 1), then: relu3)
    return fc3(fc2(x, then: relu4))
  }
}
