import TapestryFiles
import TapestryGraph
import TapestryOps

/// A net that can be made by name.
public struct CatalogEntry: Sendable {
  /// The name on the command line: lower case, words joined by `-`.
  public let name: String
  /// One line: what it is.
  public let summary: String
  /// Authors of the paper, and its year: `He et al. 2015`.
  public let paper: String
  /// Channels, height and width that the net was designed for.
  public let input: (channels: Int, height: Int, width: Int)
  /// The number of classes it was designed for.
  public let classes: Int
  private let build: @Sendable (_ classes: Int, _ channels: Int, _ size: Pair) -> any Model

  /// - Parameter make: makes the net for a number of classes, channels and a size of the images, which nets that take
  ///   any size may ignore.
  public init(
    name: String, summary: String, paper: String, input: (channels: Int, height: Int, width: Int),
    classes: Int,
    make: @escaping @Sendable (_ classes: Int, _ channels: Int, _ size: Pair) -> any Model
  ) {
    self.name = name
    self.summary = summary
    self.paper = paper
    self.input = input
    self.classes = classes
    build = make
  }

  /// The net for a number of classes and input channels, and images of the size it was designed for.
  public func make(_ classes: Int, _ channels: Int) -> any Model {
    build(classes, channels, Pair(height: input.height, width: input.width))
  }

  /// The net for a number of classes, input channels and images of this size.
  ///
  /// - Throws: ``InputMismatch``, naming the layer that does not fit and the smallest size that does.
  public func make(classes: Int, channels: Int, size: Pair) throws(InputMismatch) -> any Model {
    let mismatch = InputMismatch.of(size, channels: channels) { build(classes, channels, $0) }
    if let mismatch { throw mismatch }
    return build(classes, channels, size)
  }

  /// The number of trained values of the net; no memory is taken for them.
  ///
  /// - Parameters:
  ///   - classes: the number of logits. Default: that of the paper.
  ///   - channels: of the input image. Default: that of the paper.
  public func parameterCount(classes: Int? = nil, channels: Int? = nil) -> Int {
    // Making a net calls no op that could refuse.
    (try? dryRun { make(classes ?? self.classes, channels ?? input.channels).parameterCount }) ?? 0
  }
}

/// The nets that can be made by name.
public enum ModelCatalog {
  public static let entries: [CatalogEntry] =
    classic + imageNet + residual + dense + small

  /// The entry of that name, or `nil`. Case does not matter, and `_` stands for `-`.
  public static func entry(named name: String) -> CatalogEntry? {
    let name = String(name.lowercased().map { $0 == "_" ? "-" : $0 })
    return entries.first { $0.name == name }
  }

  /// The name that `name` was probably meant to be, or `nil` when none is near.
  public static func suggestion(for name: String) -> String? {
    let name = String(name.map { $0 == "_" ? "-" : $0 })
    return nearest(name, in: entries.map(\.name))
  }
}
