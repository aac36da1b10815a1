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

  public init(_ reason: String) { self.reason = reason }

  init(_ reason: String, operation: String, site: CallSite?) {
    self.reason = reason
    self.operation = operation
    self.site = site
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
      text +=
        site.isKnown
        ? "\n  called at \(CallSite(file: site.file, line: site.line))"
        : "\n  called by an operator: the operands' origins and the backtrace say where"
    }
    return text
  }
}

/// Ends the process with words, also in release builds: `precondition` would lose them.
package func trap(
  _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) -> Never {
  fatalError(message(), file: file, line: line)
}

/// Ends the process with a misuse and the user's line.
func trap(_ misuse: Misuse) -> Never {
  guard let site = misuse.site, site.isKnown else { fatalError(misuse.description) }
  fatalError(misuse.description, file: site.file, line: site.line)
}
