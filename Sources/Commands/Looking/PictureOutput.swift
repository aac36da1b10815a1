import TapestryFiles
import TapestryGraph
import TapestryInsight
import TapestryModels
import TapestryPictures

/// What the commands that write a picture have in common.
struct PictureOutput {
  let path: String

  static let option: Option<String?> = .string(
    "output", "FILE", help: "The picture to write, .svg or .png. Required.")

  /// - Parameter option: how the command declares it.
  init(
    _ arguments: ParsedArguments, _ option: Option<String?> = Self.option
  ) throws(UsageError) {
    path = try arguments.required(option)
    guard [".svg", ".png"].contains(where: path.lowercased().hasSuffix) else {
      throw arguments.misuse("--output is '\(path)', but must end in .svg or .png")
    }
  }

  /// Writes the picture and says so.
  func write(_ figure: Figure, _ console: Console) throws {
    try figure.write(to: path)
    console.line("\(path): \(figure.title)")
  }
}

extension SavedNet {
  /// `[1, C, H, W]`: what the net takes.
  var inputShape: TensorShape { [1, description.channels, description.height, description.width] }

  /// The layers that give maps, in order, each once.
  func mapLayers() throws -> [String] {
    var names: [String] = []
    let trace = try model.trace(for: inputShape)
    for step in trace.steps where trace.outputShape(of: step).rank == 4 {
      if let name = step.layer, !names.contains(name) { names.append(name) }
    }
    return names
  }

  /// The class that `--class` names; without it what the net takes the image for.
  func target(_ name: String?, for image: Tensor) throws -> Int {
    guard let name else {
      return inference { model(image) }.argmax(along: 1).integers()[0]
    }
    if let label = description.classNames.firstIndex(of: name) { return label }
    let near = nearest(name, in: description.classNames)
    throw CommandError(
      "\(path): there is no class \(quoted(name))\(near.map { " (did you mean '\($0)'?)" } ?? "")")
  }
}
