import TapestryInsight
import TapestryModels

/// `convnet mistakes`: draws the test images that a net got wrong.
struct MistakesCommand: Command {
  /// The options, each with the type of its value.
  enum Options {
    static let data: Option<String?> = DataSource.option(
      help: "The folder of the test images. (default: the embedded digits)")
    static let count: Option<Int> = .int(
      "count", default: 16, in: 1...1000, help: "How many at most.")
    static let json: Option<Bool> = .flag("json", help: "Lists them too, one JSON object per line.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "mistakes",
    summary: "Draws the test images that went wrong, worst first.",
    discussion: """
      Worst are those whose true class got the least probability.

        convnet mistakes --weights w.safetensors --output mistakes.svg
      """,
    options: NetChoice.options
      + declared(PictureOutput.option, Options.data, Options.count, Options.json)
      + PreprocessingOptions.options)

  private let choice: NetChoice
  private let data: String?
  private let output: PictureOutput
  private let count: Int
  private let isJSON: Bool
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    choice = try NetChoice(arguments)
    data = arguments[Options.data]
    output = try PictureOutput(arguments)
    count = arguments[Options.count]
    isJSON = arguments[Options.json]
    console = program.console
  }

  func run() throws -> Int32 {
    let net = try choice.net()
    let test = try TestImages(of: net, data: data)
    let mistakes = worstMistakes(of: net.model, on: test.loader, count: count)
    try test.loader.requireIntact()
    let names = net.description.classNames
    let sheet = mistakeSheet(
      mistakes, classNames: names,
      title: "Mistakes of \(net.description.model) on \(test.source.name)")
    let figure = sheet.figure()
    guard isJSON else {
      try output.write(figure, console)
      return 0
    }
    try figure.write(to: output.path)
    for mistake in mistakes {
      console.line(
        jsonLine([
          "index": .integer(mistake.index), "truth": .string(names[mistake.truth]),
          "answer": .string(names[mistake.answer]),
          "probability": .finite(mistake.probabilities[mistake.answer]),
          "truth_probability": .finite(mistake.probabilities[mistake.truth]),
        ]))
    }
    return 0
  }
}
