import TapestryFiles
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
    let (standard, height, width) = entry.input
    let sizes = [arguments[Options.batch]] + (input.isEmpty ? [standard, height, width] : input)
    try ResourceLimits.current.requireMemory(
      checkedProduct(of: sizes + [4]), for: "an input of \(sizes)")
    shape = TensorShape(sizes)
    classes = arguments[Options.classes] ?? (shape[1] == 1 ? 10 : 1000)
    let size = Pair(height: shape[2], width: shape[3])
    let (classes, channels) = (classes, shape[1])
    try NetCost(of: shape) {
      try entry.make(classes: classes, channels: channels, size: size)
    }.require(copies: 2, isTimed: false, for: "\(name) for \(shape)")
    model = try entry.make(classes: classes, channels: channels, size: size)
  }
}
