import CTapestryKernels

/// Ends the process with words and the user's line, also in release builds: `precondition` would lose them.
package func trap(
  _ message: @autoclosure () -> String, file: StaticString, line: UInt
) -> Never {
  let text = message()
  #if canImport(Darwin)
    // Debuggers and crash reports know this message.
    fatalError(text, file: file, line: line)
  #else
    end(text, at: "\(file):\(line)")
  #endif
}

/// Ends the process with words where no line can be handed over: in operators, properties and literals. The line is
/// found from the stack, where that is possible.
package func trapAtCaller(_ message: @autoclosure () -> String) -> Never {
  end(message(), at: CallerLine.find())
}

/// Ends the process with a misuse and the user's line.
func trap(_ misuse: Misuse) -> Never {
  guard let site = misuse.site, site.isKnown else { end(misuse.description, at: misuse.caller) }
  trap(misuse.description, file: site.file, line: site.line)
}

/// Ends the process as `fatalError` does, for a line that was found at run time, and without the stacks that it prints
/// behind the message: the message is the last thing on the screen. The runtime's registers and stacks follow only where
/// the environment asks for them by `SWIFT_BACKTRACE`.
private func end(_ message: String, at place: String?) -> Never {
  tapestry_silence_backtrace()
  tapestry_end((place.map { "\($0): " } ?? "") + "Fatal error: \(message)\n")
}
