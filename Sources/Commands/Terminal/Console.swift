#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Where a command writes.
package struct Console {
  /// Takes results: standard output.
  package let write: (String) -> Void
  /// Takes errors and warnings: standard error.
  package let writeError: (String) -> Void
  /// Whether a person watches the output, so that a line can be updated in place.
  package let isTerminal: Bool
  /// Whether the output may have colours.
  package let isColored: Bool
  /// The number of characters of a line.
  package let width: Int

  package init(
    isTerminal: Bool = false, isColored: Bool = false, width: Int = 80,
    write: @escaping (String) -> Void, writeError: @escaping (String) -> Void
  ) {
    self.isTerminal = isTerminal
    self.isColored = isColored
    self.width = width
    self.write = write
    self.writeError = writeError
  }

  /// Writes a line of results.
  package func line(_ text: String = "") { write(text + "\n") }

  /// Writes a line of errors, marked as the program's.
  package func complain(_ text: String) { writeError("convnet: \(text)\n") }

  /// `text` in that style where colours are allowed.
  func styled(_ text: String, _ style: Style) -> String {
    isColored ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// Codes of ISO 6429.
  enum Style: String {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case cyan = "36"
  }

  /// The console of this process.
  ///
  /// - Parameter failure: told of output that could not be written.
  package static func standard(failure: OutputFailure) -> Console {
    let isDumb = environment("TERM") == "dumb"
    let isTerminal = isatty(STDOUT_FILENO) == 1 && !isDumb
    return Console(
      isTerminal: isTerminal, isColored: isTerminal && environment("NO_COLOR") == nil,
      width: terminalWidth() ?? 80,
      write: { text in
        if let code = writeAll(text, to: STDOUT_FILENO) { failure.note(code) }
      },
      writeError: { _ = writeAll($0, to: STDERR_FILENO) })
  }

  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  private static func terminalWidth() -> Int? {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  /// Writes without a buffer, so that lines appear when they are written.
  ///
  /// - Returns: the error's number when not all was taken.
  private static func writeAll(_ text: String, to descriptor: Int32) -> Int32? {
    var text = text
    return text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)[...]
      while !rest.isEmpty {
        let part = UnsafeRawBufferPointer(rebasing: rest)
        let count = Int(Self.write(descriptor, part))
        if count < 0 {
          if errno == EINTR { continue }
          return errno
        }
        rest = rest.dropFirst(count)
      }
      return nil
    }
  }

  private static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Darwin)
      Darwin.write(descriptor, bytes.baseAddress, bytes.count)
    #elseif canImport(Musl)
      Musl.write(descriptor, bytes.baseAddress, bytes.count)
    #else
      Glibc.write(descriptor, bytes.baseAddress, bytes.count)
    #endif
  }
}

/// The first output of a process that could not be written, because the disk is full or nobody reads it.
package final class OutputFailure {
  /// The error's number.
  package private(set) var code: Int32?

  package init() {}

  func note(_ code: Int32) { self.code = self.code ?? code }

  /// What is to be told of it: nothing where the reader has gone, as 'head' does when it has enough.
  var message: String? {
    code.flatMap { $0 == EPIPE ? nil : "cannot write the output: \(String(cString: strerror($0)))" }
  }
}
