import TapestryFiles
import TapestryGraph
import TapestryInsight
import TapestryModels

/// `convnet filters`: draws the filters of a layer.
struct FiltersCommand: Command {
  /// The options, each with the type of its value.
  enum Options {
    static let layer: Option<String?> = .string(
      "layer", "NAME", help: "The convolution. (default: the first)")
    static let limit: Option<Int> = .int(
      "limit", default: 64, in: 1...4096, help: "The largest number of filters.")
    static let gray: Option<Bool> = .flag(
      "gray", help: "Black for the smallest weight, white for the largest.")
    static let histograms: Option<Bool> = .flag(
      "histograms", help: "Draws how the weights of every parameter are distributed.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "filters", summary: "Draws the filters of a layer, or histograms.",
    discussion: """
      Filters are drawn on one scale, blue below zero and red above, those of three channels in colour. With
      --histograms the distribution of every parameter is drawn instead.

        convnet filters --weights w.safetensors --output filters.svg
        convnet filters --weights w.safetensors --layer c3 --output c3.png
      """,
    options: SavedNet.options
      + declared(
        PictureOutput.option, Options.layer, Options.limit, Options.gray, Options.histograms))

  private let weights: String
  private let modelName: String?
  private let output: PictureOutput
  private let layer: String?
  private let limit: Int
  private let isGray: Bool
  private let isHistogram: Bool
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    weights = try arguments.required(SavedNet.Options.weights)
    modelName = arguments[SavedNet.Options.model]
    output = try PictureOutput(arguments)
    layer = arguments[Options.layer]
    limit = arguments[Options.limit]
    isGray = arguments[Options.gray]
    isHistogram = arguments[Options.histograms]
    console = program.console
    if isHistogram, layer != nil || isGray {
      throw arguments.misuse(
        "--histograms draws every parameter; it goes without --layer and --gray")
    }
  }

  func run() throws -> Int32 {
    let net = try SavedNet(path: weights, modelName: modelName)
    let name = net.description.model
    if isHistogram {
      try output.write(
        histogramFigure(net.model.histograms(), title: "Weights of \(name)"), console)
      return 0
    }
    let filters = net.model.namedParameters.filter { $0.parameter.rank == 4 }
    let known = filters.map { $0.name.split(separator: ".").dropLast().joined(separator: ".") }
    guard let first = filters.first else {
      throw CommandError("\(weights): \(name) has no convolutions")
    }
    var chosen = first
    if let layer {
      guard
        let index = known.firstIndex(of: layer) ?? filters.firstIndex(where: { $0.name == layer })
      else {
        throw CommandError(
          "there is no convolution \(quoted(layer)) in \(name); there are "
            + known.joined(separator: ", "))
      }
      chosen = filters[index]
    }
    let sheet = filterSheet(
      chosen.parameter.value, title: "\(chosen.name) \(chosen.parameter.shape) of \(name)",
      scale: isGray ? .gray : .signed, limit: limit)
    try output.write(sheet.figure(), console)
    return 0
  }
}
