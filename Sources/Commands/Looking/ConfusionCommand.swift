/// `convnet confusion`: draws which classes are taken for which, one view of what `evaluate` measures.
struct ConfusionCommand: Command {
  /// The options, each with the type of its value.
  enum Options {
    static let data: Option<String?> = DataSource.option(
      help: "The folder of the test images. (default: the embedded digits)")
  }

  static let description = CommandDescription(
    program: "convnet", name: "confusion", summary: "Draws which classes are taken for which.",
    discussion: """
      A row for every true class, a column for every answer, on the test images.

        convnet confusion --weights w.safetensors --output confusion.svg
      """,
    options: NetChoice.options + declared(PictureOutput.option, Options.data)
      + PreprocessingOptions.options)

  private let choice: NetChoice
  private let data: String?
  private let output: PictureOutput
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    choice = try NetChoice(arguments)
    data = arguments[Options.data]
    output = try PictureOutput(arguments)
    console = program.console
  }

  func run() throws -> Int32 {
    try output.write(Measurement(choice, data: data).figure, console)
    return 0
  }
}
