/// Everything that is wrong with a safetensors file, read or to be written.
public struct SafetensorsError: Error, Equatable, Sendable, CustomStringConvertible {
  /// One sentence for each problem; never empty.
  public let problems: [String]

  /// The problems, on a line each when there are several.
  public var description: String {
    listing(problems)
  }
}
