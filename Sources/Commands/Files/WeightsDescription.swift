import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOps

/// What a weights file says about the net it belongs to, so that no command line has to repeat it.
///
/// Kept as texts in the file's metadata. Nothing in it depends on when or where a run was made: the same seed gives
/// the same bytes.
struct WeightsDescription: Equatable {
  var model: String
  var classNames: [String]
  var channels: Int
  var height: Int
  var width: Int
  /// What pixel values in 0 ... 1 are shifted and scaled by before the net sees them.
  var normalization: Normalization
  /// The name of the training data: `digits`, or that of its folder.
  var data: String
  /// The seed of the run; with it the embedded digits are split again as they were.
  var seed: UInt64
  /// The size that images of other sizes are brought to first; `nil` where nothing is known of it, as in files made
  /// elsewhere.
  var resize: ImageResize?
  /// The size of the black canvas that images are then enlarged and padded to.
  var canvas: ImageSize
  /// What happens to them there, before the normalisation; they come out in the size that the net takes.
  var steps: Augmentation

  var classes: Int { classNames.count }

  /// The texts for the file.
  var metadata: [String: String] {
    var texts = [
      "model": model, "classes": String(classes), "channels": String(channels),
      "height": String(height), "width": String(width), "data": data, "seed": String(seed),
      "class_names": jsonLine(.array(classNames.map { .string($0) })), "format": "pt",
      "mean": jsonLine(.array(normalization.mean.map { .number($0) })),
      "deviation": jsonLine(.array(normalization.deviation.map { .number($0) })),
    ]
    texts["image_size"] = resize?.text
    if !steps.isEmpty {
      texts["canvas"] = "\(canvas.height)x\(canvas.width)"
      texts["image_steps"] = steps.description
    }
    return texts
  }

  init(
    model: String, classNames: [String], channels: Int, height: Int, width: Int,
    normalization: Normalization, data: String, seed: UInt64, resize: ImageResize?,
    canvas: ImageSize, steps: Augmentation
  ) {
    self.model = model
    self.classNames = classNames
    self.channels = channels
    self.height = height
    self.width = width
    self.normalization = normalization
    self.data = data
    self.seed = seed
    self.resize = resize
    self.canvas = canvas
    self.steps = steps
  }

  /// What the file says; where it says nothing, as when it was made elsewhere, what its shapes and `modelName` say.
  ///
  /// - Throws: ``CommandError`` for a net that is not in the catalog and for numbers that are not valid.
  init(_ file: SafetensorsState, path: String, modelName: String?) throws {
    let texts = file.metadata
    guard let name = modelName ?? texts["model"] else {
      throw CommandError(
        "\(path): does not say of which model it is; name it with --model ; "
          + "'convnet models' lists the names")
    }
    guard let entry = ModelCatalog.entry(named: name) else {
      throw CommandError(
        "\(path): is of the model \(quoted(name)), which is not known here; 'convnet models' lists those "
          + "that are")
    }
    var problems: [String] = []
    func number(_ key: String, in range: ClosedRange<Int>, otherwise: Int) -> Int {
      guard let text = texts[key] else { return otherwise }
      if let value = Int(text), range.contains(value) { return value }
      problems.append(
        "\(key) is \(quoted(text)), but must be a whole number from \(range.lowerBound) to "
          + "\(range.upperBound)")
      return otherwise
    }
    let stored = Self.sizes(of: entry, in: file)
    let classes = number("classes", in: 1...65_536, otherwise: stored.classes)
    let channelCount = number("channels", in: 1...1024, otherwise: stored.channels)
    height = number("height", in: 1...8192, otherwise: entry.input.height)
    width = number("width", in: 1...8192, otherwise: entry.input.width)
    var names = (0..<classes).map(String.init)
    if let text = texts["class_names"] {
      let given = (try? JSONValue(parsing: Array(text.utf8)))?.array?.compactMap(\.string)
      if let given, given.count == classes {
        names = given.map(printable)
      } else {
        problems.append("class_names is not a JSON array of \(classes) strings")
      }
    }
    func numbers(_ key: String, otherwise: Double, _ isGood: (Double) -> Bool) -> [Double] {
      let standard = Array(repeating: otherwise, count: channelCount)
      guard let text = texts[key] else { return standard }
      let given = (try? JSONValue(parsing: Array(text.utf8)))?.array?.map { $0.double ?? .nan }
      if let given, given.count == channelCount, given.allSatisfy(isGood) { return given }
      problems.append(
        "\(key) is \(quoted(text)), but must be an array of a number for each channel")
      return standard
    }
    let mean = numbers("mean", otherwise: 0) { $0.isFinite }
    let deviation = numbers("deviation", otherwise: 1) { $0.isFinite && $0 > 0 }
    if let text = texts["seed"], UInt64(text) == nil {
      problems.append("seed is \(quoted(text)), but must be a whole number of at least 0")
    }
    resize = texts["image_size"].flatMap { ImageResize($0) }
    if let text = texts["image_size"], resize == nil {
      problems.append("image_size is \(quoted(text)), but must be like 64x64:fill")
    }
    canvas = ImageSize(channels: channelCount, height: height, width: width)
    steps = []
    if let text = texts["image_steps"] {
      Self.read(steps: text, canvas: texts["canvas"], &canvas, &steps, &problems)
      if problems.isEmpty,
        (try? steps.outputSize(for: canvas))
          != ImageSize(channels: channelCount, height: height, width: width)
      {
        problems.append(
          "image_steps are \(quoted(text)), but do not bring \(canvas) to \(height) x \(width)")
      }
    }
    guard problems.isEmpty else {
      throw FileError(path: path, cause: .malformed(format: "metadata", problems: problems))
    }
    model = entry.name
    channels = channelCount
    normalization = Normalization(mean: mean, deviation: deviation)
    classNames = names
    data = printable(texts["data"] ?? DataSource.digitsName)
    seed = texts["seed"].flatMap { UInt64($0) } ?? 0
  }

  /// The texts of the canvas and of the steps.
  private static func read(
    steps text: String, canvas size: String?, _ canvas: inout ImageSize,
    _ steps: inout Augmentation, _ problems: inout [String]
  ) {
    if let found = try? Augmentation(text), found == found.forEvaluation {
      steps = found
    } else {
      problems.append(
        "image_steps are \(quoted(text)), but must be steps such as center-crop:64x64")
    }
    guard let size else { return }
    if let (height, width) = parseSize(size), height <= 8192, width <= 8192 {
      (canvas.height, canvas.width) = (height, width)
    } else {
      problems.append("canvas is \(quoted(size)), but must be like 64x64")
    }
  }

  /// A net of this description, with fresh parameters.
  ///
  /// - Parameters:
  ///   - source: what the sizes come from, for the error.
  ///   - file: what is to be loaded into it, compared before anything is made.
  ///   - isTrained: whether gradients and moments of the parameters are needed, too.
  /// - Throws: ``CommandError`` when the net cannot take images of this size; it names the layer and a size that fits.
  ///   `StateMismatch` for a file of other shapes, `ResourceError` for a net that is too large.
  func makeModel(
    source: String, fitting file: SafetensorsState? = nil, isTrained: Bool = false
  ) throws -> any Model {
    guard let entry = ModelCatalog.entry(named: model) else {
      throw CommandError("\(source): the model '\(model)' is not known")
    }
    let image = ImageSize(channels: channels, height: height, width: width)
    try image.requireMemory(for: source)
    let size = Pair(height: height, width: width)
    func make() throws -> any Model {
      do {
        return try entry.make(classes: classes, channels: channels, size: size)
      } catch {
        throw CommandError("\(source): \(model) does not fit: \(error)")
      }
    }
    if let file { try dryRun { try make().requireFit(file, source: source) } }
    try NetCost(of: [1, channels, height, width], make).require(
      copies: isTrained ? 4 : 1, for: "\(source): \(model) for images of \(image)")
    return try make()
  }

  /// Classes and channels by the shapes of the last and the first parameter, which every net has at its ends; 10 and
  /// those of the net's design where they are missing, which loading then reports.
  private static func sizes(
    of entry: CatalogEntry, in file: SafetensorsState
  ) -> (classes: Int, channels: Int) {
    // Only the names matter: in a dry run the net takes no memory.
    let names = try? dryRun { entry.make(10, entry.input.channels).namedParameters.map(\.name) }
    let classes = names?.last.flatMap { file[$0]?.shape.first } ?? 10
    let filters = names?.first.flatMap { file[$0]?.shape } ?? []
    let channels = filters.count == 4 ? filters[1] : nil
    return (
      (1...65_536).contains(classes) ? classes : 10,
      channels.flatMap { (1...1024).contains($0) ? $0 : nil } ?? entry.input.channels
    )
  }
}

/// `text` from a file without control characters, for a terminal; cut when it is long.
func printable(_ text: String) -> String {
  let kept = text.unicodeScalars.prefix(80).map { character in
    switch character.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: Character("?")
    default: Character(character)
    }
  }
  return String(kept)
}
