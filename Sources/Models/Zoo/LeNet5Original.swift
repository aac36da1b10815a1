import TapestryGraph
import TapestryOps

/// LeNet-5 as in the paper, with trainable subsampling and few connections in c3: 60,850 connected parameters at 10
/// classes.
///
/// `[N, 1, 32, 32]` to logits `[N, classes]`: c1 6@5x5; s2, the sum of each 2x2 block times one coefficient per map plus one
/// bias; c3 16@5x5, each map of 3 to 6 of s2's; s4 as s2; c5 120 units that see all of s4; f6 84; output. After each but
/// the last the squashing A(x) = 1.7159 tanh(2x / 3). Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based
/// learning applied to document recognition", 1998, section II.B, table I, appendix A.
///
/// Departure: the paper's output is 10 radial basis units with fixed codes and its loss the distance to them (60,000
/// trained values); here a linear layer (850) gives logits. `c3.weight` is kept full, with zeros that stay zero where
/// there is no connection, which is why ``Model/parameterCount`` is 61,750.
///
/// Initialisation as in appendix A: uniform within ±2.4 / fan-in of the unit, weights and biases.
public struct LeNet5Original: Model {
  public let c1: Conv2d
  public let squash1 = ScaledTanh()
  public let s2 = Subsample(6)
  public let squash2 = ScaledTanh()
  public let c3 = TableConv2d(6, LeNet5Original.connections, kernel: 5)
  public let squash3 = ScaledTanh()
  public let s4 = Subsample(16)
  public let squash4 = ScaledTanh()
  public let c5: Conv2d
  public let squash5 = ScaledTanh()
  public let f6 = Linear(
    120, 84, initializer: .uniform(bound: 2.4 / 120),
    biasInitializer: .uniform(bound: 2.4 / 120))
  public let squash6 = ScaledTanh()
  public let output: Linear

  /// Table I: which maps of s2 each map of c3 sees.
  public static let connections = [
    [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5],
    [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5],
    [0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5],
    [0, 1, 2, 3, 4, 5],
  ]

  /// - Parameters:
  ///   - classes: the number of logits. Default 10.
  ///   - channels: of the input image. Default 1.
  ///   - size: height and width of the images. Default 32; the smallest square is 16x16.
  /// - Precondition: the layers fit on an image of that size.
  public init(
    classes: Int = 10, channels: Int = 1, size: Pair = 32,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    func bounded(_ fan: Int) -> Initializer { .uniform(bound: 2.4 / Double(fan)) }
    c1 = Conv2d(
      channels, 6, kernel: 5, initializer: bounded(25 * channels),
      biasInitializer: bounded(25 * channels))
    let map = featureShape([c1, s2, c3, s4], channels: channels, size: size)
    let kernel = Pair(height: map?[2] ?? 5, width: map?[3] ?? 5)
    let fan = 16 * kernel.height * kernel.width
    c5 = Conv2d(
      16, 120, kernel: kernel, initializer: bounded(fan), biasInitializer: bounded(fan))
    output = Linear(84, classes, initializer: bounded(84), biasInitializer: bounded(84))
    named()
    requireFit(size, channels: channels, file: file, line: line) {
      LeNet5Original(classes: classes, channels: channels, size: $0)
    }
  }

  /// The number of trained values that are connected to something.
  public var connectedParameterCount: Int {
    parameterCount - c3.weight.count + c3.connectionCount
  }

  public func callAsFunction(_ input: Tensor) -> Tensor {
    var x = squash2(s2(squash1(c1(input))))
    x = squash4(s4(squash3(c3(x))))
    x = squash5(c5(x)).flattened(from: 1)
    return output(squash6(f6(x)))
  }
}

/// The squashing A(x) = 1.7159 tanh(2x / 3), elementwise: ±1 at ±1, steepest in between.
public struct ScaledTanh: Layer {
  public let origin: LayerOrigin
  public init(file: StaticString = #fileID, line: UInt = #line) {
    origin = LayerOrigin(file: file, line: line)
  }
  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    tanh(input * (2.0 / 3), file: file, line: line) * 1.7159
  }
}

/// Trainable subsampling: the sum of each 2x2 block times `weight` plus `bias`, one of each per map.
public struct Subsample: Layer {
  public let weight: Parameter
  public let bias: Parameter
  public let origin: LayerOrigin

  /// - Parameter maps: channels of the input and of the output.
  public init(
    _ maps: Int, dtype: DType? = nil, file: StaticString = #fileID, line: UInt = #line
  ) {
    let dtype = dtype ?? ParameterType.current
    let initializer = Initializer.uniform(bound: 2.4 / 4)
    weight = Parameter(initializer([maps], dtype: dtype), file: file, line: line)
    bias = Parameter(initializer([maps], dtype: dtype), file: file, line: line)
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    let sums = sumPool2d(input, window: 2, file: file, line: line)
    let shape: TensorShape = [1, weight.count, 1, 1]
    return sums * weight.reshaped(to: shape, file: file, line: line)
      + bias.reshaped(to: shape, file: file, line: line)
  }
}

/// A convolution in which each output map sees only the input maps that a table names.
///
/// `weight` is full, `[out, in, kH, kW]`, and multiplied by a mask of zeros and ones, so that what is not connected has no
/// effect and no gradient.
public struct TableConv2d: Layer {
  public let weight: Parameter
  public let bias: Parameter
  /// The input maps of each output map.
  public let connections: [[Int]]
  public let origin: LayerOrigin
  private let mask: Tensor

  /// - Parameters:
  ///   - inputs: channels of the input.
  ///   - connections: for each output map the input maps that it sees.
  ///   - kernel: height and width of the filters.
  /// - Precondition: the table names maps in `0 ..< inputs`.
  public init(
    _ inputs: Int, _ connections: [[Int]], kernel: Pair, dtype: DType? = nil,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    let dtype = dtype ?? ParameterType.current
    let taps = kernel.height * kernel.width
    var kept: [Double] = []
    for (map, row) in connections.enumerated() {
      if let wrong = row.first(where: { !(0..<inputs).contains($0) }) {
        trap(
          "TableConv2d: map \(map) is connected to input map \(wrong), but there are \(inputs)",
          file: file, line: line)
      }
      for input in 0..<inputs {
        kept += [Double](repeating: row.contains(input) ? 1 : 0, count: taps)
      }
    }
    let shape: TensorShape = [connections.count, inputs, kernel.height, kernel.width]
    let mask = Tensor(kept, shape: shape, dtype: dtype)
    self.mask = mask
    self.connections = connections
    // Each map is drawn with its own fan-in; what is not connected starts, and stays, at zero.
    let initializer = Initializer { shape, dtype in
      let bounds = connections.map { 2.4 / Double(max($0.count * taps, 1)) }
      let scale = Tensor(bounds, shape: [connections.count, 1, 1, 1], dtype: dtype)
      return withoutGradients {
        Tensor.uniform(shape, from: -1, to: 1, dtype: dtype) * mask * scale
      }
    }
    let fan = connections.map(\.count).max() ?? 1
    weight = Parameter(initializer(shape, dtype: dtype), file: file, line: line)
    bias = Parameter(
      Initializer.uniform(bound: 2.4 / Double(max(fan * taps, 1)))(
        [connections.count], dtype: dtype), file: file, line: line)
    origin = LayerOrigin(file: file, line: line)
  }

  /// The number of weights that are connected.
  public var connectionCount: Int {
    connections.reduce(0) { $0 + $1.count } * weight.shape[2] * weight.shape[3]
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    let connected = weight * mask.converted(to: weight.dtype)
    return conv2d(input, connected, bias: bias, file: file, line: line)
  }
}
