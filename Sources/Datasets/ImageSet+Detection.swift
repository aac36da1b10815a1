import TapestryFiles

/// How images from files are brought to one size, and which are held out, see ``ImageSet/load(from:options:)``.
public struct LoadingOptions: Sendable {
  /// Height and width that images are resized to; `nil` keeps their size, which class folders must then have in
  /// common.
  public var size: (height: Int, width: Int)?
  /// How other proportions are treated.
  public var fit = ImageFit.fill
  /// 1 or 3 channels for images of class folders; `nil` for what they have.
  public var channels: Int?
  /// What becomes of images that cannot be read.
  public var broken = BrokenImages.refused
  /// The share held out where the data does not say itself what the test images are.
  public var heldOut = 0.2
  /// Chooses those.
  public var seed: UInt64 = 0
  /// The classes, where they are known: class folders of other names are refused. `nil` for those that are there.
  public var classNames: [String]?
  /// More bytes are not kept in memory.
  public var memoryLimit = ImageSet.defaultMemoryLimit

  public init() {}
}

extension ImageSet {
  /// The training and the test set at `path`, whatever form they have:
  ///
  /// - a folder of IDX files, ``load(directory:)``;
  /// - a folder with the binary files of CIFAR-10 or CIFAR-100, ``load(cifar:labels:)``;
  /// - a folder with a folder of images for each class, or with `train` and `test` (or `val`, `valid`,
  ///   `validation`) that hold such folders, ``load(classFolders:size:fit:channels:broken:memoryLimit:classNames:name:file:line:)``;
  /// - a table of pixels (`.csv`, also `.csv.gz`), or a folder with one whose name contains `train` and one with
  ///   `test`, ``load(csv:label:size:classNames:name:)``.
  ///
  /// Where nothing says what the test images are, a share of each class is held out.
  ///
  /// - Throws: `DatasetError`
  public static func load(
    from path: String, options: LoadingOptions = LoadingOptions()
  ) throws(DatasetError) -> (training: ImageSet, test: ImageSet) {
    let (training, test) = try detected(path, options)
    guard let (height, width) = options.size else { return (training, test) }
    do throws(ResourceError) {
      for set in [training, test] where set.height != height || set.width != width {
        try set.requireMemory(height: height, width: width)
      }
    } catch {
      throw DatasetError(path: path, problems: [.resources(error)])
    }
    return (
      training.resized(height: height, width: width, fit: options.fit),
      test.resized(height: height, width: width, fit: options.fit)
    )
  }

  private static func detected(
    _ path: String, _ options: LoadingOptions
  ) throws(DatasetError) -> (training: ImageSet, test: ImageSet) {
    func divided(_ set: ImageSet) -> (training: ImageSet, test: ImageSet) {
      let (training, heldOut) = set.split(
        heldOut: options.heldOut, seed: options.seed, stratified: true)
      return (training, heldOut)
    }
    guard isDirectory(path) else {
      if path.lowercased().hasSuffix(".csv") || path.lowercased().hasSuffix(".csv.gz") {
        return divided(try load(csv: path))
      }
      // Lists the folder, which says why it is none.
      return try load(directory: path)
    }
    let names: [String]
    let folders: [String]
    do throws(FileError) {
      names = try namesInDirectory(path)
      folders = try ClassFolder.folders(in: path)
    } catch {
      throw DatasetError(path: path, problems: [.folder(error)])
    }
    if names.contains(where: { $0.contains("-idx3-ubyte") || $0.contains("-idx1-ubyte") }) {
      return try load(directory: path)
    }
    if names.contains(where: CIFARFolder.isMember) { return try load(cifar: path) }
    let tables = names.filter {
      $0.lowercased().hasSuffix(".csv") || $0.lowercased().hasSuffix(".csv.gz")
    }
    if !tables.isEmpty { return try loadTables(tables, in: path, divided) }
    guard !folders.isEmpty else {
      throw DatasetError(
        path: path, problems: [.inconsistent("holds no images in a form that is known")],
        expectation: expectation)
    }
    func images(_ folder: String, _ classNames: [String]?) throws(DatasetError) -> ImageSet {
      try load(
        classFolders: folder, size: options.size, fit: options.fit, channels: options.channels,
        broken: options.broken, memoryLimit: options.memoryLimit, classNames: classNames,
        name: "\(lastComponent(path)) \(lastComponent(folder))")
    }
    let training = folders.first { ["train", "training"].contains($0.lowercased()) }
    guard let training else {
      return divided(
        try load(
          classFolders: path, size: options.size, fit: options.fit, channels: options.channels,
          broken: options.broken, memoryLimit: options.memoryLimit, classNames: options.classNames))
    }
    let learnt = try images("\(path)/\(training)", options.classNames)
    let testNames = ["test", "testing", "val", "valid", "validation"]
    guard
      let test = testNames.first(where: { name in folders.contains { $0.lowercased() == name } }),
      let folder = folders.first(where: { $0.lowercased() == test })
    else { return divided(learnt) }
    let tested = try images("\(path)/\(folder)", learnt.classNames)
    return (learnt, try tested.matching(learnt, path: path))
  }

  /// What may be in a folder.
  static let expectation =
    "Expected is one of: IDX files, named as MNIST's; the binary files of CIFAR-10 or CIFAR-100; a folder of"
    + " images (PNG, JPEG, PGM, PPM) for each class, or train and test with such folders; tables of pixels"
    + " (.csv) with train and test in their names"

  private static func loadTables(
    _ tables: [String], in path: String,
    _ divided: (ImageSet) -> (training: ImageSet, test: ImageSet)
  ) throws(DatasetError) -> (training: ImageSet, test: ImageSet) {
    let training = tables.filter { $0.lowercased().contains("train") }
    let test = tables.filter { $0.lowercased().contains("test") }
    if tables.count == 1 { return divided(try load(csv: "\(path)/\(tables[0])")) }
    guard training.count == 1, test.count == 1 else {
      throw DatasetError(
        path: path,
        problems: [
          .inconsistent(
            "has \(tables.count) tables (\(tables.prefix(5).joined(separator: ", "))), of which one with"
              + " 'train' in its name and one with 'test' are needed")
        ])
    }
    let learnt = try load(csv: "\(path)/\(training[0])")
    let tested = try load(csv: "\(path)/\(test[0])")
    let brightest = Swift.max(learnt.maximumValue, tested.maximumValue)
    let classNames =
      learnt.classCount >= tested.classCount ? learnt.classNames : tested.classNames
    func unified(_ set: ImageSet) -> ImageSet {
      ImageSet(
        name: set.name, size: set.imageSize, maximumValue: brightest, classNames: classNames,
        labels: set.labels, storage: set.storage)
    }
    return (unified(learnt), try unified(tested).matching(learnt, path: path))
  }

  /// The set with as many channels as `training`, whose height and width it must have.
  private func matching(_ training: ImageSet, path: String) throws(DatasetError) -> ImageSet {
    guard height == training.height, width == training.width else {
      throw DatasetError(
        path: path,
        problems: [
          .inconsistent(
            "the training images are \(training.height) x \(training.width), but the test images \(height) x"
              + " \(width); give a size to resize all to")
        ])
    }
    guard channels != training.channels else { return self }
    // One of the two has only gray images.
    guard channels == 1, case .memory(let block) = storage else {
      throw DatasetError(
        path: path,
        problems: [
          .inconsistent("the test images have colours, but the training images are gray")
        ])
    }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(block.count * training.channels)
    for start in stride(from: 0, to: block.count, by: byteCount) {
      for _ in 0..<training.channels { pixels += block[start..<start + byteCount] }
    }
    var matching = ImageSet(
      name: name, size: training.imageSize, maximumValue: maximumValue, classNames: classNames,
      labels: labels, storage: .memory(pixels))
    matching.skipped = skipped
    return matching
  }
}
