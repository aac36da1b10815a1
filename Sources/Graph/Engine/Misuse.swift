/// A mistake in how the framework was called: shapes, element types, axes, a released graph.
///
/// A shape rule throws it with the reason alone; `apply` adds the op, the operands and the user's
/// line. In ordinary code it then ends the process with that text; inside ``dryRun(_:)`` the first one
/// is thrown.
public struct Misuse: Error, Sendable, CustomStringConvertible {
  /// What is wrong: expected and actual.
  public let reason: String
  /// The op whose rule was broken.
  public internal(set) var operation: String?
  /// A line per operand: name, shape, element type, origin.
  public internal(set) var operands: [String] = []
  /// Where the op was called.
  public internal(set) var site: CallSite?
  /// Where an operator was called, as the stack says: it cannot hand its line over.
  private(set) var caller: String?

  public init(_ reason: String) { self.reason = reason }

  init(_ reason: String, operation: String, site: CallSite?) {
    self.reason = reason
    self.operation = operation
    self.site = site
  }

  /// Looks for the line of an operator.
  mutating func findCaller() {
    if let site, !site.isKnown { caller = CallerLine.find() }
  }

  /// `conv2d: input has 3 channels, but ...`, then a line per operand, then the place.
  public var description: String {
    var text = operation.map { "\($0): \(reason)" } ?? reason
    for operand in operands { text += "\n  " + operand }
    if let site {
      if let layer = site.layer {
        text += "\n  in layer \(layer.name.map { "\"\($0)\"" } ?? "without a name")"
        text += ", constructed at \(CallSite(file: layer.file, line: layer.line))"
      }
      if site.isKnown {
        text += "\n  called at \(CallSite(file: site.file, line: site.line))"
      } else if let caller {
        text += "\n  called at \(caller)"
      } else {
        text +=
          "\n  called by an operator, whose line is not known here: see where its operands come from"
      }
    }
    return text
  }
}
