import TapestryGraph
import TapestryOps

/// The residual nets for CIFAR-10: 0.27 million (20 layers) to 1.7 million parameters (110) at 10 classes.
///
/// `[N, 3, 32, 32]` to logits `[N, classes]`, any size from 1x1 on: a 3x3 convolution, three groups of n blocks of two 3x3
/// convolutions with 16, 32 and 64 maps, halving the size from group to group, the mean of each map, one dense layer:
/// 6n + 2 layers. Shortcuts have no parameters: every second pixel, and zeros for the new channels (option A).
///
/// K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", 2015, section 4.2.
///
/// Initialisation: convolutions normal of variance 2 / fan-in (He et al., "Delving deep into rectifiers", 2015, which
/// the paper adopts), batch normalisation 1 and 0, the dense layer normal with deviation 0.01 and bias 0: the sums of
/// 54 blocks are large, and wider weights would start far from ln(classes).
public struct CIFARResNet: Model {
  public let conv1: Conv2d
  public let bn1: BatchNorm2d
  public let relu = ReLU()
  public let layer1: Sequential
  public let layer2: Sequential
  public let layer3: Sequential
  public let avgpool = AdaptiveAveragePool2d(1)
  public let fc: Linear

  /// - Parameters:
  ///   - depth: layers with weights: 20, 32, 44, 56, 110 in the paper.
  ///   - classes: the number of logits. Default 10.
  ///   - channels: of the input image. Default 3.
  ///   - width: a factor of all channel counts. Default 1.
  /// - Precondition: `depth` is 6n + 2, n at least 1.
  public init(
    depth: Int, classes: Int = 10, channels: Int = 3, width: Double = 1,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    guard depth >= 8, (depth - 2) % 6 == 0 else {
      trap(
        "CIFARResNet: the depth is 6n + 2, such as 20, 32, 44, 56 or 110, not \(depth)",
        file: file, line: line)
    }
    let width = Width(width, file: file, line: line)
    conv1 = PlainShortcutBlock.conv(channels, width(16), stride: 1)
    bn1 = BatchNorm2d(width(16))
    var inputs = width(16)
    var groups: [Sequential] = []
    for group in 0..<3 {
      let maps = width(16 << group)
      var blocks: [any Model] = []
      for index in 0..<(depth - 2) / 6 {
        blocks.append(PlainShortcutBlock(inputs, maps, stride: group > 0 && index == 0 ? 2 : 1))
        inputs = maps
      }
      groups.append(Sequential(blocks))
    }
    layer1 = groups[0]
    layer2 = groups[1]
    layer3 = groups[2]
    fc = Linear(
      inputs, classes, initializer: .normal(deviation: 0.01), biasInitializer: .zeros)
    named()
  }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    let x = layer3(layer2(layer1(conv1(input, then: bn1, relu))))
    return fc(avgpool(x).flattened(from: 1))
  }
}

/// Two 3x3 convolutions beside a shortcut without parameters: where the shape changes, it takes every second pixel and
/// adds channels of zeros behind (option A of the paper).
public struct PlainShortcutBlock: Layer {
  public let conv1: Conv2d
  public let bn1: BatchNorm2d
  public let relu = ReLU()
  public let conv2: Conv2d
  public let bn2: BatchNorm2d
  public let stride: Int
  /// Channels of zeros that the shortcut adds.
  public let addedChannels: Int
  public let origin: LayerOrigin

  /// - Parameters:
  ///   - inputs: channels of the input.
  ///   - maps: channels of the output.
  ///   - stride: of the first convolution and of the shortcut.
  /// - Precondition: `maps` is at least `inputs`.
  public init(
    _ inputs: Int, _ maps: Int, stride: Int = 1, file: StaticString = #fileID, line: UInt = #line
  ) {
    guard maps >= inputs else {
      trap(
        "PlainShortcutBlock: a shortcut of zeros cannot make \(maps) channels of \(inputs)",
        file: file, line: line)
    }
    conv1 = Self.conv(inputs, maps, stride: Pair(stride))
    bn1 = BatchNorm2d(maps)
    conv2 = Self.conv(maps, maps, stride: 1)
    bn2 = BatchNorm2d(maps)
    self.stride = stride
    addedChannels = maps - inputs
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    let x = conv1(input, then: bn1, relu)
    return conv2(x, then: bn2, adding: shortcut(input, file, line), relu)
  }

  private func shortcut(_ input: Tensor, _ file: StaticString, _ line: UInt) -> Tensor {
    var x = input
    if stride > 1 {
      // A window of one pixel keeps the pixels that the strided convolution is centred on.
      x = averagePool2d(x, window: 1, stride: Pair(stride), file: file, line: line)
    }
    if addedChannels > 0 {
      x = x.padded([(0, 0), (0, addedChannels), (0, 0), (0, 0)], file: file, line: line)
    }
    return x
  }

  /// A 3x3 convolution without bias, of variance 2 / fan-in.
  static func conv(_ inputs: Int, _ outputs: Int, stride: Pair) -> Conv2d {
    Conv2d(
      inputs, outputs, kernel: 3, stride: stride, padding: 1, bias: false, initializer: .he())
  }
}
