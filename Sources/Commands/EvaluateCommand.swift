import CTapestryKernels
import TapestryDatasets
import TapestryFiles
import TapestryTraining

/// `convnet evaluate`: measures a trained net on test images.
struct EvaluateCommand {
  static let description = CommandDescription(
    program: "convnet", name: "evaluate", summary: "Measures trained weights on test images.",
    discussion: """
      Without --data the embedded digits are taken, split as in training. With it the test images of that
      folder. \(DataSource.forms)

        convnet evaluate --weights runs/lenet5-digits/weights.safetensors
      """,
    options: SavedNet.options + [
      DataSource.option(help: "A folder of images, in one of these forms."),
      .int("threads", in: 1...1024, help: "Threads to compute with. (default: the processors)"),
      .flag("json", help: "One JSON object."),
    ])

  /// Images per forward pass.
  static let batchSize = 256
  /// Classes listed; of more, those recognised worst.
  private static let listedClasses = 20

  private let weights: String
  private let modelName: String?
  private let data: String?
  private let threads: Int?
  private let isJSON: Bool
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    weights = try arguments.string("weights")
    modelName = arguments.optionalString("model")
    data = arguments.optionalString("data")
    threads = arguments.optionalInt("threads")
    isJSON = arguments.has("json")
    console = program.console
  }

  func run() throws -> Int32 {
    if let threads { tapestry_set_thread_count(Int32(threads)) }
    let net = try SavedNet(path: weights, modelName: modelName)
    let source = try net.dataSource(data)
    let test = try net.testImages(of: source)
    let loader = try net.description.loader(test, batchSize: Self.batchSize)
    let result = evaluate(net.model, on: loader)
    isJSON ? reportJSON(result, net) : report(result, net, on: source)
    return 0
  }

  private func report(_ result: Evaluation, _ net: SavedNet, on source: DataSource) {
    let names = net.description.classNames
    console.line(
      """
      \(console.styled(net.description.model, .bold)) on \(counted(result.count, "test image")) of \
      \(console.styled(source.name, .bold))

      accuracy: \(console.styled(fixed(result.accuracy, 4), .bold)) \
      (\(grouped(result.correctCount)) of \(grouped(result.count)))
      loss:     \(fixed(result.loss, 4))
      """)
    var listed = names.indices.compactMap { label in
      result.accuracy(ofClass: label).map { (label: label, accuracy: $0) }
    }
    let isPart = listed.count > Self.listedClasses
    if isPart {
      // sort(by:) is stable: equal ones stay in the order of the classes.
      listed.sort { $0.accuracy < $1.accuracy }
      listed = Array(listed.prefix(Self.listedClasses))
    }
    let width = max(5, listed.map { names[$0.label].count }.max() ?? 0)
    console.line("\n\(padded("class", width))  images  accuracy\(isPart ? " (the worst)" : "")")
    for (label, accuracy) in listed {
      let images = grouped(result.confusion[label].reduce(0, +))
      console.line(
        "\(padded(names[label], width))  \(padded(images, 6, isRight: true))  \(fixed(accuracy, 4))"
          + "  \(console.styled(bar(accuracy, width: 20), .cyan))")
    }
    let confusions = result.mostFrequentConfusions()
    guard !confusions.isEmpty else { return }
    console.line("\nmost frequent confusions")
    for confusion in confusions {
      console.line(
        "  \(names[confusion.truth]) taken for \(names[confusion.answer])"
          + "  \(counted(confusion.count, "time"))")
    }
  }

  private func reportJSON(_ result: Evaluation, _ net: SavedNet) {
    let names = net.description.classNames
    let classes = names.indices.map { label -> JSONValue in
      [
        "class": .string(names[label]),
        "images": .integer(result.confusion[label].reduce(0, +)),
        "accuracy": result.accuracy(ofClass: label).map { .finite($0) } ?? .null,
      ]
    }
    let confusions = result.mostFrequentConfusions().map { confusion -> JSONValue in
      [
        "class": .string(names[confusion.truth]), "answer": .string(names[confusion.answer]),
        "count": .integer(confusion.count),
      ]
    }
    console.line(
      jsonLine([
        "accuracy": .finite(result.accuracy), "loss": .finite(result.loss),
        "images": .integer(result.count), "model": .string(net.description.model),
        "classes": .array(classes), "confusions": .array(confusions),
      ]))
  }
}
