import TapestryGraph
import TapestryOps

/// SqueezeNet 1.1: 1,235,496 parameters at 1,000 classes.
///
/// `[N, 3, 224, 224]` to logits `[N, classes]`, sizes from 25x25 on: 64@3x3 stride 2, eight fire modules with three 3x3
/// pools stride 2 that round up, a 1x1 convolution to the classes, ReLU, the mean of each map. The logits are never negative.
///
/// F. N. Iandola, S. Han, M. W. Moskewicz, K. Ashraf, W. J. Dally, K. Keutzer, "SqueezeNet: AlexNet-level accuracy with
/// 50x fewer parameters and <0.5MB model size", 2016; version 1.1 of the authors pools earlier. State names are
/// torchvision's.
///
/// Initialisation as in torchvision: uniform of variance 2 / fan-in (He), the last convolution normal with deviation
/// 0.01, biases 0.
public struct SqueezeNet: Model {
  public let features: Sequential
  public let classifier: Sequential

  /// - Parameters:
  ///   - classes: the number of logits. Default 1,000.
  ///   - channels: of the input image. Default 3.
  ///   - dropout: the probability before the last convolution. Default 0.5.
  ///   - width: a factor of all channel counts. Default 1.
  public init(
    classes: Int = 1000, channels: Int = 3, dropout: Double = 0.5, width: Double = 1,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    let width = Width(width, file: file, line: line)
    func fire(_ inputs: Int, _ squeezed: Int, _ expanded: Int) -> Fire {
      Fire(2 * width(inputs / 2), squeezed: width(squeezed), expanded: width(expanded))
    }
    features = Sequential(
      Conv2d(
        channels, 2 * width(32), kernel: 3, stride: 2, initializer: .he(.uniform),
        biasInitializer: .zeros),
      ReLU(), MaxPool2d(3, stride: 2, ceilMode: true),
      fire(64, 16, 64), fire(128, 16, 64), MaxPool2d(3, stride: 2, ceilMode: true),
      fire(128, 32, 128), fire(256, 32, 128), MaxPool2d(3, stride: 2, ceilMode: true),
      fire(256, 48, 192), fire(384, 48, 192), fire(384, 64, 256), fire(512, 64, 256))
    classifier = Sequential(
      Dropout(dropout),
      Conv2d(
        2 * width(256), classes, kernel: 1, initializer: .normal(deviation: 0.01),
        biasInitializer: .zeros),
      ReLU(), AdaptiveAveragePool2d(1))
    named()
  }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    classifier(features(input)).flattened(from: 1)
  }
}

/// A fire module: few 1x1 filters, then as many 1x1 as 3x3 ones, whose maps are put one after the other.
public struct Fire: Layer {
  public let squeeze: Conv2d
  public let squeezeActivation = ReLU()
  public let expand1x1: Conv2d
  public let expand1x1Activation = ReLU()
  public let expand3x3: Conv2d
  public let expand3x3Activation = ReLU()
  public let origin: LayerOrigin

  /// - Parameters:
  ///   - inputs: channels of the input.
  ///   - squeezed: channels between.
  ///   - expanded: channels of each half of the result.
  public init(
    _ inputs: Int, squeezed: Int, expanded: Int, file: StaticString = #fileID, line: UInt = #line
  ) {
    squeeze = Conv2d(
      inputs, squeezed, kernel: 1, initializer: .he(.uniform), biasInitializer: .zeros)
    expand1x1 = Conv2d(
      squeezed, expanded, kernel: 1, initializer: .he(.uniform), biasInitializer: .zeros)
    expand3x3 = Conv2d(
      squeezed, expanded, kernel: 3, padding: 1, initializer: .he(.uniform),
      biasInitializer: .zeros)
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    let x = squeeze(input, then: squeezeActivation)
    return concatenate(
      [expand1x1(x, then: expand1x1Activation), expand3x3(x, then: expand3x3Activation)],
      along: 1, file: file, line: line)
  }

  public var members: ModelMembers {
    var members = ModelMembers()
    members.add("squeeze", squeeze)
    members.add("squeeze_activation", squeezeActivation)
    members.add("expand1x1", expand1x1)
    members.add("expand1x1_activation", expand1x1Activation)
    members.add("expand3x3", expand3x3)
    members.add("expand3x3_activation", expand3x3Activation)
    members.add(origin)
    return members
  }
}
