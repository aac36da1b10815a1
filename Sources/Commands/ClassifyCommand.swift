import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps

/// `convnet classify`: shows images and what a trained net takes them for.
struct ClassifyCommand {
  static let description = CommandDescription(
    program: "convnet", name: "classify", summary: "Shows what trained weights take images for.",
    discussion: """
      Images are PNG, JPEG (where libturbojpeg is installed), or portable graymaps or pixmaps (PGM, PPM), or one
      test image of a data set. What is transparent counts as black. Small ones are enlarged by whole factors and
      centred on black, large ones reduced. The nets of digits expect light strokes on black.

      Weights that PyTorch saved as safetensors say nothing of their model, the names of their classes or how
      pixels are scaled: name the model with --model, and the rest with the options below.

        convnet classify --weights runs/lenet5-digits/weights.safetensors --index 0
        convnet classify --weights runs/lenet5-digits/weights.safetensors seven.png
        convnet classify --weights resnet18.safetensors --model resnet18 \\
          --classes names.txt dog.jpg --mean 0.485,0.456,0.406 \\
          --deviation 0.229,0.224,0.225
      """,
    arguments: [CommandArgument("IMAGE", .any, help: "Files with images.")],
    options: SavedNet.options + [
      .int("index", in: 0 ... .max, help: "The test image with this number, counted from 0."),
      DataSource.option(help: "The folder of that test image. (default: the embedded digits)"),
      .int("top", "K", default: 5, in: 1...65_536, help: "How many classes to list."),
      .string(
        "classes", "FILE",
        help: "A file with the name of a class on each line. (default: what the weights say)"),
      .list(
        "mean", "M,M,...",
        help:
          "What is subtracted from each channel, black being 0 and white 1. (default: what the weights say)"
      ),
      .list(
        "deviation", "D,D,...",
        help: "What each channel is divided by then. (default: what the weights say)"),
      .flag("invert", help: "Takes black for white: for dark strokes on paper."),
      .flag("json", help: "One JSON object per image."),
    ])

  /// An image to classify.
  private struct Subject {
    let name: String
    let index: Int?
    let truth: Int?
    /// The image alone, without a meaningful label.
    let image: ImageSet
  }

  private let weights: String
  private let modelName: String?
  private let data: String?
  private let paths: [String]
  private let index: Int?
  private let top: Int
  private let classes: String?
  private let mean: [String]
  private let deviation: [String]
  private let isInverted: Bool
  private let isJSON: Bool
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    weights = try arguments.string("weights")
    modelName = arguments.optionalString("model")
    data = arguments.optionalString("data")
    paths = arguments.arguments("IMAGE")
    index = arguments.optionalInt("index")
    top = try arguments.int("top")
    classes = arguments.optionalString("classes")
    mean = arguments.list("mean")
    deviation = arguments.list("deviation")
    isInverted = arguments.has("invert")
    isJSON = arguments.has("json")
    console = program.console
    guard paths.isEmpty != (index == nil) else {
      throw arguments.misuse(
        paths.isEmpty
          ? "nothing to classify: give IMAGE files, or --index N"
          : "give IMAGE files or --index, not both")
    }
    if data != nil, index == nil { throw arguments.misuse("--data needs --index N") }
  }

  func run() throws -> Int32 {
    var net = try SavedNet(path: weights, modelName: modelName)
    try complete(&net.description)
    // All are read before the first is shown: an error leaves nothing half done.
    let subjects = try index.map { [try testImage($0, for: net)] } ?? readAll(for: net)
    for (position, subject) in subjects.enumerated() {
      let logits = try logits(of: subject, from: net)
      let probabilities = softmax(logits).scalars()
      if isJSON {
        reportJSON(subject, logits.scalars(), probabilities, net)
      } else {
        if position > 0 { console.line() }
        report(subject, probabilities, net)
      }
    }
    return 0
  }

  private func logits(of subject: Subject, from net: SavedNet) throws -> Tensor {
    let loader = try net.description.loader(subject.image, batchSize: 1)
    let images = loader.epoch(0)[0].images
    return inference { net.model(images) }
  }

  /// Puts in what the command line says about the classes and the pixels.
  private func complete(_ description: inout WeightsDescription) throws {
    if let classes {
      description.classNames = try Self.names(in: classes, count: description.classes)
    }
    let channels = description.channels
    func numbers(_ name: String, _ texts: [String], otherwise: [Double]) throws -> [Double] {
      if texts.isEmpty { return otherwise }
      let numbers = texts.compactMap { Double($0) }.filter(\.isFinite)
      let isGood = numbers.count == texts.count && numbers.count == channels
      guard isGood, name == "mean" || numbers.allSatisfy({ $0 > 0 }) else {
        throw CommandError(
          "'--\(name)' is '\(texts.joined(separator: ","))', but must be a number for each of the "
            + "\(counted(channels, "channel")) that the net takes"
            + (name == "mean" ? "" : ", greater than 0"))
      }
      return numbers
    }
    description.normalization = Normalization(
      mean: try numbers("mean", mean, otherwise: description.normalization.mean),
      deviation: try numbers(
        "deviation", deviation, otherwise: description.normalization.deviation))
  }

  /// The lines of a file, which must be as many as the net has classes.
  private static func names(in path: String, count: Int) throws -> [String] {
    let limit = 64 << 20
    let bytes = try readPossiblyCompressed(path, limit: limit)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw FileError(
        path: path,
        cause: .malformed(format: "names of classes", problems: ["the text is not UTF-8"]))
    }
    var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    while lines.last?.isEmpty == true { lines.removeLast() }
    guard lines.count == count else {
      throw FileError(
        path: path,
        cause: .malformed(
          format: "names of classes",
          problems: [
            "there are \(counted(lines.count, "line")), but the net has \(counted(count, "class")): "
              + "give a name on each line"
          ]))
    }
    return lines.map { printable(String($0)) }
  }

  // MARK: - Images

  /// All images, or one error that tells of every file that is none.
  private func readAll(for net: SavedNet) throws -> [Subject] {
    var subjects: [Subject] = []
    var problems: [String] = []
    for path in paths {
      do {
        subjects.append(try read(path, for: net))
      } catch {
        problems.append("\(error)")
      }
    }
    guard problems.isEmpty else {
      throw CommandError(problems.joined(separator: "\nconvnet: "))
    }
    return subjects
  }

  private func testImage(_ index: Int, for net: SavedNet) throws -> Subject {
    let source = try net.dataSource(data)
    let test = try net.testImages(of: source)
    guard index < test.count else {
      throw CommandError(
        "there is no test image \(index) in \(source.name), which has \(grouped(test.count)): 0 to "
          + "\(test.count - 1)")
    }
    return Subject(
      name: "test image \(index) of \(source.name)", index: index, truth: test.labels[index],
      image: isInverted ? inverted(test.subset([index])) : test.subset([index]))
  }

  private func read(_ path: String, for net: SavedNet) throws -> Subject {
    let image = try RasterImage(contentsOf: path).opaque()
    let wanted = net.description
    var planes = (0..<image.channels).map { channel in
      Picture(
        width: image.width, height: image.height,
        brightness: stride(from: channel, to: image.samples.count, by: image.channels).map {
          Double(image.samples[$0]) / Double(image.maximum)
        })
    }
    if planes.count != wanted.channels {
      guard wanted.channels == 1 || planes.count == 1 else {
        throw CommandError(
          "\(path): has \(counted(planes.count, "channel")), but the net takes \(wanted.channels)")
      }
      let mean = zip(planes[0].brightness.indices, planes[0].brightness).map { position, _ in
        planes.reduce(0) { $0 + $1.brightness[position] } / Double(planes.count)
      }
      let gray = Picture(width: image.width, height: image.height, brightness: mean)
      planes = Array(repeating: gray, count: wanted.channels)
    }
    let factor = max(
      (image.height + wanted.height - 1) / wanted.height,
      (image.width + wanted.width - 1) / wanted.width)
    planes = planes.map { $0.reduced(by: factor) }
    let set = ImageSet(
      name: path, channels: planes.count, height: planes[0].height, width: planes[0].width,
      classNames: wanted.classNames, labels: [0],
      pixels: planes.flatMap { $0.brightness.map { UInt8(($0 * 255).rounded()) } })
    return Subject(name: path, index: nil, truth: nil, image: isInverted ? inverted(set) : set)
  }

  private func inverted(_ set: ImageSet) -> ImageSet {
    ImageSet(
      name: set.name, channels: set.channels, height: set.height, width: set.width,
      maximumValue: set.maximumValue, classNames: set.classNames, labels: set.labels,
      pixels: set.pixels.map { UInt8(set.maximumValue - Int($0)) })
  }

  // MARK: - Reports

  /// The most probable classes, the first of equals first.
  private func best(_ probabilities: [Double]) -> [Int] {
    Array(
      probabilities.indices.sorted { probabilities[$0] > probabilities[$1] }
        .prefix(top))
  }

  private func report(_ subject: Subject, _ probabilities: [Double], _ net: SavedNet) {
    let names = net.description.classNames
    let best = best(probabilities)
    console.line(console.styled(subject.name, .bold))
    let picture = picture(of: subject.image)
    let lines =
      console.isColored
      ? picture.colored(columns: min(console.width, 64))
      : picture.shaded(columns: min(console.width, 64))
    for line in lines { console.line(line) }
    let width = best.map { names[$0].count }.max() ?? 0
    for (rank, label) in best.enumerated() {
      let text = "\(padded(names[label], width))  \(fixed(probabilities[label], 4))"
      let drawn = bar(probabilities[label], width: 24)
      console.line(
        "  \(rank == 0 ? console.styled(text, .bold) : text)  \(console.styled(drawn, .cyan))")
    }
    guard let truth = subject.truth else { return }
    let isRight = truth == best.first
    console.line(
      isRight
        ? console.styled("  right: it is \(names[truth])", .green)
        : console.styled("  wrong: it is \(names[truth])", .red))
  }

  private func reportJSON(
    _ subject: Subject, _ logits: [Double], _ probabilities: [Double], _ net: SavedNet
  ) {
    let names = net.description.classNames
    let classes = best(probabilities).map { label -> JSONValue in
      [
        "class": .string(names[label]), "label": .integer(label),
        "probability": .finite(probabilities[label]),
      ]
    }
    var object = JSONObject()
    if let index = subject.index {
      object["index"] = .integer(index)
    } else {
      object["image"] = .string(subject.name)
    }
    if let truth = subject.truth { object["truth"] = .string(names[truth]) }
    object["answer"] = classes.first?["class"] ?? .null
    object["classes"] = .array(classes)
    object["logits"] = .array(logits.map(JSONValue.finite))
    console.line(jsonLine(.object(object)))
  }

  /// The mean of the channels, brightest at the set's maximum.
  private func picture(of set: ImageSet) -> Picture {
    let plane = set.height * set.width
    let brightest = Double(set.maximumValue * set.channels)
    return Picture(
      width: set.width, height: set.height,
      brightness: (0..<plane).map { position in
        let sum = (0..<set.channels).reduce(0) { $0 + Int(set.pixels[$1 * plane + position]) }
        return Double(sum) / brightest
      })
  }
}
