import TapestryFiles
import TapestryGraph
import TapestryInsight
import TapestryModels

/// `convnet maps`: draws what every layer makes of an image.
struct MapsCommand: Command {
  /// The options, each with the type of its value.
  enum Options {
    static let layers: Option<[String]> = .list("layers", help: "The layers. (default: all)")
    static let limit: Option<Int> = .int(
      "limit", default: 32, in: 1...4096, help: "The largest number of maps of a layer.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "maps", summary: "Draws what the layers make of an image.",
    discussion: """
      Every op that gives maps has its row: before and after ReLU, before and after pooling. Each map is drawn
      from its smallest value, black, to its largest, white.

        convnet maps --weights w.safetensors --index 3 --output maps.svg
        convnet maps --weights w.safetensors --layers conv1 --output maps.png 7.pgm
      """,
    arguments: [ImageChoice.argument],
    options: NetChoice.options + ImageChoice.options
      + declared(PictureOutput.option, Options.layers, Options.limit) + PreprocessingOptions.options
  )

  private let choice: NetChoice
  private let images: ImageChoice
  private let output: PictureOutput
  private let layers: [String]
  private let limit: Int
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    choice = try NetChoice(arguments)
    images = try ImageChoice(arguments, verb: "draw")
    output = try PictureOutput(arguments)
    layers = arguments[Options.layers]
    limit = arguments[Options.limit]
    console = program.console
  }

  func run() throws -> Int32 {
    let net = try choice.net()
    let subject = try images.onlySubject(for: net)
    let image = try subject.tensor(for: net)
    var outputs = net.model.layerOutputs(of: image).filter { $0.value.rank == 4 }
    let known = outputs.map(\.layer).filter { !$0.isEmpty }
    let unknown = layers.filter { name in
      !known.contains { $0 == name || $0.hasPrefix(name + ".") }
    }
    guard unknown.isEmpty else {
      throw CommandError(
        "no maps come from \(unknown.map(quoted).joined(separator: ", ")); they come from "
          + known.joined(separator: ", "))
    }
    if !layers.isEmpty {
      outputs = outputs.filter { output in
        layers.contains { output.layer == $0 || output.layer.hasPrefix($0 + ".") }
      }
    }
    let sheet = mapSheet(
      outputs, image: image, title: "\(net.description.model) looking at \(subject.name)",
      limit: limit)
    try output.write(sheet.figure(), console)
    return 0
  }
}
