import TapestryGraph
import TapestryOps

/// The all-convolutional net for CIFAR-10: convolutions with stride 2 take the place of pools; 1,369,738 parameters at
/// 10 classes.
///
/// `[N, 3, 32, 32]` to logits `[N, classes]`, sizes from 9x9 on: 96@3x3 twice and once with stride 2, 192@3x3 twice and once
/// with stride 2, 192@3x3 without padding, 192@1x1, classes@1x1, ReLU after each, the mean of each map; dropout 0.2 on
/// the image and 0.5 after each strided convolution.
///
/// J. T. Springenberg, A. Dosovitskiy, T. Brox, M. Riedmiller, "Striving for simplicity: the all convolutional net",
/// 2014, All-CNN-C of tables 1 and 2. Departure: no ReLU after the last convolution, so that logits may be negative.
///
/// Initialisation: weights normal of variance 2 / fan-in (He), those of the last layer uniform within ±1 / √fan-in,
/// biases 0; the paper gives none.
public struct AllConvNet: Model {
  public let features: Sequential
  public let classifier: Sequential

  /// - Parameters:
  ///   - classes: the number of logits. Default 10.
  ///   - channels: of the input image. Default 3.
  ///   - inputDropout: the probability for values of the image. Default 0.2.
  ///   - dropout: the probability after the strided convolutions. Default 0.5.
  ///   - width: a factor of all channel counts. Default 1.
  public init(
    classes: Int = 10, channels: Int = 3, inputDropout: Double = 0.2, dropout: Double = 0.5,
    width: Double = 1, file: StaticString = #fileID, line: UInt = #line
  ) {
    let width = Width(width, file: file, line: line)
    func conv(
      _ inputs: Int, _ outputs: Int, kernel: Pair = 3, stride: Pair = 1, padding: Padding2d = 1
    ) -> Conv2d {
      Conv2d(
        inputs, outputs, kernel: kernel, stride: stride, padding: padding, initializer: .he(),
        biasInitializer: .zeros)
    }
    let (few, many) = (width(96), width(192))
    features = Sequential(
      Dropout(inputDropout),
      conv(channels, few), ReLU(), conv(few, few), ReLU(), conv(few, few, stride: 2), ReLU(),
      Dropout(dropout),
      conv(few, many), ReLU(), conv(many, many), ReLU(), conv(many, many, stride: 2), ReLU(),
      Dropout(dropout),
      conv(many, many, padding: 0), ReLU(), conv(many, many, kernel: 1, padding: 0), ReLU())
    classifier = Sequential(
      Conv2d(many, classes, kernel: 1, biasInitializer: .zeros), AdaptiveAveragePool2d(1))
    named()
  }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    classifier(features(input)).flattened(from: 1)
  }
}
