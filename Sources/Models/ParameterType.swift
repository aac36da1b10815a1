import TapestryGraph

/// Runs `body`; layers that are made in it have parameters of this type unless they are told another.
///
/// ```swift
/// let net = withParameterType(.float64) { ResNet(.resNet18) }
/// ```
///
/// Without it layers are float32.
///
/// - Precondition: float32 or float64.
public func withParameterType<Result>(
  _ dtype: DType, file: StaticString = #fileID, line: UInt = #line, _ body: () throws -> Result
) rethrows -> Result {
  guard dtype.isFloatingPoint else {
    trap(
      "withParameterType: parameters are float32 or float64, not \(dtype)", file: file, line: line)
  }
  return try ParameterType.$current.withValue(dtype, operation: body)
}

/// The type of the parameters of new layers.
enum ParameterType {
  @TaskLocal static var current = DType.float32
}
