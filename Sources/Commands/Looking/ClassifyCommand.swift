import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps

/// `convnet classify`: shows images and what a trained net takes them for.
struct ClassifyCommand: Command {
  /// The options, each with the type of its value.
  enum Options {
    static let top: Option<Int> = .int(
      "top", "K", default: 5, in: 1...65_536, help: "How many classes to list.")
    static let json: Option<Bool> = .flag("json", help: "One JSON object per image.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "classify", summary: "Shows what trained weights take images for.",
    discussion: """
      Images are PNG, JPEG (where libturbojpeg is installed), or portable graymaps or pixmaps (PGM, PPM), or one
      test image of a data set. What is transparent counts as black. They are brought to the size that the net
      was trained on, which the weights know. The nets of digits expect light strokes on black.

      Weights that PyTorch saved as safetensors say nothing of their model, the names of their classes or how
      pixels are scaled: name the model with --model, and the rest with the options below.

        convnet classify --weights runs/lenet5-digits/weights.safetensors --index 0
        convnet classify --weights runs/lenet5-digits/weights.safetensors seven.png
        convnet classify --weights resnet18.safetensors --model resnet18 \\
          --classes names.txt dog.jpg --mean 0.485,0.456,0.406 \\
          --deviation 0.229,0.224,0.225
      """,
    arguments: [ImageChoice.argument],
    options: NetChoice.options + ImageChoice.options + declared(Options.top)
      + PreprocessingOptions.options + declared(Options.json))

  private let choice: NetChoice
  private let images: ImageChoice
  private let top: Int
  private let isJSON: Bool
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    choice = try NetChoice(arguments)
    images = try ImageChoice(arguments, verb: "classify")
    top = arguments[Options.top]
    isJSON = arguments[Options.json]
    console = program.console
  }

  func run() throws -> Int32 {
    let net = try choice.net()
    for (position, subject) in try images.subjects(for: net).enumerated() {
      let image = try subject.tensor(for: net)
      let logits = inference { net.model(image) }
      let probabilities = softmax(logits).scalars()
      if isJSON {
        reportJSON(subject, logits.scalars(), probabilities, net)
      } else {
        if position > 0 { console.line() }
        report(subject, probabilities, net)
      }
    }
    return 0
  }

  // MARK: - Reports

  /// The most probable classes, the first of equals first.
  private func best(_ probabilities: [Double]) -> [Int] {
    Array(
      probabilities.indices.sorted { probabilities[$0] > probabilities[$1] }
        .prefix(top))
  }

  private func report(_ subject: ImageSubject, _ probabilities: [Double], _ net: SavedNet) {
    let names = net.description.classNames
    let best = best(probabilities)
    console.line(console.styled(subject.name, .bold))
    let picture = picture(of: subject.image)
    let lines =
      console.isColored
      ? picture.colored(columns: min(console.width, 64))
      : picture.shaded(columns: min(console.width, 64))
    for line in lines { console.line(line) }
    let width = best.map { names[$0].count }.max() ?? 0
    for (rank, label) in best.enumerated() {
      let text = "\(padded(names[label], width))  \(fixed(probabilities[label], 4))"
      let drawn = bar(probabilities[label], width: 24)
      console.line(
        "  \(rank == 0 ? console.styled(text, .bold) : text)  \(console.styled(drawn, .cyan))")
    }
    guard let truth = subject.truth else { return }
    let isRight = truth == best.first
    console.line(
      isRight
        ? console.styled("  right: it is \(names[truth])", .green)
        : console.styled("  wrong: it is \(names[truth])", .red))
  }

  private func reportJSON(
    _ subject: ImageSubject, _ logits: [Double], _ probabilities: [Double], _ net: SavedNet
  ) {
    let names = net.description.classNames
    let classes = best(probabilities).map { label -> JSONValue in
      [
        "class": .string(names[label]), "label": .integer(label),
        "probability": .finite(probabilities[label]),
      ]
    }
    var object = JSONObject()
    if let index = subject.index {
      object["index"] = .integer(index)
    } else {
      object["image"] = .string(subject.name)
    }
    if let truth = subject.truth { object["truth"] = .string(names[truth]) }
    object["answer"] = classes.first?["class"] ?? .null
    object["classes"] = .array(classes)
    object["logits"] = .array(logits.map(JSONValue.finite))
    console.line(jsonLine(.object(object)))
  }

  /// The mean of the channels, brightest at the set's maximum.
  private func picture(of set: ImageSet) -> Picture {
    let plane = set.height * set.width
    let brightest = Double(set.maximumValue * set.channels)
    return Picture(
      width: set.width, height: set.height,
      brightness: (0..<plane).map { position in
        let sum = (0..<set.channels).reduce(0) { $0 + Int(set.pixels[$1 * plane + position]) }
        return Double(sum) / brightest
      })
  }
}
