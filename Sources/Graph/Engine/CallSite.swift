import Synchronization

/// The place in a program that a node, a message or a profile entry points at.
public struct CallSite: Sendable, CustomStringConvertible {
  public let file: StaticString
  public let line: UInt
  /// The layer that made the call, if one did.
  public let layer: LayerOrigin?

  public init(file: StaticString, line: UInt, layer: LayerOrigin? = nil) {
    self.file = file
    self.line = line
    self.layer = layer
  }

  /// What stands for the file of an operator such as `+`, which cannot take the line it stands on.
  package static let operatorFile: StaticString = "an operator"

  /// Whether the line is known: an operator's is not.
  public var isKnown: Bool { line > 0 }

  /// `LeNet.swift:41`, followed by the layer's name where one is known: ` (conv1)`
  public var description: String {
    let place = isKnown ? "\(shortFile):\(line)" : Self.operatorFile.description
    guard let name = layer?.name else { return place }
    return "\(place) (\(name))"
  }

  /// The file's name without its module.
  var shortFile: Substring { file.description.split(separator: "/").last ?? "" }
}

/// Where a layer was constructed, and what the model calls it ("features.3") once names are assigned.
public final class LayerOrigin: Sendable {
  public let file: StaticString
  public let line: UInt
  private let assigned = Mutex<String?>(nil)

  public init(file: StaticString, line: UInt) {
    self.file = file
    self.line = line
  }

  /// The dotted path of the layer in its model, or `nil` before names were assigned.
  public var name: String? {
    get { assigned.withLock { $0 } }
    set { assigned.withLock { $0 = newValue } }
  }
}
