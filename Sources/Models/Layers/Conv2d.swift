import TapestryGraph
import TapestryOps

/// Two-dimensional convolution: `[N, in, H, W]` to `[N, out, H', W']`.
///
/// Parameters `weight` `[out, in / groups, kH, kW]` and `bias` `[out]`. See `conv2d` for the formula.
public struct Conv2d: Layer {
  public let weight: Parameter
  public let bias: Parameter?
  public let stride: Pair
  public let padding: Padding2d
  public let dilation: Pair
  public let groups: Int
  public let origin: LayerOrigin

  /// - Parameters:
  ///   - inputs: channels of the input.
  ///   - outputs: channels of the output: the number of filters.
  ///   - kernel: height and width of the filters.
  ///   - stride: step of the window. Default 1.
  ///   - padding: zeros around the image. Default none.
  ///   - dilation: distance between filter taps. Default 1.
  ///   - groups: how many independent parts the channels are split into. Default 1.
  ///   - bias: whether each filter adds a constant. Default true.
  ///   - dtype: of the parameters. Default: that of `withParameterType(_:_:)`, or else float32.
  ///   - initializer: first values of the weight.
  ///   - biasInitializer: first values of the bias. Default: uniform within ±1 / √fan-in.
  /// - Precondition: `groups` divides `inputs` and `outputs`.
  public init(
    _ inputs: Int, _ outputs: Int, kernel: Pair, stride: Pair = 1, padding: Padding2d = 0,
    dilation: Pair = 1, groups: Int = 1, bias: Bool = true, dtype: DType? = nil,
    initializer: Initializer = .layerDefault, biasInitializer: Initializer? = nil,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    guard groups > 0, inputs >= 0, outputs >= 0, inputs % groups == 0, outputs % groups == 0 else {
      trap(
        "Conv2d: \(groups) groups must divide \(inputs) input and \(outputs) output channels",
        file: file, line: line)
    }
    let dtype = dtype ?? ParameterType.current
    let sizes = [outputs, inputs / groups, kernel.height, kernel.width]
    let shape = parameterShape(sizes, of: "Conv2d", file: file, line: line)
    let taps = shape.dropFirst().reduce(1, *)
    let biasInitializer = biasInitializer ?? .uniform(bound: 1 / Double(max(taps, 1)).squareRoot())
    weight = Parameter(initializer(shape, dtype: dtype), file: file, line: line)
    self.bias =
      bias ? Parameter(biasInitializer([outputs], dtype: dtype), file: file, line: line) : nil
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    conv2d(
      input, weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
      groups: groups,
      file: file, line: line)
  }
}
