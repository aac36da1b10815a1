/// A command of the program: what it takes, and what it does with that.
protocol Command {
  /// Its name, arguments and options: what parsing and help are made from.
  static var description: CommandDescription { get }

  /// Whether it computes so much that a program built for debug should say that it is slow.
  static var computesMuch: Bool { get }

  /// The command with what was typed.
  ///
  /// - Throws: `UsageError` for what does not go together.
  init(_ arguments: ParsedArguments, _ program: Convnet) throws

  /// Runs it.
  ///
  /// - Returns: the exit code.
  func run() throws -> Int32
}

extension Command {
  static var computesMuch: Bool { false }
}
