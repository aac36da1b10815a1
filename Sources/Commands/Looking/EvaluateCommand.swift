import CTapestryKernels
import TapestryDatasets
import TapestryFiles
import TapestryInsight
import TapestryTraining

/// `convnet evaluate`: measures a trained net on test images.
struct EvaluateCommand {
  static let description = CommandDescription(
    program: "convnet", name: "evaluate", summary: "Measures trained weights on test images.",
    discussion: """
      Tells accuracy, loss, how often the class is among the five most probable, precision, recall and F1 of
      each class, and which classes are taken for which.

      Without --data the embedded digits are taken, split as in training. With it the test images of that
      folder. \(DataSource.forms) Images are prepared as those in training were: the weights know how.

        convnet evaluate --weights runs/lenet5-digits/weights.safetensors
        convnet evaluate --weights runs/lenet5-mnist/weights.safetensors \\
          --data path/to/mnist --output confusion.svg
      """,
    options: SavedNet.options + [
      DataSource.option(help: "A folder of images, in one of these forms."),
      .flag(
        "skip-broken", help: "Leaves out images that cannot be read, and lists them at the end."),
      .string(
        "output", "FILE", help: "A picture of the confusion matrix to write, .svg or .png."),
    ] + PreprocessingOptions.options + [
      .int("threads", in: 1...1024, help: "Threads to compute with. (default: the processors)"),
      .flag("json", help: "One JSON object."),
    ])

  /// Images per forward pass.
  static let batchSize = 256

  private let weights: String
  private let modelName: String?
  private let data: String?
  private let broken: BrokenImages
  private let output: PictureOutput?
  private let preprocessing: PreprocessingOptions
  private let threads: Int?
  private let isJSON: Bool
  let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    weights = try arguments.string("weights")
    modelName = arguments.optionalString("model")
    data = arguments.optionalString("data")
    broken = arguments.has("skip-broken") ? .skipped : .refused
    output = arguments.optionalString("output") == nil ? nil : try PictureOutput(arguments)
    preprocessing = try PreprocessingOptions(arguments)
    threads = arguments.optionalInt("threads")
    isJSON = arguments.has("json")
    console = program.console
  }

  func run() throws -> Int32 {
    if let threads { tapestry_set_thread_count(Int32(threads)) }
    var net = try SavedNet(path: weights, modelName: modelName)
    try preprocessing.complete(&net.description)
    let source = try net.dataSource(data)
    let test = try net.testImages(of: source, broken: broken)
    let loader = try net.description.loader(test, batchSize: Self.batchSize, broken: broken)
    let result = evaluate(net.model, on: loader)
    if broken == .refused { try loader.requireIntact() }
    guard result.count > 0 else {
      throw CommandError("\(source.name): has no test images that can be read")
    }
    for error in test.skipped + loader.brokenImages {
      console.complain("warning: left out \(error)")
    }
    isJSON ? reportJSON(result, net, on: source) : report(result, net, on: source)
    if let output {
      let figure = confusionFigure(
        result, classNames: net.description.classNames,
        title: "\(net.description.model) on \(source.name)")
      try figure.write(to: output.path)
      if !isJSON { console.line("\nconfusion matrix drawn in \(output.path)") }
    }
    return 0
  }
}
