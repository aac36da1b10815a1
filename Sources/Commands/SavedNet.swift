import TapestryFiles
import TapestryGraph
import TapestryModels

/// A net read from a weights file.
struct SavedNet {
  let description: WeightsDescription
  let model: any Model
  let path: String

  /// Reads the file at `path`; `modelName` says of which model it is when it does not say so itself.
  ///
  /// - Throws: `FileError`, ``CommandError``, or `StateMismatch` with every name that differs.
  init(path: String, modelName: String?) throws {
    let file = try SafetensorsFile(path: path)
    description = try WeightsDescription(file, path: path, modelName: modelName)
    model = try description.makeModel()
    try model.load(file, source: path)
    self.path = path
    _ = try model.outputShape(for: description.inputShape(1))
  }

  /// The options that a command on a weights file has in common with others.
  static let options: [CommandOption] = [
    .string("weights", "FILE", help: "The weights, as 'convnet train' saved them. Required."),
    .string("model", "NAME", help: "Of which model they are, when the file does not say so."),
  ]
}
