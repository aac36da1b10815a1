import TapestryGraph
import TapestryOps

/// All axes from the second on made one: `[N, C, H, W]` to `[N, C H W]`.
public struct Flatten: Layer {
  public let origin: LayerOrigin
  public init(file: StaticString = #fileID, line: UInt = #line) {
    origin = LayerOrigin(file: file, line: line)
  }
  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    input.flattened(from: 1, file: file, line: line)
  }
}

/// Zeroes each element with a probability and scales the others by 1 / (1 - probability), in training only.
public struct Dropout: Layer {
  public let probability: Double
  public let origin: LayerOrigin
  public init(_ probability: Double = 0.5, file: StaticString = #fileID, line: UInt = #line) {
    self.probability = probability
    origin = LayerOrigin(file: file, line: line)
  }
  public func forward(_ input: Tensor, file: StaticString, line: UInt) -> Tensor {
    dropout(input, probability: probability, file: file, line: line)
  }
}
