import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TapestryInsight
import TapestryModels
import TapestryPictures

/// `convnet patches`: draws the parts of test images that channels answer to most strongly.
struct PatchesCommand: Command {
  /// The options, each with the type of its value.
  enum Options {
    static let data: Option<String?> = DataSource.option(
      help: "The folder of the test images. (default: the embedded digits)")
    static let layer: Option<String?> = .string(
      "layer", "NAME", help: "The layer. (default: the last that gives maps)")
    static let channels: Option<[Int]> = .intList(
      "channels", in: 0...1_000_000, help: "Its channels. (default: the first 8)")
    static let count: Option<Int> = .int(
      "count", default: 9, in: 1...100, help: "Images for each channel.")
    static let whole: Option<Bool> = .flag("whole", help: "Whole images instead of patches.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "patches",
    summary: "Draws the test images that channels answer to most strongly.",
    discussion: """
      For every channel the strongest test images: the patch that the strongest place of the channel sees, and
      below it the pattern in that patch which the channel answers to, by deconvolution with unpooling switches
      (Zeiler and Fergus 2013, figure 2). With --whole the whole images are drawn.

        convnet patches --weights w.safetensors --layer conv2 --output patches.svg
      """,
    options: NetChoice.options
      + declared(
        PictureOutput.option, Options.data, Options.layer, Options.channels, Options.count,
        Options.whole) + PreprocessingOptions.options)

  private let choice: NetChoice
  private let data: String?
  private let output: PictureOutput
  private let layer: String?
  private let channels: [Int]
  private let count: Int
  private let isWhole: Bool
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    choice = try NetChoice(arguments)
    data = arguments[Options.data]
    output = try PictureOutput(arguments)
    layer = arguments[Options.layer]
    channels = arguments[Options.channels]
    count = arguments[Options.count]
    isWhole = arguments[Options.whole]
    console = program.console
  }

  func run() throws -> Int32 {
    let net = try choice.net()
    guard let layer = try layer ?? net.model.lastMapLayer(for: net.inputShape) else {
      throw CommandError("\(choice.weights): \(net.description.model) has no layer that gives maps")
    }
    let test = try TestImages(of: net, data: data)
    let trace = try net.model.trace(for: net.inputShape)
    let step = trace.steps.last { $0.layer == layer || $0.layer?.hasPrefix(layer + ".") == true }
    let available = step.map { trace.outputShape(of: $0)[1] } ?? 1
    let chosen = channels.isEmpty ? Array(0..<min(available, 8)) : channels
    var sections: [Sheet.Section] = []
    for channel in chosen {
      let unit = NetUnit(layer: layer, channel: channel)
      let found = try strongestPatches(of: unit, in: net.model, on: test.loader, count: count)
      let images = found.map { patch in
        Sheet.Item(
          part(RasterImage(picture: patch.image), patch), caption: fixed(patch.activation, 2))
      }
      let patterns = try found.map { patch in
        var unit = unit
        unit.place = patch.place
        let signal = try projection(of: unit, in: net.model, image: patch.image)
        return Sheet.Item(part(RasterImage(picture: signal), patch))
      }
      sections.append(Sheet.Section("channel \(channel)", images, itemSize: 56))
      sections.append(Sheet.Section("", patterns, itemSize: 56))
    }
    let sheet = Sheet(
      title: "What \(layer) of \(net.description.model) answers to in \(test.source.name)",
      sections: sections)
    try output.write(sheet.figure(), console)
    return 0
  }

  private func part(_ image: RasterImage, _ patch: StrongPatch) -> RasterImage {
    isWhole ? image : image.cropped(rows: patch.rows, columns: patch.columns)
  }
}
