import TapestryInsight
import TapestryModels
import TapestryTraining

/// `convnet confusion`: draws which classes are taken for which.
struct ConfusionCommand {
  static let description = CommandDescription(
    program: "convnet", name: "confusion", summary: "Draws which classes are taken for which.",
    discussion: """
      A row for every true class, a column for every answer, on the test images.

        convnet confusion --weights w.safetensors --output confusion.svg
      """,
    options: SavedNet.options + [
      PictureOutput.option,
      DataSource.option(help: "The folder of the test images. (default: the embedded digits)"),
    ] + PreprocessingOptions.options)

  private let weights: String
  private let modelName: String?
  private let preprocessing: PreprocessingOptions
  private let data: String?
  private let output: PictureOutput
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    weights = try arguments.string("weights")
    modelName = arguments.optionalString("model")
    preprocessing = try PreprocessingOptions(arguments)
    data = arguments.optionalString("data")
    output = try PictureOutput(arguments)
    console = program.console
  }

  func run() throws -> Int32 {
    var net = try SavedNet(path: weights, modelName: modelName)
    try preprocessing.complete(&net.description)
    let source = try net.dataSource(data)
    let test = try net.testImages(of: source)
    let loader = try net.description.loader(test, batchSize: EvaluateCommand.batchSize)
    let result = evaluate(net.model, on: loader)
    try loader.requireIntact()
    let figure = confusionFigure(
      result, classNames: net.description.classNames,
      title: "\(net.description.model) on \(source.name)")
    try output.write(figure, console)
    return 0
  }
}
