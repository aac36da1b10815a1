import TapestryGraph
import TapestryModels
import TapestryOps

/// The options by which benchmark and profile are told a net and an input for it.
struct NetOptions {
  static let options: [CommandOption] = [
    .model(help: "The model."),
    .int("batch", default: 8, in: 1...1_000_000, help: "Images at once."),
    .int(
      "classes", in: 1...10_000_000,
      help: "Classes. (default: 1000, or 10 where images have one channel)"),
  ]

  let entry: CatalogEntry
  let model: any Model
  let shape: TensorShape
  let classes: Int

  init(_ arguments: ParsedArguments) throws {
    let name = try arguments.string("model")
    guard let entry = ModelCatalog.entry(named: name) else {
      throw arguments.misuse("the model '\(name)' is not known")
    }
    self.entry = entry
    let input = arguments.ints("input")
    guard input.isEmpty || input.count == 3 else {
      throw arguments.misuse(
        "'--input' has \(counted(input.count, "number")), but with '--model' it is C,H,W: 3,224,224"
      )
    }
    let (channels, height, width) = entry.input
    shape = TensorShape(
      [try arguments.int("batch")] + (input.isEmpty ? [channels, height, width] : input))
    classes = arguments.optionalInt("classes") ?? (shape[1] == 1 ? 10 : 1000)
    model = try entry.make(
      classes: classes, channels: shape[1], size: Pair(height: shape[2], width: shape[3]))
  }
}
