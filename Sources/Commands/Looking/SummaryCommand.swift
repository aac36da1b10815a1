import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps

/// `convnet summary`: what a net is made of.
struct SummaryCommand: Command {
  /// The options, each with the type of its value.
  enum Options {
    static let input: Option<[Int]> = .intList(
      "input", "C,H,W", in: 1...65_536,
      help: "Channels, height and width of the images. (default: those of the paper)")
    static let classes: Option<Int?> = .int(
      "classes", in: 1...1_000_000, help: "Number of classes. (default: that of the paper)")
    static let batch: Option<Int> = .int(
      "batch", default: 1, in: 1...65_536, help: "Images at once.")
    static let training: Option<Bool> = .flag(
      "training", help: "The layers as they run in training.")
    static let json: Option<Bool> = .flag(
      "json", help: "One JSON object per layer, then one with the totals.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "summary",
    summary: "Shows the layers of a model: shapes, parameters, arithmetic, memory.",
    discussion: """
      A row per layer, from a run without numbers: nothing is computed and no memory taken. Multiply-adds are those
      of convolutions and dense layers, by which papers compare nets. The receptive field is what a unit of the
      layer sees of the image; neighbouring units see windows that many pixels apart.

        convnet summary resnet18
        convnet summary vgg16 --input 3,64,64 --classes 10
      """,
    arguments: [CommandArgument("MODEL", help: "The model; 'convnet models' lists them.")],
    options: declared(Options.input, Options.classes, Options.batch, Options.training, Options.json)
  )

  private let entry: CatalogEntry
  private let classes: Int
  private let channels: Int
  private let size: Pair
  private let batch: Int
  private let isTraining: Bool
  private let isJSON: Bool
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    let name = arguments.argument("MODEL") ?? ""
    guard let entry = ModelCatalog.entry(named: name) else {
      let near = ModelCatalog.suggestion(for: name).map { " (did you mean '\($0)'?)" } ?? ""
      throw arguments.misuse(
        "the model '\(printable(name))' is not known\(near); 'convnet models' lists those that are")
    }
    let given = arguments[Options.input]
    guard given.isEmpty || given.count == 3 else {
      throw arguments.misuse("'--input' takes three numbers: channels, height and width")
    }
    self.entry = entry
    channels = given.first ?? entry.input.channels
    size = Pair(
      height: given.isEmpty ? entry.input.height : given[1],
      width: given.isEmpty ? entry.input.width : given[2])
    classes = arguments[Options.classes] ?? entry.classes
    batch = arguments[Options.batch]
    isTraining = arguments[Options.training]
    isJSON = arguments[Options.json]
    console = program.console
  }

  func run() throws -> Int32 {
    // A net made in a dry run has shapes and takes no memory.
    let net = try dryRun { try entry.make(classes: classes, channels: channels, size: size) }
    let summary = try net.summary(
      for: [batch, channels, size.height, size.width], training: isTraining)
    guard isJSON else {
      console.line(console.styled("\(entry.name): \(entry.summary) (\(entry.paper))", .bold))
      console.line()
      console.line("\(summary)")
      return 0
    }
    for row in summary.rows { console.line(jsonLine(json(row))) }
    console.line(
      jsonLine([
        "model": .string(entry.name), "input": json(summary.inputShape),
        "output": json(summary.outputShape), "parameters": .integer(summary.parameterCount),
        "unused_parameters": .integer(summary.unusedParameterCount),
        "multiply_adds": .integer(summary.multiplyAccumulates),
        "arithmetic": .integer(summary.arithmetic), "state_bytes": .integer(summary.stateBytes),
        "activation_bytes": .integer(summary.activationBytes),
      ]))
    return 0
  }

  private func json(_ row: ModelSummary.Row) -> JSONValue {
    var object = JSONObject()
    object["layer"] = .string(row.layer)
    object["operation"] = .string(row.operation)
    object["output"] = json(row.outputShape)
    object["parameters"] = .integer(row.parameterCount)
    object["multiply_adds"] = .integer(row.multiplyAccumulates)
    object["arithmetic"] = .integer(row.arithmetic)
    object["activation_bytes"] = .integer(row.activationBytes)
    if let field = row.receptiveField {
      object["receptive_field"] = ["height": json(field.height), "width": json(field.width)]
    }
    return .object(object)
  }

  private func json(_ axis: ReceptiveField.Axis) -> JSONValue {
    ["size": .integer(axis.size), "jump": .integer(axis.jump), "start": .integer(axis.start)]
  }

  private func json(_ shape: TensorShape) -> JSONValue { .array(shape.map(JSONValue.integer)) }
}
