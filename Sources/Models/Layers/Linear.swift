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
  ///   - initializer: first values of the weight; those of the bias are uniform within ±1 / √inputs.
  public init(
    _ inputs: Int, _ outputs: Int, bias: Bool = true, dtype: DType = .float32,
    initializer: Initializer = .layerDefault, file: StaticString = #fileID, line: UInt = #line
  ) {
    weight = Parameter(initializer([outputs, inputs], dtype: dtype), file: file, line: line)
    self.bias =
      bias
      ? Parameter(
        Initializer.uniform(bound: 1 / Double(max(inputs, 1)).squareRoot())(
          [outputs], dtype: dtype),
        file: file, line: line) : nil
    origin = LayerOrigin(file: file, line: line)
  }

  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    linear(input, weight, bias: bias, file: file, line: line)
  }
}
