import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps

/// `convnet export`: writes a net as an ONNX file.
struct ExportCommand: Command {
  /// The options, each with the type of its value.
  enum Options {
    static let onnx: Option<String?> = .string("onnx", "FILE", help: "The ONNX file to write.")
    static let safetensors: Option<String?> = .string(
      "safetensors", "FILE", help: "The state file to write.")
    static let weights: Option<String?> = .string(
      "weights", "FILE", help: "The weights, as 'convnet train' saved them.")
    static let model: Option<String?> = .model(
      help: "The model, where no weights are given or they do not say it.")
    static let input: Option<[Int]> = .intList(
      "input", "C,H,W", in: 1...65_536,
      help: "Size of an image. (default: that of the weights, or the model's own)")
    static let classes: Option<Int?> = .int(
      "classes", in: 1...10_000_000,
      help: "Classes of a model without weights. (default: those of its paper)"
    )
    static let batch: Option<Int?> = .int(
      "batch", in: 1...1_000_000, help: "A fixed number of images. (default: any)")
  }

  static let description = CommandDescription(
    program: "convnet", name: "export", summary: "Writes a model as an ONNX or state file.",
    discussion: """
      Takes trained weights, or where none are given fresh ones. The ONNX file says what the model computes in \
      inference, for any number of images at once, in operator set 17. The state file has the weights alone.

        convnet export --weights lenet5.safetensors --onnx lenet5.onnx
        convnet export --model resnet18 --onnx resnet18.onnx
      """,
    options: declared(
      Options.onnx, Options.safetensors, Options.weights, Options.model, Options.input,
      Options.classes, Options.batch))

  private let arguments: ParsedArguments
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) {
    self.arguments = arguments
    console = program.console
  }

  func run() throws -> Int32 {
    let (onnx, state) = (
      arguments[Options.onnx], arguments[Options.safetensors]
    )
    guard onnx != nil || state != nil else {
      throw arguments.misuse("say what to write: '--onnx FILE', '--safetensors FILE' or both")
    }
    let net = try NamedNet(arguments)
    let parameters = counted(net.model.parameterCount, "parameter")
    if let onnx {
      let batch = arguments[Options.batch]
      try net.model.exportONNX(
        to: onnx, input: net.input, batch: batch, name: net.name, metadata: net.metadata)
      let sizes = [batch.map(String.init) ?? "N"] + net.input.map(String.init)
      console.line(
        "\(console.styled(net.name, .bold)) with \(parameters) for images [\(sizes.joined(separator: ", "))]"
          + " written to \(onnx)")
    }
    if let state {
      try net.model.save(to: state, metadata: net.metadata)
      console.line("the weights of \(console.styled(net.name, .bold)) written to \(state)")
    }
    return 0
  }
}

/// A net of the catalog by `--weights`, or by `--model` with fresh weights.
struct NamedNet {
  let name: String
  let model: any Model
  /// The shape of one image.
  let input: TensorShape
  /// What the weights file says about the net.
  let metadata: [String: String]

  init(_ arguments: ParsedArguments) throws {
    let sizes = arguments[ExportCommand.Options.input]
    guard sizes.isEmpty || sizes.count == 3 else {
      throw arguments.misuse(
        "'--input' has \(counted(sizes.count, "number")), but is C,H,W: 3,224,224")
    }
    let modelName = arguments[ExportCommand.Options.model]
    if let weights = arguments[ExportCommand.Options.weights] {
      let net = try SavedNet(path: weights, modelName: modelName)
      let size = net.description
      name = size.model
      model = net.model
      metadata = size.metadata
      input = TensorShape(sizes.isEmpty ? [size.channels, size.height, size.width] : sizes)
      return
    }
    guard let modelName, let entry = ModelCatalog.entry(named: modelName) else {
      throw arguments.misuse("give trained weights with '--weights' or a model with '--model'")
    }
    name = modelName
    input = TensorShape(
      sizes.isEmpty ? [entry.input.channels, entry.input.height, entry.input.width] : sizes)
    let classes = arguments[ExportCommand.Options.classes] ?? entry.classes
    model = try entry.make(
      classes: classes, channels: input[0], size: Pair(height: input[1], width: input[2]))
    metadata = [
      "model": modelName, "classes": String(classes), "channels": String(input[0]),
      "height": String(input[1]), "width": String(input[2]), "format": "pt",
    ]
  }
}
