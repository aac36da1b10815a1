import TapestryFiles
import TapestryGraph
import TapestryInsight
import TapestryModels
import TapestryPictures

/// `convnet dream`: draws images that make units answer strongly.
struct DreamCommand: Command {
  /// The options, each with the type of its value.
  enum Options {
    static let layer: Option<String?> = .string(
      "layer", "NAME", help: "The layer. (default: the last, whose channels are the classes)")
    static let channels: Option<[Int]> = .intList(
      "channels", in: 0...1_000_000, help: "Its channels. (default: the first 16)")
    static let steps: Option<Int> = .int(
      "steps", default: 200, in: 1...100_000, help: "Steps of ascent.")
    static let stepSize: Option<Double> = .double(
      "step-size", default: 0.1, in: 0...100, help: "How far a step moves a pixel.")
    static let decay: Option<Double> = .double(
      "decay", default: 0.01, in: 0...1, help: "Share of each pixel taken away per step.")
    static let variation: Option<Double> = .double(
      "variation", default: 0.02, in: 0...1, help: "Weight of the total variation.")
    static let blur: Option<Double> = .double(
      "blur", default: 0.5, in: 0...20, help: "Deviation of the blur in pixels.")
    static let jitter: Option<Int> = .int(
      "jitter", default: 2, in: 0...64, help: "Largest shift before a step, in pixels.")
    static let seed: Option<Int> = .int(
      "seed", default: 0, in: 0 ... .max, help: "Chooses noise and shifts.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "dream",
    summary: "Draws images that make units answer most strongly.",
    discussion: """
      Gradient ascent on the pixels from noise (Erhan 2009), with decay (Simonyan 2013), blur (Yosinski 2015),
      total variation (Mahendran and Vedaldi 2015) and jitter (Mordvintsev 2015), which keep the picture from
      noise. The same seed gives the same picture.

        convnet dream --weights w.safetensors --output classes.svg
        convnet dream --weights w.safetensors --layer conv2 --output c.png
      """,
    options: NetChoice.options
      + declared(
        PictureOutput.option, Options.layer, Options.channels, Options.steps, Options.stepSize,
        Options.decay, Options.variation, Options.blur, Options.jitter, Options.seed)
      + PreprocessingOptions.options)

  private let choice: NetChoice
  private let output: PictureOutput
  private let layer: String?
  private let channels: [Int]
  private let search: ActivationMaximization
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    choice = try NetChoice(arguments)
    output = try PictureOutput(arguments)
    layer = arguments[Options.layer]
    channels = arguments[Options.channels]
    var search = ActivationMaximization()
    search.steps = arguments[Options.steps]
    search.stepSize = arguments[Options.stepSize]
    search.decay = arguments[Options.decay]
    search.totalVariation = arguments[Options.variation]
    search.blur = arguments[Options.blur]
    search.jitter = arguments[Options.jitter]
    search.seed = UInt64(arguments[Options.seed])
    self.search = search
    console = program.console
  }

  func run() throws -> Int32 {
    let net = try choice.net()
    let trace = try net.model.trace(for: net.inputShape)
    let last = trace.steps.last { $0.layer != nil }?.layer
    guard let layer = layer ?? last else {
      throw CommandError("\(choice.weights): \(net.description.model) has no layers")
    }
    let step = trace.steps.last { $0.layer == layer || $0.layer?.hasPrefix(layer + ".") == true }
    let shape = step.map { trace.outputShape(of: $0) }
    let count = shape.map { $0.rank > 1 ? $0[1] : 1 } ?? 1
    let chosen = channels.isEmpty ? Array(0..<min(count, 16)) : channels
    let isClass = self.layer == nil
    let items = try chosen.map { channel in
      let found = try search.image(
        for: NetUnit(layer: layer, channel: channel), in: net.model, shape: net.inputShape)
      let name = isClass ? net.description.classNames[channel] : "\(channel)"
      let end = found.activations.last ?? 0
      return Sheet.Item(
        RasterImage(picture: found.image), caption: "\(name): \(fixed(end, 2))", isSmooth: false)
    }
    let what = isClass ? "classes" : "channels of \(layer)"
    let sheet = Sheet(
      title: "What \(what) of \(net.description.model) look for",
      sections: [Sheet.Section("the number is the unit's answer", items, itemSize: 96)])
    try output.write(sheet.figure(), console)
    return 0
  }
}
