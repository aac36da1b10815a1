import TapestryGraph
import TapestryOps

/// GoogLeNet with batch normalisation, as torchvision has it: 6,624,904 parameters at 1,000 classes, 13,004,888 with
/// its two auxiliary heads.
///
/// `[N, 3, 224, 224]` to logits `[N, classes]`, sizes from 31x31 on: 64@7x7 stride 2, pool, 64@1x1, 192@3x3, pool, nine
/// Inception blocks with pools after the second and the seventh, the mean of each map, dropout, one dense layer. Pools
/// are 3x3 stride 2 rounding up, the last one 2x2.
///
/// C. Szegedy et al., "Going deeper with convolutions", 2014, table 1. Departures, as in torchvision: batch
/// normalisation (epsilon 0.001) and no biases instead of contrast normalisation; 3x3 filters where the paper has 5x5;
/// the heads pool adaptively to 4x4; dropout 0.2 instead of 0.4. The net of the paper is ``GoogLeNet2014``. State names
/// are torchvision's; its input transform for pretrained weights is off.
///
/// Initialisation as in torchvision: weights normal with deviation 0.01, cut off at two deviations; batch normalisation 1
/// and 0; the biases of dense layers uniform within ±1 / √fan-in.
public struct GoogLeNet: AuxiliaryModel {
  public let conv1: NormalizedConv
  public let maxpool1 = MaxPool2d(3, stride: 2, ceilMode: true)
  public let conv2: NormalizedConv
  public let conv3: NormalizedConv
  public let maxpool2 = MaxPool2d(3, stride: 2, ceilMode: true)
  public let inception3a: Inception
  public let inception3b: Inception
  public let maxpool3 = MaxPool2d(3, stride: 2, ceilMode: true)
  public let inception4a: Inception
  public let inception4b: Inception
  public let inception4c: Inception
  public let inception4d: Inception
  public let inception4e: Inception
  public let maxpool4 = MaxPool2d(2, ceilMode: true)
  public let inception5a: Inception
  public let inception5b: Inception
  public let aux1: InceptionHead?
  public let aux2: InceptionHead?
  public let avgpool = AdaptiveAveragePool2d(1)
  public let dropout: Dropout
  public let fc: Linear

  /// - Parameters:
  ///   - classes: the number of logits. Default 1,000.
  ///   - channels: of the input image. Default 3.
  ///   - auxiliaryHeads: whether there are classifiers after 4a and 4d, for training. Default false.
  ///   - dropout: the probability before the last layer. Default 0.2.
  ///   - headDropout: the probability in the heads. Default 0.7.
  ///   - width: a factor of all channel counts. Default 1.
  public init(
    classes: Int = 1000, channels: Int = 3, auxiliaryHeads: Bool = false, dropout: Double = 0.2,
    headDropout: Double = 0.7, width: Double = 1,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    let width = Width(width, file: file, line: line)
    conv1 = NormalizedConv(channels, width(64), kernel: 7, stride: 2, padding: 3)
    conv2 = NormalizedConv(width(64), width(64), kernel: 1)
    conv3 = NormalizedConv(width(64), width(192), kernel: 3, padding: 1)
    let widths = InceptionWidths.all(width)
    inception3a = Inception(conv3.conv.weight.shape[0], widths[0])
    inception3b = Inception(widths[0].total, widths[1])
    inception4a = Inception(widths[1].total, widths[2])
    inception4b = Inception(widths[2].total, widths[3])
    inception4c = Inception(widths[3].total, widths[4])
    inception4d = Inception(widths[4].total, widths[5])
    inception4e = Inception(widths[5].total, widths[6])
    inception5a = Inception(widths[6].total, widths[7])
    inception5b = Inception(widths[7].total, widths[8])
    func head(_ inputs: Int) -> InceptionHead? {
      auxiliaryHeads ? InceptionHead(inputs, classes, dropout: headDropout, width) : nil
    }
    aux1 = head(widths[2].total)
    aux2 = head(widths[5].total)
    self.dropout = Dropout(dropout)
    fc = inceptionLinear(widths[8].total, classes)
    named()
  }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    let (_, middle) = stages(input)
    return classify(middle)
  }

  public func logits(of input: Tensor) -> (main: Tensor, auxiliary: [Tensor]) {
    let (first, middle) = stages(input)
    let heads = [aux1.map { $0(first) }, aux2.map { $0(middle) }]
    return (classify(middle), heads.compactMap { $0 })
  }

  /// The maps after 4a and after 4d.
  private func stages(_ input: Tensor) -> (Tensor, Tensor) {
    var x = maxpool1(conv1(input))
    x = maxpool2(conv3(conv2(x)))
    x = maxpool3(inception3b(inception3a(x)))
    let first = inception4a(x)
    return (first, inception4d(inception4c(inception4b(first))))
  }

  private func classify(_ middle: Tensor) -> Tensor {
    let x = inception5b(inception5a(maxpool4(inception4e(middle))))
    return fc(dropout(avgpool(x).flattened(from: 1)))
  }
}

/// Convolution without bias, batch normalisation, ReLU.
public struct NormalizedConv: Layer {
  public let conv: Conv2d
  public let bn: BatchNorm2d
  public let origin: LayerOrigin

  init(
    _ inputs: Int, _ outputs: Int, kernel: Pair, stride: Pair = 1, padding: Padding2d = 0,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    conv = Conv2d(
      inputs, outputs, kernel: kernel, stride: stride, padding: padding, bias: false,
      initializer: .truncatedNormal(deviation: 0.01))
    bn = BatchNorm2d(outputs, epsilon: 0.001)
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    conv.fused(input, then: bn, relu: true) ?? bn.rectified(conv(input))
  }
}

/// An Inception block: four branches on the same input, their maps one after the other.
///
/// 1x1; 1x1 then 3x3; 1x1 then 3x3 (5x5 in the paper); 3x3 max pool then 1x1.
public struct Inception: Layer {
  public let branch1: NormalizedConv
  public let branch2: Sequential
  public let branch3: Sequential
  public let branch4: Sequential
  public let origin: LayerOrigin

  init(
    _ inputs: Int, _ widths: InceptionWidths, file: StaticString = #fileID, line: UInt = #line
  ) {
    branch1 = NormalizedConv(inputs, widths.direct, kernel: 1)
    branch2 = Sequential(
      NormalizedConv(inputs, widths.reduced3, kernel: 1),
      NormalizedConv(widths.reduced3, widths.conv3, kernel: 3, padding: 1))
    branch3 = Sequential(
      NormalizedConv(inputs, widths.reduced5, kernel: 1),
      NormalizedConv(widths.reduced5, widths.conv5, kernel: 3, padding: 1))
    branch4 = Sequential(
      MaxPool2d(3, stride: 1, padding: 1, ceilMode: true),
      NormalizedConv(inputs, widths.pooled, kernel: 1))
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    concatenate(
      [branch1(input), branch2(input), branch3(input), branch4(input)], along: 1, file: file,
      line: line)
  }
}

/// An auxiliary classifier: average to 4x4, 128@1x1, 1024 units, classes.
public struct InceptionHead: Layer {
  public let conv: NormalizedConv
  public let fc1: Linear
  public let dropout: Dropout
  public let fc2: Linear
  public let origin: LayerOrigin

  init(
    _ inputs: Int, _ classes: Int, dropout: Double, _ width: Width,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    conv = NormalizedConv(inputs, width(128), kernel: 1)
    fc1 = inceptionLinear(width(128) * 16, width(1024))
    self.dropout = Dropout(dropout)
    fc2 = inceptionLinear(width(1024), classes)
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    var x = conv(adaptiveAveragePool2d(input, outputSize: 4, file: file, line: line))
    x = relu(fc1(x.flattened(from: 1, file: file, line: line)), file: file, line: line)
    return fc2(dropout(x))
  }
}

private func inceptionLinear(_ inputs: Int, _ outputs: Int) -> Linear {
  Linear(inputs, outputs, initializer: .truncatedNormal(deviation: 0.01))
}
