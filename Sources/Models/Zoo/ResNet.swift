import TapestryGraph
import TapestryOps

/// The residual nets for ImageNet: 11,689,512 (18 layers) to 60,192,808 parameters (152) at 1,000 classes.
///
/// `[N, 3, 224, 224]` to logits `[N, classes]`, any size from 1x1 on: 7x7 convolution stride 2, batch normalisation,
/// ReLU, 3x3 max pool stride 2, four groups of residual blocks with 64, 128, 256 and 512 maps (four times as many after a
/// bottleneck), halving the size from group to group, the mean of each map, one dense layer.
///
/// K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", 2015, table 1, shortcuts of option B.
/// Departure, as in torchvision: bottlenecks have the stride in the 3x3 convolution, not in the first 1x1. State names
/// are torchvision's.
///
/// Initialisation as in torchvision: convolutions normal of variance 2 / fan-out (He), batch normalisation 1 and 0, the
/// dense layer uniform within ±1 / √fan-in.
public struct ResNet: Model {
  /// How many layers have weights.
  public enum Depth: Int, Sendable, CaseIterable {
    case resNet18 = 18
    case resNet34 = 34
    case resNet50 = 50
    case resNet101 = 101
    case resNet152 = 152

    /// The number of blocks in each of the four groups.
    var groups: [Int] {
      switch self {
      case .resNet18: [2, 2, 2, 2]
      case .resNet34, .resNet50: [3, 4, 6, 3]
      case .resNet101: [3, 4, 23, 3]
      case .resNet152: [3, 8, 36, 3]
      }
    }

    /// Whether blocks are bottlenecks.
    var isBottleneck: Bool { rawValue >= 50 }
  }

  public let conv1: Conv2d
  public let bn1: BatchNorm2d
  public let relu = ReLU()
  public let maxpool: MaxPool2d?
  public let layer1: Sequential
  public let layer2: Sequential
  public let layer3: Sequential
  public let layer4: Sequential
  public let avgpool = AdaptiveAveragePool2d(1)
  public let fc: Linear

  /// - Parameters:
  ///   - depth: which of the nets.
  ///   - classes: the number of logits. Default 1,000.
  ///   - channels: of the input image. Default 3.
  ///   - stem: with `.cifar` the first convolution is 3x3 with stride 1, and no pool follows it.
  ///   - width: a factor of all channel counts. Default 1.
  public init(
    _ depth: Depth, classes: Int = 1000, channels: Int = 3, stem: Stem = .imageNet,
    width: Double = 1, file: StaticString = #fileID, line: UInt = #line
  ) {
    let width = Width(width, file: file, line: line)
    let first = width(64)
    switch stem {
    case .imageNet:
      conv1 = residualConv(channels, first, kernel: 7, stride: 2, padding: 3)
      maxpool = MaxPool2d(3, stride: 2, padding: 1)
    case .cifar:
      conv1 = residualConv(channels, first, kernel: 3, padding: 1)
      maxpool = nil
    }
    bn1 = BatchNorm2d(first)
    var inputs = first
    var groups: [Sequential] = []
    for (group, count) in depth.groups.enumerated() {
      let maps = width(64 << group)
      var blocks: [any Model] = []
      for index in 0..<count {
        let stride: Pair = group > 0 && index == 0 ? 2 : 1
        if depth.isBottleneck {
          blocks.append(Bottleneck(inputs, maps, stride: stride))
          inputs = maps * Bottleneck.expansion
        } else {
          blocks.append(BasicBlock(inputs, maps, stride: stride))
          inputs = maps
        }
      }
      groups.append(Sequential(blocks))
    }
    layer1 = groups[0]
    layer2 = groups[1]
    layer3 = groups[2]
    layer4 = groups[3]
    fc = Linear(inputs, classes)
    named()
  }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    var x = conv1(input, then: bn1, relu)
    if let maxpool { x = maxpool(x) }
    x = layer4(layer3(layer2(layer1(x))))
    return fc(avgpool(x).flattened(from: 1))
  }
}

/// Two 3x3 convolutions beside a shortcut: relu(x + bn2(conv2(relu(bn1(conv1(x)))))).
///
/// Where the shape changes, the shortcut is a 1x1 convolution with batch normalisation.
public struct BasicBlock: Layer {
  public let conv1: Conv2d
  public let bn1: BatchNorm2d
  public let relu = ReLU()
  public let conv2: Conv2d
  public let bn2: BatchNorm2d
  public let downsample: Sequential?
  public let origin: LayerOrigin

  /// - Parameters:
  ///   - inputs: channels of the input.
  ///   - maps: channels of the output.
  ///   - stride: of the first convolution and of the shortcut. Default 1.
  public init(
    _ inputs: Int, _ maps: Int, stride: Pair = 1, file: StaticString = #fileID, line: UInt = #line
  ) {
    conv1 = residualConv(inputs, maps, kernel: 3, stride: stride, padding: 1)
    bn1 = BatchNorm2d(maps)
    conv2 = residualConv(maps, maps, kernel: 3, padding: 1)
    bn2 = BatchNorm2d(maps)
    downsample = projection(inputs, maps, stride)
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    let x = conv1(input, then: bn1, relu)
    return conv2(x, then: bn2, adding: downsample?(input) ?? input, relu)
  }
}

/// A 3x3 convolution between two 1x1 ones, the last of which makes four times as many maps, beside a shortcut.
///
/// Where the shape changes, the shortcut is a 1x1 convolution with batch normalisation. The stride is that of the 3x3.
public struct Bottleneck: Layer {
  /// Channels of the output over those of the 3x3 convolution.
  public static let expansion = 4

  public let conv1: Conv2d
  public let bn1: BatchNorm2d
  public let conv2: Conv2d
  public let bn2: BatchNorm2d
  public let conv3: Conv2d
  public let bn3: BatchNorm2d
  public let relu = ReLU()
  public let downsample: Sequential?
  public let origin: LayerOrigin

  /// - Parameters:
  ///   - inputs: channels of the input.
  ///   - maps: channels of the 3x3 convolution; the output has four times as many.
  ///   - stride: of the 3x3 convolution and of the shortcut. Default 1.
  public init(
    _ inputs: Int, _ maps: Int, stride: Pair = 1, file: StaticString = #fileID, line: UInt = #line
  ) {
    let outputs = maps * Self.expansion
    conv1 = residualConv(inputs, maps, kernel: 1)
    bn1 = BatchNorm2d(maps)
    conv2 = residualConv(maps, maps, kernel: 3, stride: stride, padding: 1)
    bn2 = BatchNorm2d(maps)
    conv3 = residualConv(maps, outputs, kernel: 1)
    bn3 = BatchNorm2d(outputs)
    downsample = projection(inputs, outputs, stride)
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    let x = conv2(conv1(input, then: bn1, relu), then: bn2, relu)
    return conv3(x, then: bn3, adding: downsample?(input) ?? input, relu)
  }
}

/// A convolution without bias, of variance 2 / fan-out.
private func residualConv(
  _ inputs: Int, _ outputs: Int, kernel: Pair, stride: Pair = 1, padding: Padding2d = 0
) -> Conv2d {
  Conv2d(
    inputs, outputs, kernel: kernel, stride: stride, padding: padding, bias: false,
    initializer: .he(.normal, fan: .output))
}

/// What makes a shortcut fit, where it does not (option B of the paper).
private func projection(_ inputs: Int, _ outputs: Int, _ stride: Pair) -> Sequential? {
  guard inputs != outputs || stride != 1 else { return nil }
  return Sequential(
    residualConv(inputs, outputs, kernel: 1, stride: stride), BatchNorm2d(outputs))
}
