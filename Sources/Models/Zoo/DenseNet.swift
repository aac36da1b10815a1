import TapestryGraph
import TapestryOps

/// The densely connected nets: 7,978,856 (121 layers) to 28,681,000 parameters (161) at 1,000 classes.
///
/// `[N, 3, 224, 224]` to logits `[N, classes]`, sizes from 29x29 on: 7x7 convolution stride 2, batch normalisation, ReLU,
/// 3x3 max pool stride 2, four dense blocks in which every layer sees the maps of all layers before it, between them
/// transitions that halve channels and size, batch normalisation, ReLU, the mean of each map, one dense layer.
///
/// G. Huang, Z. Liu, L. van der Maaten, K. Q. Weinberger, "Densely connected convolutional networks", 2016, table 1
/// (DenseNet-BC). State names are torchvision's.
///
/// Initialisation as in the paper: convolutions normal of variance 2 / fan-in (He), batch normalisation 1 and 0, the
/// dense layer uniform within ±1 / √fan-in with bias 0.
public struct DenseNet: Model {
  /// How many layers have weights.
  public enum Depth: Int, Sendable, CaseIterable {
    case denseNet121 = 121
    case denseNet161 = 161
    case denseNet169 = 169
    case denseNet201 = 201

    /// The number of layers in each of the four blocks.
    var blocks: [Int] {
      switch self {
      case .denseNet121: [6, 12, 24, 16]
      case .denseNet161: [6, 12, 36, 24]
      case .denseNet169: [6, 12, 32, 32]
      case .denseNet201: [6, 12, 48, 32]
      }
    }

    /// Maps that each layer adds.
    var growth: Int { self == .denseNet161 ? 48 : 32 }
  }

  public let features: DenseFeatures
  public let relu = ReLU()
  public let avgpool = AdaptiveAveragePool2d(1)
  public let classifier: Linear

  /// - Parameters:
  ///   - depth: which of the nets.
  ///   - classes: the number of logits. Default 1,000.
  ///   - channels: of the input image. Default 3.
  ///   - stem: with `.cifar` the first convolution is 3x3 with stride 1, and neither normalisation nor a pool follows it,
  ///     as in section 3 of the paper.
  ///   - width: a factor of all channel counts. Default 1.
  public init(
    _ depth: Depth, classes: Int = 1000, channels: Int = 3, stem: Stem = .imageNet,
    width: Double = 1, file: StaticString = #fileID, line: UInt = #line
  ) {
    let width = Width(width, file: file, line: line)
    features = DenseFeatures(
      channels, blocks: depth.blocks, growth: width(depth.growth), stem: stem)
    classifier = Linear(features.outputs, classes, biasInitializer: .zeros)
    named()
  }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    classifier(avgpool(relu(features(input))).flattened(from: 1))
  }
}

/// The convolutional part of a ``DenseNet``.
public struct DenseFeatures: Model {
  private let stages: [(name: String, stage: any Model)]
  /// Channels of the result.
  public let outputs: Int

  init(_ channels: Int, blocks: [Int], growth: Int, stem: Stem) {
    var maps = 2 * growth
    var stages: [(name: String, stage: any Model)] = []
    switch stem {
    case .imageNet:
      stages = [
        ("conv0", denseConv(channels, maps, kernel: 7, stride: 2, padding: 3)),
        ("norm0", BatchNorm2d(maps)), ("relu0", ReLU()),
        ("pool0", MaxPool2d(3, stride: 2, padding: 1)),
      ]
    case .cifar: stages = [("conv0", denseConv(channels, maps, kernel: 3, padding: 1))]
    }
    for (index, count) in blocks.enumerated() {
      stages.append(("denseblock\(index + 1)", DenseBlock(maps, layers: count, growth: growth)))
      maps += count * growth
      if index < blocks.count - 1 {
        stages.append(("transition\(index + 1)", DenseTransition(maps, maps / 2)))
        maps /= 2
      }
    }
    stages.append(("norm5", BatchNorm2d(maps)))
    self.stages = stages
    outputs = maps
  }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    runLayers(stages.map(\.stage), on: input)
  }

  public var members: ModelMembers {
    var members = ModelMembers()
    for (name, stage) in stages { members.add(name, stage) }
    return members
  }
}

/// Layers that see the input and the maps of all layers before them: `[N, C, H, W]` to
/// `[N, C + layers · growth, H, W]`, oldest maps first.
public struct DenseBlock: Layer {
  public let layers: [DenseLayer]
  public let origin: LayerOrigin

  /// - Parameters:
  ///   - inputs: channels of the input.
  ///   - layers: how many.
  ///   - growth: maps that each adds.
  public init(
    _ inputs: Int, layers: Int, growth: Int, file: StaticString = #fileID, line: UInt = #line
  ) {
    self.layers = (0..<layers).map { DenseLayer(inputs + $0 * growth, growth: growth) }
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    stacked(input)
      ?? layers.reduce(input) { concatenate([$0, $1($0)], along: 1, file: file, line: line) }
  }

  /// The same in memory that all layers share, to which each adds its maps: nothing is copied again and again. Nil where
  /// gradients are recorded, layers are observed, or something does not fit.
  private func stacked(_ input: Tensor) -> Tensor? {
    guard onlyResultsCount, input.rank == 4, let first = layers.first,
      input.shape[1] == first.norm1.weight.count,
      layers.allSatisfy({ $0.norm1.isFixed && $0.hasType(input.dtype) })
    else { return nil }
    let added = layers.reduce(0) { $0 + $1.conv2.weight.shape[0] }
    return ChannelStack.filled(input.resolved, channels: input.shape[1] + added) { stack in
      for layer in layers {
        let x = layer.conv1(stack.rectified(layer.norm1.fixed), then: layer.norm2, layer.relu2)
        // It has as many channels and pixels as it was made for.
        stack.append(layer.conv2.prepared(x)!)
      }
    }
  }

  public var members: ModelMembers {
    var members = ModelMembers()
    for (index, layer) in layers.enumerated() { members.add("denselayer\(index + 1)", layer) }
    members.add(origin)
    return members
  }
}

/// The new maps of a dense layer: norm, ReLU, 1x1 convolution to four times the growth, norm, ReLU, 3x3 convolution.
public struct DenseLayer: Layer {
  public let norm1: BatchNorm2d
  public let relu1 = ReLU()
  public let conv1: Conv2d
  public let norm2: BatchNorm2d
  public let relu2 = ReLU()
  public let conv2: Conv2d
  public let origin: LayerOrigin

  /// - Parameters:
  ///   - inputs: channels of the input.
  ///   - growth: maps of the result.
  public init(
    _ inputs: Int, growth: Int, file: StaticString = #fileID, line: UInt = #line
  ) {
    norm1 = BatchNorm2d(inputs)
    conv1 = denseConv(inputs, 4 * growth, kernel: 1)
    norm2 = BatchNorm2d(4 * growth)
    conv2 = denseConv(4 * growth, growth, kernel: 3, padding: 1)
    origin = LayerOrigin(file: file, line: line)
  }

  /// Whether what meets the block's maps is of their type, whatever was substituted.
  fileprivate func hasType(_ dtype: DType) -> Bool {
    [
      norm1.weight, norm1.bias, norm1.runningMean, norm1.runningVariance, conv1.weight,
      conv2.weight,
    ]
    .allSatisfy { $0.dtype == dtype }
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    conv2(conv1(norm1.rectified(input, by: relu1), then: norm2, relu2))
  }
}

/// What lies between two dense blocks: norm, ReLU, 1x1 convolution, 2x2 average pool.
public struct DenseTransition: Layer {
  public let norm: BatchNorm2d
  public let relu = ReLU()
  public let conv: Conv2d
  public let pool = AveragePool2d(2)
  public let origin: LayerOrigin

  /// - Parameters:
  ///   - inputs: channels of the input.
  ///   - outputs: channels of the result; half as many in the paper.
  public init(
    _ inputs: Int, _ outputs: Int, file: StaticString = #fileID, line: UInt = #line
  ) {
    norm = BatchNorm2d(inputs)
    conv = denseConv(inputs, outputs, kernel: 1)
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    pool(conv(norm.rectified(input, by: relu)))
  }
}

/// A convolution without bias, of variance 2 / fan-in.
private func denseConv(
  _ inputs: Int, _ outputs: Int, kernel: Pair, stride: Pair = 1, padding: Padding2d = 0
) -> Conv2d {
  Conv2d(
    inputs, outputs, kernel: kernel, stride: stride, padding: padding, bias: false,
    initializer: .he())
}
