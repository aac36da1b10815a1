import TapestryInsight
import TapestryModels

/// `convnet mistakes`: draws the test images that a net got wrong.
struct MistakesCommand {
  static let description = CommandDescription(
    program: "convnet", name: "mistakes",
    summary: "Draws the test images that went wrong, worst first.",
    discussion: """
      Worst are those whose true class got the least probability.

        convnet mistakes --weights w.safetensors --output mistakes.svg
      """,
    options: SavedNet.options + [
      PictureOutput.option,
      DataSource.option(help: "The folder of the test images. (default: the embedded digits)"),
      .int("count", default: 16, in: 1...1000, help: "How many at most."),
      .flag("json", help: "Lists them too, one JSON object per line."),
    ] + PreprocessingOptions.options)

  private let weights: String
  private let modelName: String?
  private let preprocessing: PreprocessingOptions
  private let data: String?
  private let output: PictureOutput
  private let count: Int
  private let isJSON: Bool
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    weights = try arguments.string("weights")
    modelName = arguments.optionalString("model")
    preprocessing = try PreprocessingOptions(arguments)
    data = arguments.optionalString("data")
    output = try PictureOutput(arguments)
    count = try arguments.int("count")
    isJSON = arguments.has("json")
    console = program.console
  }

  func run() throws -> Int32 {
    var net = try SavedNet(path: weights, modelName: modelName)
    try preprocessing.complete(&net.description)
    let source = try net.dataSource(data)
    let test = try net.testImages(of: source)
    let loader = try net.description.loader(test, batchSize: EvaluateCommand.batchSize)
    let mistakes = worstMistakes(of: net.model, on: loader, count: count)
    try loader.requireIntact()
    let names = net.description.classNames
    let sheet = mistakeSheet(
      mistakes, classNames: names, title: "Mistakes of \(net.description.model) on \(source.name)")
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
