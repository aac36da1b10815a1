import TapestryGraph
import TapestryModels
import TapestryOps

/// The options by which benchmark and profile are told a net and an input for it.
struct NetOptions {
  /// The options, each with the type of its value.
  enum Options {
    static let model: Option<String?> = .model(help: "The model.")
    static let batch: Option<Int> = .int(
      "batch", default: 8, in: 1...1_000_000, help: "Images at once.")
    static let classes: Option<Int?> = .int(
      "classes", in: 1...10_000_000,
      help: "Classes. (default: 1000, or 10 where images have one channel)")
  }

  static let options: [CommandOption] = declared(Options.model, Options.batch, Options.classes)

  let entry: CatalogEntry
  let model: any Model
  let shape: TensorShape
  let classes: Int

  /// - Parameter input: the option `--input`, which the commands describe each in its own way.
  init(_ arguments: ParsedArguments, input: [Int]) throws {
    let name = try arguments.required(Options.model)
    guard let entry = ModelCatalog.entry(named: name) else {
      throw arguments.misuse("the model '\(name)' is not known")
    }
    self.entry = entry
    guard input.isEmpty || input.count == 3 else {
      throw arguments.misuse(
        "'--input' has \(counted(input.count, "number")), but with '--model' it is C,H,W: 3,224,224"
      )
    }
    let (channels, height, width) = entry.input
    shape = TensorShape(
      [arguments[Options.batch]] + (input.isEmpty ? [channels, height, width] : input))
    classes = arguments[Options.classes] ?? (shape[1] == 1 ? 10 : 1000)
    model = try entry.make(
      classes: classes, channels: shape[1], size: Pair(height: shape[2], width: shape[3]))
  }
}
