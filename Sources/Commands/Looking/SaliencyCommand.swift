import TapestryFiles
import TapestryGraph
import TapestryInsight
import TapestryModels
import TapestryOps
import TapestryPictures

/// `convnet saliency`: draws which pixels an answer depends on.
struct SaliencyCommand: Command {
  /// The methods, as they are named on the command line.
  enum Method: String, CaseIterable {
    case gradient, guided, deconvolution, integrated, gradcam, occlusion
  }

  /// The options, each with the type of its value.
  enum Options {
    static let methods: Option<[String]> = .list(
      "methods",
      help: "Some of \(Method.allCases.map(\.rawValue).joined(separator: ", ")). (default: all)")
    static let className: Option<String?> = .string(
      "class", "NAME", help: "The class. (default: what the net takes the image for)")
    static let layer: Option<String?> = .string(
      "layer", "NAME", help: "The maps that Grad-CAM weighs. (default: the last maps)")
    static let steps: Option<Int> = .int(
      "steps", default: 64, in: 1...10_000, help: "Steps of integrated gradients.")
    static let patch: Option<Int?> = .int(
      "patch", in: 1...1024,
      help: "Side of the patch that covers. (default: a sixth of the image)")
  }

  static let description = CommandDescription(
    program: "convnet", name: "saliency", summary: "Draws which pixels an answer depends on.",
    discussion: """
      The methods: gradient (Simonyan 2013), guided backpropagation (Springenberg 2015), deconvolution (Zeiler
      and Fergus 2013), integrated gradients (Sundararajan 2017), Grad-CAM (Selvaraju 2017), and covering parts
      of the image (Zeiler and Fergus 2013). Red pixels speak for the class, blue ones against it.

        convnet saliency --weights w.safetensors --index 3 --output saliency.svg
        convnet saliency --weights w.safetensors --methods guided 7.pgm --output a.svg
      """,
    arguments: [ImageChoice.argument],
    options: NetChoice.options + ImageChoice.options
      + declared(
        PictureOutput.option, Options.methods, Options.className, Options.layer, Options.steps,
        Options.patch) + PreprocessingOptions.options)

  private let choice: NetChoice
  private let images: ImageChoice
  private let output: PictureOutput
  private let methods: [Method]
  private let className: String?
  private let layer: String?
  private let steps: Int
  private let patch: Int?
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    choice = try NetChoice(arguments)
    images = try ImageChoice(arguments, verb: "explain")
    output = try PictureOutput(arguments)
    let names = arguments[Options.methods]
    for name in names where Method(rawValue: name) == nil {
      let all = Method.allCases.map(\.rawValue)
      let near = nearest(name, in: all)
      throw arguments.misuse(
        "there is no method '\(name)'\(near.map { " (did you mean '\($0)'?)" } ?? ""); there are "
          + all.joined(separator: ", "))
    }
    methods = names.isEmpty ? Method.allCases : names.compactMap { Method(rawValue: $0) }
    className = arguments[Options.className]
    layer = arguments[Options.layer]
    steps = arguments[Options.steps]
    patch = arguments[Options.patch]
    console = program.console
  }

  func run() throws -> Int32 {
    let net = try choice.net()
    let subject = try images.onlySubject(for: net)
    let image = try subject.tensor(for: net)
    let target = try net.target(className, for: image)
    let probability = softmax(inference { net.model(image) }).scalars()[target]
    let name = net.description.classNames[target]
    var items = [Sheet.Item(RasterImage(picture: image), caption: "image")]
    for method in methods {
      items.append(
        Sheet.Item(
          try picture(method, of: image, target: target, net), caption: Self.caption(method),
          isSmooth: method == .gradcam))
    }
    let sheet = Sheet(
      title: "Why \(net.description.model) says \(name)",
      sections: [
        Sheet.Section("\(subject.name): \(fixed(probability, 4)) for \(name)", items, itemSize: 128)
      ])
    try output.write(sheet.figure(), console)
    return 0
  }

  private static func caption(_ method: Method) -> String {
    switch method {
    case .gradient: "gradient"
    case .guided: "guided backpropagation"
    case .deconvolution: "deconvolution"
    case .integrated: "integrated gradients"
    case .gradcam: "Grad-CAM"
    case .occlusion: "occlusion"
    }
  }

  private func picture(
    _ method: Method, of image: Tensor, target: Int, _ net: SavedNet
  ) throws -> RasterImage {
    func map(_ method: SaliencyMethod) -> RasterImage {
      let map = saliency(of: net.model, image: image, target: target, method: method)
      // The sum over the channels keeps the sign: for the class or against it.
      let sum = withoutGradients { map.sum(along: 0, 1) }
      let values = sum.scalars()
      let reach = values.map(\.magnitude).max() ?? 0
      return RasterImage(
        plane: values, height: sum.shape[0], width: sum.shape[1], scale: .signed,
        range: -reach...reach)
    }
    switch method {
    case .gradient: return map(.gradient)
    case .guided: return map(.guided)
    case .deconvolution: return map(.deconvolution)
    case .integrated: return map(.integratedGradients(steps: steps))
    case .gradcam:
      guard let layer = try layer ?? net.model.lastMapLayer(for: net.inputShape) else {
        throw CommandError(
          "\(choice.weights): \(net.description.model) has no layer that gives maps")
      }
      let map = try gradCAM(of: net.model, image: image, target: target, layer: layer)
      return RasterImage(picture: image).overlaid(map)
    case .occlusion:
      let (height, width) = (image.shape[2], image.shape[3])
      let side = min(patch ?? max(min(height, width) / 6, 1), min(height, width))
      let step = max(side / 4, 1)
      // Covered with the darkest value of the image.
      let found = occlusionMap(
        of: net.model, image: image, target: target, patch: Pair(side), stride: Pair(step),
        fill: image.scalars().min() ?? 0)
      let values = found.drops.scalars()
      let reach = values.map(\.magnitude).max() ?? 0
      return RasterImage(
        plane: values, height: found.rows.count, width: found.columns.count, scale: .signed,
        range: -reach...reach)
    }
  }
}
