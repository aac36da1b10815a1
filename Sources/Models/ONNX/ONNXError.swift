import TapestryFiles

/// Everything for which a net cannot be written as an ONNX file, or made from one.
public struct ONNXError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file.
  public let source: String
  /// One sentence for each problem; never empty.
  public let problems: [String]
  /// Whether there is nothing wrong with the file: it asks for what is not supported here.
  public let isUnsupported: Bool
  /// What the net asks for beyond the limits, where that is why.
  public let resources: ResourceError?

  package init(
    source: String, problems: [String], isUnsupported: Bool = false,
    resources: ResourceError? = nil
  ) {
    self.source = source
    self.problems = problems
    self.isUnsupported = isUnsupported
    self.resources = resources
  }

  /// The file and the problems, on a line each when there are several.
  public var description: String { "\(source): \(listing(problems))" }
}
