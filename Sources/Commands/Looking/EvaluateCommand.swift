import CTapestryKernels
import TapestryDatasets
import TapestryFiles
import TapestryInsight
import TapestryTraining

/// `convnet evaluate`: measures a trained net on test images.
struct EvaluateCommand: Command {
  static var computesMuch: Bool { true }

  /// The options, each with the type of its value.
  enum Options {
    static let data: Option<String?> = DataSource.option(
      help: "A folder of images, in one of these forms.")
    static let skipBroken: Option<Bool> = .flag(
      "skip-broken", help: "Leaves out images that cannot be read, and lists them at the end.")
    static let output: Option<String?> = .string(
      "output", "FILE", help: "A picture of the confusion matrix to write, .svg or .png.")
    static let threads: Option<Int?> = .int(
      "threads", in: 1...1024, help: "Threads to compute with. (default: the processors)")
    static let json: Option<Bool> = .flag("json", help: "One JSON object.")
  }

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
    options: NetChoice.options + declared(Options.data, Options.skipBroken, Options.output)
      + PreprocessingOptions.options + declared(Options.threads, Options.json))

  private let choice: NetChoice
  private let data: String?
  private let broken: BrokenImages
  private let output: PictureOutput?
  private let threads: Int?
  private let isJSON: Bool
  let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    choice = try NetChoice(arguments)
    data = arguments[Options.data]
    broken = arguments[Options.skipBroken] ? .skipped : .refused
    output = arguments[Options.output] == nil ? nil : try PictureOutput(arguments, Options.output)
    threads = arguments[Options.threads]
    isJSON = arguments[Options.json]
    console = program.console
  }

  func run() throws -> Int32 {
    if let threads { tapestry_set_thread_count(Int32(threads)) }
    let measured = try Measurement(choice, data: data, broken: broken)
    for error in measured.test.images.skipped + measured.test.loader.brokenImages {
      console.complain("warning: left out \(error)")
    }
    let (result, net, source) = (measured.result, measured.net, measured.test.source)
    isJSON ? reportJSON(result, net, on: source) : report(result, net, on: source)
    if let output {
      try measured.figure.write(to: output.path)
      if !isJSON { console.line("\nconfusion matrix drawn in \(output.path)") }
    }
    return 0
  }
}
