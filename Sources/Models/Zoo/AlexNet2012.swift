import TapestryGraph
import TapestryOps

/// AlexNet as it won in 2012: two groups, contrast normalisation, overlapping pools; 60,965,224 parameters at 1,000
/// classes.
///
/// `[N, 3, 227, 227]` to logits `[N, classes]`: conv1 96@11x11 stride 4, conv2 256@5x5, conv3 384, conv4 384, conv5
/// 256@3x3; conv2, conv4 and conv5 see their own half of the channels (the two GPUs); ReLU after each, then after conv1
/// and conv2 contrast normalisation; 3x3 pools stride 2 after conv1, conv2 and conv5; dense 4096, 4096, classes.
///
/// A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet classification with deep convolutional neural networks", 2012,
/// section 3. The paper prints 224x224; its arithmetic needs 227x227.
///
/// Initialisation as in section 5: weights normal with deviation 0.01; biases 1 in conv2, conv4, conv5, fc6 and fc7, else 0.
public struct AlexNet2012: Model {
  public let conv1: Conv2d
  public let relu1 = ReLU()
  public let norm1 = LocalResponseNorm.alexNet()
  public let pool1 = MaxPool2d(3, stride: 2)
  public let conv2: Conv2d
  public let relu2 = ReLU()
  public let norm2 = LocalResponseNorm.alexNet()
  public let pool2 = MaxPool2d(3, stride: 2)
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
  ///   - size: height and width of the images. Default 227; the smallest square is 67x67.
  ///   - dropout: the probability after fc6 and fc7. Default 0.5.
  ///   - factor: of all channel counts. Default 1.
  /// - Precondition: the layers fit on an image of that size.
  public init(
    classes: Int = 1000, channels: Int = 3, size: Pair = 227, dropout: Double = 0.5,
    width factor: Double = 1, file: StaticString = #fileID, line: UInt = #line
  ) {
    let width = Width(factor, file: file, line: line)
    let small = Initializer.normal(deviation: 0.01)
    let maps = [96, 256, 384, 384, 256].map { width($0, multipleOf: 2) }
    conv1 = Conv2d(
      channels, maps[0], kernel: 11, stride: 4, initializer: small, biasInitializer: .zeros)
    conv2 = Conv2d(
      maps[0], maps[1], kernel: 5, padding: 2, groups: 2, initializer: small,
      biasInitializer: .ones)
    conv3 = Conv2d(
      maps[1], maps[2], kernel: 3, padding: 1, initializer: small, biasInitializer: .zeros)
    conv4 = Conv2d(
      maps[2], maps[3], kernel: 3, padding: 1, groups: 2, initializer: small,
      biasInitializer: .ones)
    conv5 = Conv2d(
      maps[3], maps[4], kernel: 3, padding: 1, groups: 2, initializer: small,
      biasInitializer: .ones)
    let count = featureCount(
      [conv1, pool1, conv2, pool2, conv3, conv4, conv5, pool5], channels: channels, size: size)
    let dense = width(4096)
    fc6 = Linear(count, dense, initializer: small, biasInitializer: .ones)
    drop6 = Dropout(dropout)
    fc7 = Linear(dense, dense, initializer: small, biasInitializer: .ones)
    drop7 = Dropout(dropout)
    fc8 = Linear(dense, classes, initializer: small, biasInitializer: .zeros)
    named()
    requireFit(size, channels: channels, file: file, line: line) {
      AlexNet2012(classes: classes, channels: channels, size: $0, width: factor)
    }
  }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    var x = pool1(norm1(conv1(input, then: relu1)))
    x = pool2(norm2(conv2(x, then: relu2)))
    x = conv4(conv3(x, then: relu3), then: relu4)
    x = pool5(conv5(x, then: relu5)).flattened(from: 1)
    x = drop6(fc6(x, then: relu6))
    return fc8(drop7(fc7(x, then: relu7)))
  }
}
