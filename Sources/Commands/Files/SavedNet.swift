import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryTraining

/// A net read from a weights file.
struct SavedNet {
  var description: WeightsDescription
  let model: any Model
  let path: String

  /// Reads the file at `path`, which may be a checkpoint; `modelName` says of which model it is when it does not say so itself.
  ///
  /// - Throws: `FileError`, ``CommandError``, or `StateMismatch` with every name that differs.
  init(path: String, modelName: String?) throws {
    let file = try TrainingState.weights(in: SafetensorsState(path: path))
    description = try WeightsDescription(file, path: path, modelName: modelName)
    model = try description.makeModel(source: path, fitting: file)
    try model.load(file, source: path)
    self.path = path
  }

  /// The options, each with the type of its value.
  enum Options {
    static let weights: Option<String?> = .string(
      "weights", "FILE", help: "The weights, as 'convnet train' saved them. Required.")
    static let model: Option<String?> = .model(
      help: "Of which model they are, where the file does not say so.")
  }

  /// The options that commands on a weights file have in common.
  static let options: [CommandOption] = declared(Options.weights, Options.model)

  /// What `--data` says, or else the data that the net was trained on.
  ///
  /// - Throws: ``CommandError`` when that is known by its name only.
  func dataSource(_ text: String?) throws(CommandError) -> DataSource {
    if text == nil, description.data != DataSource.digitsName {
      throw CommandError(
        "\(path): was trained on '\(description.data)', which is not part of this program; give its folder "
          + "with --data DIR")
    }
    return DataSource(text)
  }

  /// The images of `source` that the net has not been trained on, in the size that the weights say.
  ///
  /// - Parameter broken: what becomes of images that cannot be read.
  func testImages(of source: DataSource, broken: BrokenImages = .refused) throws -> ImageSet {
    let channels = description.channels
    let test = try source.load(
      heldOut: TrainCommand.Defaults.heldOut, seed: description.seed, resize: description.resize,
      broken: broken, channels: channels == 1 || channels == 3 ? channels : nil,
      classNames: description.classNames
    ).test
    let classes = (test.labels.max() ?? 0) + 1
    guard classes <= description.classes, test.channels == description.channels else {
      throw CommandError(
        "\(path): the net has \(counted(description.classes, "class")) and takes images of "
          + "\(counted(description.channels, "channel")), but \(source.name) has \(classes) and \(test.channels)"
      )
    }
    return test
  }
}

extension WeightsDescription {
  /// The batches of `set` as the net takes them.
  ///
  /// - Parameters:
  ///   - shuffleSeed: chooses the orders, and what augmentation does; `nil` keeps the order of the set.
  ///   - augmentation: takes the place of the ``steps``; `nil` for these.
  ///   - broken: what becomes of images that cannot be read.
  /// - Throws: ``CommandError`` for images that are larger, `AugmentationError` for steps that do not suit them.
  func loader(
    _ set: ImageSet, batchSize: Int, shuffleSeed: UInt64? = nil,
    augmentation: Augmentation? = nil, broken: BrokenImages = .refused
  ) throws -> BatchLoader {
    do {
      return try BatchLoader(
        set, batchSize: batchSize, height: canvas.height, width: canvas.width,
        normalization: normalization, augmentation: augmentation ?? steps,
        shuffled: shuffleSeed != nil, seed: shuffleSeed ?? 0, broken: broken)
    } catch let error as ImageScalingError {
      throw CommandError(
        "\(set.name): has images of \(error.sourceHeight) x \(error.sourceWidth), but the net takes "
          + "\(error.height) x \(error.width); resize them with --size \(error.height)x\(error.width)"
      )
    }
  }

  /// The first `count` images of `set` after the ``steps``, as bytes.
  func pictures(of set: ImageSet, count: Int) throws -> ImageSet {
    guard !steps.isEmpty else { return set }
    let loader = try BatchLoader(
      set, positions: Array(set.indices.prefix(count)), batchSize: 1, height: canvas.height,
      width: canvas.width, augmentation: steps, shuffled: false, workers: 0)
    var (labels, pixels): ([Int], [UInt8]) = ([], [])
    for batch in loader.epoch(0) {
      labels += batch.labels.integers()
      pixels += batch.images.scalars().map { UInt8((min(max($0, 0), 1) * 255).rounded()) }
    }
    try loader.requireIntact()
    return ImageSet(
      name: set.name, channels: channels, height: height, width: width,
      classNames: set.classNames, labels: labels, pixels: pixels)
  }

  /// The image in the file at `path`, resized as those of the training set were before they were put on the canvas.
  ///
  /// Where the weights say nothing of that, it fills the canvas, or fits into it when the net takes gray images, of
  /// which nothing may be lost.
  /// - Throws: `FileError`, or ``CommandError`` for a net that takes neither gray nor coloured images.
  func image(contentsOf path: String) throws -> ImageSet {
    guard channels == 1 || channels == 3 else {
      throw CommandError(
        "\(path): cannot become an image of \(counted(channels, "channel")), which the net takes")
    }
    let size =
      resize
      ?? ImageResize(
        height: canvas.height, width: canvas.width, fit: channels == 1 ? .fit : .fill)
    return try ImageSet.load(
      image: path, size: (size.height, size.width), fit: size.fit, channels: channels,
      classNames: classNames)
  }
}
