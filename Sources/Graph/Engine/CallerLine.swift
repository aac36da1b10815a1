#if os(Linux) && compiler(>=6.2) && canImport(Runtime)
  import Runtime
#endif

/// The user's line that called into the framework, for calls that cannot be handed one: operators, properties,
/// literals.
enum CallerLine {
  /// `main.swift:12`, or `nil` where the stack or the line table cannot be had: on macOS, and in programs built
  /// without debug information or frame pointers. SwiftPM's builds have both, release builds too.
  ///
  /// A call in the last place of a function may have been compiled to a jump; then its caller's line is found.
  static func find() -> String? {
    #if os(Linux) && compiler(>=6.2) && canImport(Runtime)
      let options: Backtrace.SymbolicationOptions = [
        .showInlineFrames, .showSourceLocations, .useSymbolCache,
      ]
      guard let stack = try? Backtrace.capture(limit: 64, top: 0),
        let frames = stack.symbolicated(with: nil, options: options)?.frames
      else { return nil }
      for frame in frames {
        guard let place = frame.symbol?.sourceLocation, place.line > 0,
          place.path.hasPrefix("/"), !isOurs(place.path)
        else { continue }
        return "\(place.path.split(separator: "/").last ?? ""):\(place.line)"
      }
    #endif
    return nil
  }

  /// The folder of the framework's modules, this file's third from the end.
  private static let sources: String = {
    let path = #filePath
    return path.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
      .joined(separator: "/") + "/"
  }()

  private static func isOurs(_ path: String) -> Bool { path.hasPrefix(sources) }
}
