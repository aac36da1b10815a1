import TapestryGraph
import TapestryOps

/// max(x, 0), elementwise.
public struct ReLU: Layer {
  public let origin: LayerOrigin
  public init(file: StaticString = #fileID, line: UInt = #line) {
    origin = LayerOrigin(file: file, line: line)
  }
  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    relu(input, file: file, line: line)
  }
}

/// The hyperbolic tangent, elementwise.
public struct Tanh: Layer {
  public let origin: LayerOrigin
  public init(file: StaticString = #fileID, line: UInt = #line) {
    origin = LayerOrigin(file: file, line: line)
  }
  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    tanh(input, file: file, line: line)
  }
}

/// 1 / (1 + e⁻ˣ), elementwise.
public struct Sigmoid: Layer {
  public let origin: LayerOrigin
  public init(file: StaticString = #fileID, line: UInt = #line) {
    origin = LayerOrigin(file: file, line: line)
  }
  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    sigmoid(input, file: file, line: line)
  }
}
