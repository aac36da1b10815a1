import TapestryGraph
import TapestryOps

/// Batch normalisation of images, per channel: `[N, C, H, W]` to the same shape.
///
/// Parameters `weight` and `bias` `[C]`, buffers `running_mean` and `running_var` `[C]`, with the names that state
/// files of PyTorch have. That one's `num_batches_tracked`, a count that nothing reads, is not kept. See
/// `batchNorm` for the formula and for what differs between training and inference.
public struct BatchNorm2d: Layer {
  public let weight: Parameter
  public let bias: Parameter
  public let runningMean: Buffer
  public let runningVariance: Buffer
  public let epsilon: Double
  public let momentum: Double
  public let origin: LayerOrigin

  /// - Parameters:
  ///   - channels: of the input.
  ///   - epsilon: is added to the variance. Default 1e-5.
  ///   - momentum: the weight of a new batch in the running statistics. Default 0.1.
  ///   - dtype: of parameters and buffers. Default: that of `withParameterType(_:_:)`, or else float32.
  public init(
    _ channels: Int, epsilon: Double = 1e-5, momentum: Double = 0.1, dtype: DType? = nil,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    let dtype = dtype ?? ParameterType.current
    let shape = parameterShape([channels], of: "BatchNorm2d", file: file, line: line)
    weight = Parameter(Initializer.ones(shape, dtype: dtype), file: file, line: line)
    bias = Parameter(Initializer.zeros(shape, dtype: dtype), file: file, line: line)
    runningMean = Buffer(Initializer.zeros(shape, dtype: dtype))
    runningVariance = Buffer(Initializer.ones(shape, dtype: dtype))
    self.epsilon = epsilon
    self.momentum = momentum
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    batchNorm(
      input, runningMean: runningMean, runningVariance: runningVariance, scale: weight, shift: bias,
      momentum: momentum, epsilon: epsilon, file: file, line: line)
  }

  /// relu(norm(input) + addend), in one pass over memory unless somebody looks at single layers.
  ///
  /// - Parameters:
  ///   - input: `[N, C, H, W]`.
  ///   - addend: shaped like `input`. Default: none.
  ///   - relu: the layer that is seen to do it when somebody looks. Default: none, the function.
  /// - Returns: shaped like `input`.
  public func rectified(
    _ input: Tensor, adding addend: Tensor? = nil, by relu: ReLU? = nil
  ) -> Tensor {
    guard mayFuseLayers else {
      let normal = self(input)
      let sum = addend.map { normal + $0 } ?? normal
      return relu?(sum) ?? TapestryOps.relu(sum)
    }
    return withLayer(origin) {
      batchNorm(
        input, runningMean: runningMean, runningVariance: runningVariance, scale: weight,
        shift: bias, momentum: momentum, epsilon: epsilon, adding: addend, relu: true,
        file: origin.file, line: origin.line)
    }
  }

  public var members: ModelMembers {
    var members = ModelMembers()
    members.add("weight", weight)
    members.add("bias", bias)
    members.add("running_mean", runningMean)
    members.add("running_var", runningVariance)
    members.add(origin)
    return members
  }
}

/// Each pixel divided by a power of its energy in neighbouring channels: contrast normalisation.
///
/// As in PyTorch `alpha` is divided by `size`. See `localResponseNormalization` for the formula.
public struct LocalResponseNorm: Layer {
  public let size: Int
  public let alpha: Double
  public let beta: Double
  public let k: Double
  public let origin: LayerOrigin

  /// - Parameters:
  ///   - size: channels in a window.
  ///   - alpha: weight of the mean square. Default 1e-4.
  ///   - beta: the power. Default 0.75.
  ///   - k: what is added. Default 1.
  public init(
    _ size: Int, alpha: Double = 1e-4, beta: Double = 0.75, k: Double = 1,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    self.size = size
    self.alpha = alpha
    self.beta = beta
    self.k = k
    origin = LayerOrigin(file: file, line: line)
  }

  /// The constants of Krizhevsky, Sutskever and Hinton, 2012: x / (2 + 1e-4 · Σ of five squares)^0.75.
  static func alexNet(file: StaticString = #fileID, line: UInt = #line) -> LocalResponseNorm {
    LocalResponseNorm(5, alpha: 5e-4, beta: 0.75, k: 2, file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    localResponseNormalization(
      input, size: size, alpha: alpha, beta: beta, k: k, file: file, line: line)
  }
}
