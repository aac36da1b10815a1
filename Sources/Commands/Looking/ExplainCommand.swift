import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TapestryInsight
import TapestryModels

/// `convnet explain`: a page in which a trained net runs and can be looked into.
struct ExplainCommand: Command {
  /// The options, each with the type of its value.
  enum Options {
    static let weights: Option<String?> = .string(
      "weights", "FILE",
      help: "The weights, as 'convnet train' saved them. (default: those saved last below runs)")
    static let model: Option<String?> = .model(
      help: "Of which model they are, where the file does not say so.")
    static let data: Option<String?> = DataSource.option(
      help:
        "Where the pictures to choose from come from. (default: the data of the training, if they are part of "
        + "this program)")
    static let samples: Option<Int> = .int(
      "samples", default: 40, in: 0...1000, help: "Test images to put into the page.")
    static let output: Option<String> = .string(
      "output", "FILE", default: "explain.html", help: "The page.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "explain",
    summary: "Writes a page in which trained weights run and show how.",
    discussion: """
      One HTML file with the net inside, for any browser: draw a picture or choose a test image, watch every \
      layer, point at a unit to see its receptive field and its arithmetic. Nothing is loaded from anywhere.

        convnet train && convnet explain
        convnet explain --weights runs/lenet5-mnist/weights.safetensors \\
          --data path/to/mnist --output lenet5.html
      """,
    options: declared(Options.weights, Options.model, Options.data, Options.samples, Options.output)
      + PreprocessingOptions.options)

  private let weights: String?
  private let modelName: String?
  private let preprocessing: PreprocessingOptions
  private let data: String?
  private let sampleCount: Int
  private let output: String
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    weights = arguments[Options.weights]
    modelName = arguments[Options.model]
    preprocessing = try PreprocessingOptions(arguments)
    data = arguments[Options.data]
    sampleCount = arguments[Options.samples]
    output = arguments[Options.output]
    console = program.console
  }

  func run() throws -> Int32 {
    let path = try weights ?? recentWeights()
    let net = try NetChoice(weights: path, modelName: modelName, preprocessing).net()
    let description = net.description
    // Without --data, a net of data that are not part of this program gets a page to draw on.
    let isKnown = data != nil || description.data == DataSource.digitsName
    let samples =
      isKnown && sampleCount > 0
      ? try description.pictures(
        of: net.testImages(of: net.dataSource(data)), count: sampleCount) : nil
    let page = try Self.page(of: net.model, description, samples: samples, count: sampleCount)
    try page.write(to: output)
    console.line(
      """
      \(console.styled(printable(description.model), .bold)) from \(path)
      page written to \(console.styled(output, .bold)), \(byteSize(page.html.utf8.count)): open it in a browser
      """)
    return 0
  }

  /// The page of a net; without samples it is only drawn on.
  static func page(
    of model: any Model, _ description: WeightsDescription, samples: ImageSet? = nil, count: Int = 0
  ) throws -> ExplainPage {
    try ExplainPage(
      of: model, named: "\(printable(description.model)), as it was trained",
      subtitle:
        "\(grouped(model.parameterCount)) parameters · trained on \(description.data) · "
        + counted(description.classes, "class"),
      classNames: description.classNames,
      input: TensorShape([description.channels, description.height, description.width]),
      normalization: description.normalization, samples: samples, sampleCount: count)
  }
}
