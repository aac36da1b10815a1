import TapestryGraph
import TapestryOps

/// A fully connected layer, y = x Wᵀ + b: `[..., in]` to `[..., out]`.
///
/// Parameters `weight` `[out, in]` and `bias` `[out]`.
public struct Linear: Layer {
  public let weight: Parameter
  public let bias: Parameter?
  public let origin: LayerOrigin

  /// - Parameters:
  ///   - inputs: size of the input's last axis.
  ///   - outputs: size of the output's last axis.
  ///   - bias: whether a constant is added. Default true.
  ///   - dtype: of the parameters. Default: that of `withParameterType(_:_:)`, or else float32.
  ///   - initializer: first values of the weight.
  ///   - biasInitializer: first values of the bias. Default: uniform within ±1 / √inputs.
  public init(
    _ inputs: Int, _ outputs: Int, bias: Bool = true, dtype: DType? = nil,
    initializer: Initializer = .layerDefault, biasInitializer: Initializer? = nil,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    let dtype = dtype ?? ParameterType.current
    let biasInitializer =
      biasInitializer ?? .uniform(bound: 1 / Double(max(inputs, 1)).squareRoot())
    let shape = parameterShape([outputs, inputs], of: "Linear", file: file, line: line)
    weight = Parameter(initializer(shape, dtype: dtype), file: file, line: line)
    self.bias =
      bias ? Parameter(biasInitializer([outputs], dtype: dtype), file: file, line: line) : nil
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    linear(input, weight, bias: bias, file: file, line: line)
  }
}
