import TapestryDatasets

/// The images that a net is measured on, as it takes them.
struct TestImages {
  /// Images per forward pass.
  static let batchSize = 256

  let source: DataSource
  let images: ImageSet
  let loader: BatchLoader

  /// - Parameters:
  ///   - data: what `--data` says; `nil` for the data that the net was trained on.
  ///   - broken: what becomes of images that cannot be read.
  init(of net: SavedNet, data: String?, broken: BrokenImages = .refused) throws {
    source = try net.dataSource(data)
    images = try net.testImages(of: source, broken: broken)
    loader = try net.description.loader(images, batchSize: Self.batchSize, broken: broken)
  }
}
