import TapestryGraph
import TapestryOps

/// The net of Zeiler and Fergus that won in 2013: 62,357,608 parameters at 1,000 classes.
///
/// `[N, 3, 224, 224]` to logits `[N, classes]`: conv1 96@7x7 stride 2, conv2 256@5x5 stride 2, conv3 384, conv4 384,
/// conv5 256@3x3, ReLU after each; 3x3 pools stride 2 after conv1, conv2 and conv5, the first two rounding up and
/// followed by contrast normalisation; dense 4096, 4096, classes with dropout.
///
/// M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", 2013, figure 3. The constants of
/// the normalisation are AlexNet's; the paper names none.
///
/// Initialisation as in section 3: weights 10⁻², read as normal with that deviation; biases 0.
public struct ZFNet: Model {
  public let conv1: Conv2d
  public let relu1 = ReLU()
  public let pool1 = MaxPool2d(3, stride: 2, ceilMode: true)
  public let norm1 = LocalResponseNorm.alexNet()
  public let conv2: Conv2d
  public let relu2 = ReLU()
  public let pool2 = MaxPool2d(3, stride: 2, ceilMode: true)
  public let norm2 = LocalResponseNorm.alexNet()
  public let conv3: Conv2d
  public let relu3 = ReLU()
  public let conv4: Conv2d
  public let relu4 = ReLU()
  public let conv5: Conv2d
  public let relu5 = ReLU()
  public let pool5 = MaxPool2d(3, stride: 2)
  public let fc6: Linear
  public let relu6 = ReLU()
  public let drop6: Dropout
  public let fc7: Linear
  public let relu7 = ReLU()
  public let drop7: Dropout
  public let fc8: Linear

  /// - Parameters:
  ///   - classes: the number of logits. Default 1,000.
  ///   - channels: of the input image. Default 3.
  ///   - size: height and width of the images. Default 224.
  ///   - dropout: the probability after fc6 and fc7. Default 0.5.
  ///   - factor: of all channel counts. Default 1.
  /// - Precondition: the layers fit on an image of that size.
  public init(
    classes: Int = 1000, channels: Int = 3, size: Pair = 224, dropout: Double = 0.5,
    width factor: Double = 1, file: StaticString = #fileID, line: UInt = #line
  ) {
    let width = Width(factor, file: file, line: line)
    let small = Initializer.normal(deviation: 0.01)
    func conv(
      _ inputs: Int, _ outputs: Int, _ kernel: Pair, stride: Pair = 1, padding: Padding2d
    ) -> Conv2d {
      Conv2d(
        inputs, outputs, kernel: kernel, stride: stride, padding: padding, initializer: small,
        biasInitializer: .zeros)
    }
    conv1 = conv(channels, width(96), 7, stride: 2, padding: 1)
    conv2 = conv(width(96), width(256), 5, stride: 2, padding: 0)
    conv3 = conv(width(256), width(384), 3, padding: 1)
    conv4 = conv(width(384), width(384), 3, padding: 1)
    conv5 = conv(width(384), width(256), 3, padding: 1)
    let count = featureCount(
      [conv1, pool1, conv2, pool2, conv3, conv4, conv5, pool5], channels: channels, size: size)
    let dense = width(4096)
    fc6 = Linear(count, dense, initializer: small, biasInitializer: .zeros)
    drop6 = Dropout(dropout)
    fc7 = Linear(dense, dense, initializer: small, biasInitializer: .zeros)
    drop7 = Dropout(dropout)
    fc8 = Linear(dense, classes, initializer: small, biasInitializer: .zeros)
    named()
    requireFit(size, channels: channels, file: file, line: line) {
      ZFNet(classes: classes, channels: channels, size: $0, width: factor)
    }
  }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    var x = norm1(pool1(conv1(input, then: relu1)))
    x = norm2(pool2(conv2(x, then: relu2)))
    x = conv4(conv3(x, then: relu3), then: relu4)
    x = pool5(conv5(x, then: relu5)).flattened(from: 1)
    x = drop6(fc6(x, then: relu6))
    return fc8(drop7(fc7(x, then: relu7)))
  }
}
