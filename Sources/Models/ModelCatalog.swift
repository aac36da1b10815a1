import TapestryGraph

/// A net that can be made by name.
public struct CatalogEntry: Sendable {
  /// The name on the command line: lower case.
  public let name: String
  /// One line: what it is.
  public let summary: String
  /// Channels, height and width that the net was designed for.
  public let input: (channels: Int, height: Int, width: Int)
  /// Makes it for a number of classes and input channels.
  public let make: @Sendable (_ classes: Int, _ channels: Int) -> any Model

  public init(
    name: String, summary: String, input: (channels: Int, height: Int, width: Int),
    make: @escaping @Sendable (_ classes: Int, _ channels: Int) -> any Model
  ) {
    self.name = name
    self.summary = summary
    self.input = input
    self.make = make
  }
}

/// The nets that can be made by name.
public enum ModelCatalog {
  public static let entries: [CatalogEntry] = [
    CatalogEntry(
      name: "lenet5", summary: "LeNet-5 (1998), as commonly rebuilt", input: (1, 32, 32),
      make: { LeNet5(classes: $0, channels: $1) }),
    CatalogEntry(
      name: "digitnet", summary: "the 6-16-120-100-10 net of Harley's visualisation (2015)",
      input: (1, 32, 32), make: { DigitNet(classes: $0, channels: $1) }),
  ]

  /// The entry of that name, or `nil`.
  public static func entry(named name: String) -> CatalogEntry? {
    entries.first { $0.name == name }
  }
}

/// Why a net cannot take an input, and which size it could take.
public struct InputMismatch: Error, Sendable, CustomStringConvertible {
  /// What the first layer that does not fit says, naming the layer.
  public let misuse: Misuse
  /// The input's shape, [N, C, H, W].
  public let shape: TensorShape
  /// The smallest square image that fits, if one up to 512 does.
  public let smallestSize: Int?

  public var description: String {
    let remedy =
      smallestSize.map { "the smallest square image this net takes is \($0)x\($0)" }
      ?? "no square image up to 512x512 fits this net with \(shape[1]) channels"
    return "the net cannot take images of shape \(shape): \(remedy)\n\(misuse)"
  }
}

extension Model {
  /// The shape of the net's output for an input of this shape, from a dry run.
  ///
  /// - Throws: ``InputMismatch``, naming the layer that does not fit and the smallest size that does.
  public func outputShape(for shape: TensorShape, dtype: DType = .float32) throws -> TensorShape {
    do {
      return try dryRun { self(.shape(shape, dtype: dtype)) }.shape
    } catch let misuse as Misuse {
      throw inputMismatch(misuse, shape: shape, dtype: dtype)
    }
  }

  /// Why an input of this shape does not fit, with the smallest square image that does.
  func inputMismatch(_ misuse: Misuse, shape: TensorShape, dtype: DType) -> InputMismatch {
    let smallest =
      shape.rank == 4
      ? (1...512).first { size in
        (try? dryRun { self(.shape([shape[0], shape[1], size, size], dtype: dtype)) }) != nil
      } : nil
    return InputMismatch(misuse: misuse, shape: shape, smallestSize: smallest)
  }
}
