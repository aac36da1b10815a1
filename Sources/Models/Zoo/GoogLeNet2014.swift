import TapestryGraph
import TapestryOps

/// GoogLeNet as it won in 2014: 6,998,552 parameters at 1,000 classes, 13,378,280 with its two auxiliary heads.
///
/// `[N, 3, 224, 224]` to logits `[N, classes]`: 64@7x7 stride 2, pool, contrast normalisation, 64@1x1, 192@3x3, contrast
/// normalisation, pool, nine Inception blocks with pools after the second and the seventh, the mean of each map, dropout
/// 0.4, one dense layer. Every convolution has a bias and is followed by ReLU; pools are 3x3 stride 2 rounding up. The
/// heads after 4a and 4d: 5x5 average stride 3, 128@1x1, 1024 units, dropout 0.7, classes; they exist for training,
/// where their losses count 0.3 each (``AuxiliaryModel``).
///
/// C. Szegedy et al., "Going deeper with convolutions", 2014, table 1 and section 5. The paper gives no constants of the
/// contrast normalisation: they are AlexNet's.
///
/// Initialisation: the paper gives none. As in the Berkeley Vision and Learning Center's replication in Caffe, weights
/// are uniform of variance 1 / fan-in and biases 0.2, those of the classifiers 0: smaller weights vanish over 22 layers.
public struct GoogLeNet2014: AuxiliaryModel {
  public let conv1: ConvReLU
  public let pool1 = MaxPool2d(3, stride: 2, ceilMode: true)
  public let norm1 = LocalResponseNorm.alexNet()
  public let conv2Reduce: ConvReLU
  public let conv2: ConvReLU
  public let norm2 = LocalResponseNorm.alexNet()
  public let pool2 = MaxPool2d(3, stride: 2, ceilMode: true)
  public let inception3a: Inception2014
  public let inception3b: Inception2014
  public let pool3 = MaxPool2d(3, stride: 2, ceilMode: true)
  public let inception4a: Inception2014
  public let inception4b: Inception2014
  public let inception4c: Inception2014
  public let inception4d: Inception2014
  public let inception4e: Inception2014
  public let pool4 = MaxPool2d(3, stride: 2, ceilMode: true)
  public let inception5a: Inception2014
  public let inception5b: Inception2014
  public let avgpool: AveragePool2d
  public let dropout: Dropout
  public let fc: Linear
  public let aux1: InceptionHead2014?
  public let aux2: InceptionHead2014?

  /// - Parameters:
  ///   - classes: the number of logits. Default 1,000.
  ///   - channels: of the input image. Default 3.
  ///   - size: height and width of the images. Default 224; the smallest square is 79x79 with heads.
  ///   - auxiliaryHeads: whether there are classifiers after 4a and 4d, for training. Default true.
  ///   - dropout: the probability before the last layer. Default 0.4.
  ///   - headDropout: the probability in the heads. Default 0.7.
  ///   - factor: of all channel counts. Default 1.
  /// - Precondition: the layers, those of the heads included, fit on an image of that size.
  public init(
    classes: Int = 1000, channels: Int = 3, size: Pair = 224, auxiliaryHeads: Bool = true,
    dropout: Double = 0.4, headDropout: Double = 0.7, width factor: Double = 1,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    let width = Width(factor, file: file, line: line)
    conv1 = ConvReLU(channels, width(64), kernel: 7, stride: 2, padding: 3)
    conv2Reduce = ConvReLU(width(64), width(64), kernel: 1)
    conv2 = ConvReLU(width(64), width(192), kernel: 3, padding: 1)
    let widths = InceptionWidths.all(width)
    inception3a = Inception2014(width(192), widths[0])
    inception3b = Inception2014(widths[0].total, widths[1])
    inception4a = Inception2014(widths[1].total, widths[2])
    inception4b = Inception2014(widths[2].total, widths[3])
    inception4c = Inception2014(widths[3].total, widths[4])
    inception4d = Inception2014(widths[4].total, widths[5])
    inception4e = Inception2014(widths[5].total, widths[6])
    inception5a = Inception2014(widths[6].total, widths[7])
    inception5b = Inception2014(widths[7].total, widths[8])
    // Blocks keep the size: that of the map after pool3 is the heads', that after pool4 is averaged at the end.
    let strided: [any Model] = [conv1, pool1, pool2, pool3]
    let middle = featureShape(strided, channels: channels, size: size)
    let last = featureShape(strided + [pool4], channels: channels, size: size)
    func head(_ inputs: Int) -> InceptionHead2014? {
      guard auxiliaryHeads else { return nil }
      return InceptionHead2014(
        inputs, classes, map: Pair(height: middle?[2] ?? 5, width: middle?[3] ?? 5),
        dropout: headDropout, width)
    }
    avgpool = AveragePool2d(Pair(height: last?[2] ?? 1, width: last?[3] ?? 1), stride: 1)
    self.dropout = Dropout(dropout)
    fc = Linear(
      widths[8].total, classes, initializer: .leCun(.uniform), biasInitializer: .zeros)
    aux1 = head(widths[2].total)
    aux2 = head(widths[5].total)
    named()
    requireFit(size, channels: channels, file: file, line: line) {
      GoogLeNet2014(
        classes: classes, channels: channels, size: $0, auxiliaryHeads: auxiliaryHeads,
        width: factor)
    }
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
    var x = norm1(pool1(conv1(input)))
    x = pool2(norm2(conv2(conv2Reduce(x))))
    x = pool3(inception3b(inception3a(x)))
    let first = inception4a(x)
    return (first, inception4d(inception4c(inception4b(first))))
  }

  private func classify(_ middle: Tensor) -> Tensor {
    let x = inception5b(inception5a(pool4(inception4e(middle))))
    return fc(dropout(avgpool(x).flattened(from: 1)))
  }

  public var members: ModelMembers {
    var members = ModelMembers()
    members.add("conv1", conv1)
    members.add("pool1", pool1)
    members.add("norm1", norm1)
    members.add("conv2_reduce", conv2Reduce)
    members.add("conv2", conv2)
    members.add("norm2", norm2)
    members.add("pool2", pool2)
    members.add("inception3a", inception3a)
    members.add("inception3b", inception3b)
    members.add("pool3", pool3)
    members.add("inception4a", inception4a)
    if let aux1 { members.add("aux1", aux1) }
    members.add("inception4b", inception4b)
    members.add("inception4c", inception4c)
    members.add("inception4d", inception4d)
    if let aux2 { members.add("aux2", aux2) }
    members.add("inception4e", inception4e)
    members.add("pool4", pool4)
    members.add("inception5a", inception5a)
    members.add("inception5b", inception5b)
    members.add("avgpool", avgpool)
    members.add("dropout", dropout)
    members.add("fc", fc)
    return members
  }
}

/// Convolution with bias, then ReLU.
public struct ConvReLU: Layer {
  public let conv: Conv2d
  public let relu = ReLU()
  public let origin: LayerOrigin

  init(
    _ inputs: Int, _ outputs: Int, kernel: Pair, stride: Pair = 1, padding: Padding2d = 0,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    conv = Conv2d(
      inputs, outputs, kernel: kernel, stride: stride, padding: padding,
      initializer: .leCun(.uniform), biasInitializer: .constant(0.2))
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    conv(input, then: relu)
  }
}

/// An Inception block of the 2014 net: four branches on the same input, their maps one after the other.
///
/// 1x1; 1x1 then 3x3; 1x1 then 5x5; 3x3 max pool then 1x1.
public struct Inception2014: Layer {
  public let branch1: ConvReLU
  public let branch3Reduce: ConvReLU
  public let branch3: ConvReLU
  public let branch5Reduce: ConvReLU
  public let branch5: ConvReLU
  public let pool = MaxPool2d(3, stride: 1, padding: 1)
  public let poolProject: ConvReLU
  public let origin: LayerOrigin

  init(
    _ inputs: Int, _ widths: InceptionWidths, file: StaticString = #fileID, line: UInt = #line
  ) {
    branch1 = ConvReLU(inputs, widths.direct, kernel: 1)
    branch3Reduce = ConvReLU(inputs, widths.reduced3, kernel: 1)
    branch3 = ConvReLU(widths.reduced3, widths.conv3, kernel: 3, padding: 1)
    branch5Reduce = ConvReLU(inputs, widths.reduced5, kernel: 1)
    branch5 = ConvReLU(widths.reduced5, widths.conv5, kernel: 5, padding: 2)
    poolProject = ConvReLU(inputs, widths.pooled, kernel: 1)
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    let branches = [
      branch1(input), branch3(branch3Reduce(input)), branch5(branch5Reduce(input)),
      poolProject(pool(input)),
    ]
    return concatenate(branches, along: 1, file: file, line: line)
  }

  public var members: ModelMembers {
    var members = ModelMembers()
    members.add("branch1", branch1)
    members.add("branch3_reduce", branch3Reduce)
    members.add("branch3", branch3)
    members.add("branch5_reduce", branch5Reduce)
    members.add("branch5", branch5)
    members.add("pool", pool)
    members.add("pool_project", poolProject)
    members.add(origin)
    return members
  }
}

/// An auxiliary classifier of the 2014 net: 5x5 average stride 3, 128@1x1, 1024 units, classes.
public struct InceptionHead2014: Layer {
  public let pool = AveragePool2d(5, stride: 3)
  public let conv: ConvReLU
  public let fc1: Linear
  public let relu = ReLU()
  public let drop: Dropout
  public let fc2: Linear
  public let origin: LayerOrigin

  /// - Parameter map: height and width of the input.
  init(
    _ inputs: Int, _ classes: Int, map: Pair, dropout: Double, _ width: Width,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    conv = ConvReLU(inputs, width(128), kernel: 1)
    let count = featureCount([pool, conv], channels: inputs, size: map)
    fc1 = Linear(
      count, width(1024), initializer: .leCun(.uniform), biasInitializer: .constant(0.2))
    drop = Dropout(dropout)
    fc2 = Linear(width(1024), classes, initializer: .leCun(.uniform), biasInitializer: .zeros)
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    let x = conv(pool(input)).flattened(from: 1, file: file, line: line)
    return fc2(drop(fc1(x, then: relu)))
  }
}
