import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TapestryModels

/// A net read from a weights file.
struct SavedNet {
  var description: WeightsDescription
  let model: any Model
  let path: String

  /// Reads the file at `path`; `modelName` says of which model it is when it does not say so itself.
  ///
  /// - Throws: `FileError`, ``CommandError``, or `StateMismatch` with every name that differs.
  init(path: String, modelName: String?) throws {
    let file = try SafetensorsState(path: path)
    description = try WeightsDescription(file, path: path, modelName: modelName)
    model = try description.makeModel(source: path)
    try model.load(file, source: path)
    self.path = path
  }

  /// The options that commands on a weights file have in common.
  static let options: [CommandOption] = [
    .string("weights", "FILE", help: "The weights, as 'convnet train' saved them. Required."),
    .model(help: "Of which model they are, where the file does not say so."),
  ]

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

  /// The images of `source` that the net has not been trained on.
  func testImages(of source: DataSource) throws -> ImageSet {
    let test = try source.load(
      heldOut: TrainCommand.Defaults.heldOut, seed: description.seed, resize: description.resize,
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
  /// The batches of `set`, in the size that the net takes.
  ///
  /// - Parameters:
  ///   - shuffleSeed: chooses the orders, and what augmentation does; `nil` keeps the order of the set.
  ///   - augmentation: changes the images, but not their size.
  /// - Throws: `ImageScalingError` for images that are larger, ``CommandError`` or `AugmentationError` for steps
  ///   that do not suit them.
  func loader(
    _ set: ImageSet, batchSize: Int, shuffleSeed: UInt64? = nil, augmentation: Augmentation = []
  ) throws -> BatchLoader {
    let loader = try BatchLoader(
      set, batchSize: batchSize, height: height, width: width, normalization: normalization,
      augmentation: augmentation, shuffled: shuffleSeed != nil, seed: shuffleSeed ?? 0)
    let size = loader.imageSize
    guard size.height == height, size.width == width else {
      throw CommandError(
        "'--augment' makes images of \(size.height) x \(size.width), but the net takes \(height) x \(width), "
          + "in the test too; cut with crop:N or resized-crop:\(height)x\(width)")
    }
    return loader
  }
}
