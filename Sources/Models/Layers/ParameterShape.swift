import TapestryGraph

/// The shape of a layer's parameter; sizes that no tensor can have end the process with the layer's line.
func parameterShape(
  _ sizes: [Int], of layer: String, file: StaticString, line: UInt
) -> TensorShape {
  guard let shape = TensorShape(validating: sizes) else {
    trap(
      "\(layer): no parameter can have the shape \(sizes): \(TensorShape.limits)", file: file,
      line: line)
  }
  return shape
}
