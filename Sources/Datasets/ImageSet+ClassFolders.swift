import Dispatch
import Synchronization
import TapestryFiles
import TapestryGraph

/// What becomes of images that cannot be read.
public enum BrokenImages: String, CaseIterable, Sendable {
  /// Nothing is loaded; the error lists them.
  case refused
  /// They are left out, and listed in ``ImageSet/skipped`` or ``BatchLoader/brokenImages``.
  case skipped
}

extension ImageSet {
  /// More pixels are not kept in memory, but decoded on demand: 2 GiB.
  public static let defaultMemoryLimit = 1 << 31

  /// The images in the folders of `directory`, one folder for each class: `root/cat/1.png`, `root/dog/a.jpg`.
  ///
  /// Classes are called as their folders, in the order of the names. Files that end in `.png`, `.jpg`, `.jpeg`, `.pgm`,
  /// `.ppm` or `.pnm` count (portable maps also with `.gz`), whatever their format really is: the content decides.
  /// Names that begin with a dot are passed over. Transparent parts come as black.
  ///
  /// Images are decoded now, on all processors, and kept in memory; where that would take more than `memoryLimit`
  /// bytes, each time one is needed.
  ///
  /// - Parameters:
  ///   - size: height and width that all images are resized to. Default: images must have one size.
  ///   - fit: how other proportions are treated. Default `fill`.
  ///   - channels: 1 or 3. Default 3, or 1 where all images are gray and kept in memory.
  ///   - broken: what becomes of images that cannot be read. Default `refused`.
  ///   - memoryLimit: in bytes. Default 2 GiB.
  ///   - classNames: the classes, where they are known, for instance those of the training set; a folder of
  ///     another name is refused, a missing one is not. Default: the folders.
  /// - Throws: `DatasetError` that lists every class folder without images, a lone class, every image that cannot be
  ///   read, and the sizes where they differ.
  public static func load(
    classFolders directory: String, size: (height: Int, width: Int)? = nil, fit: ImageFit = .fill,
    channels: Int? = nil, broken: BrokenImages = .refused, memoryLimit: Int = defaultMemoryLimit,
    classNames: [String]? = nil, name: String? = nil, file: StaticString = #fileID,
    line: UInt = #line
  ) throws(DatasetError) -> ImageSet {
    guard channels == nil || channels == 1 || channels == 3,
      size.map({ $0.0 > 0 && $0.1 > 0 }) != false
    else {
      trap(
        "ImageSet.load: 1 or 3 channels and a positive size are needed", file: file, line: line)
    }
    let folder = try ClassFolder(directory, classNames: classNames)
    let loader = ClassFolderLoader(
      folder: folder, size: size, fit: size == nil ? nil : fit, channels: channels, broken: broken,
      memoryLimit: memoryLimit)
    return try loader.load(name: name ?? lastComponent(directory))
  }
}

/// The image files below a folder, by class.
struct ClassFolder {
  let path: String
  let classNames: [String]
  private(set) var paths: [String] = []
  private(set) var labels: [Int] = []

  static let endings = [".png", ".jpg", ".jpeg", ".pgm", ".ppm", ".pnm"]

  static func isImage(_ name: String) -> Bool {
    let lower = name.lowercased()
    let plain = lower.hasSuffix(".gz") ? String(lower.dropLast(3)) : lower
    return !name.hasPrefix(".") && endings.contains(where: plain.hasSuffix)
  }

  /// The names of the folders in `path` that may be classes.
  static func folders(in path: String) throws(FileError) -> [String] {
    try namesInDirectory(path).filter { !$0.hasPrefix(".") && isDirectory("\(path)/\($0)") }
  }

  init(_ path: String, classNames known: [String]?) throws(DatasetError) {
    self.path = path
    let folders: [String]
    do throws(FileError) {
      folders = try Self.folders(in: path)
    } catch {
      throw DatasetError(path: path, problems: [.folder(error)])
    }
    classNames = known ?? folders
    var problems: [DatasetError.Problem] = []
    for folder in folders {
      guard let label = classNames.firstIndex(where: { $0.isExactly(folder) }) else {
        problems.append(
          .inconsistent(
            "the folder \(quoted(folder)) is no known class; the classes are \(listed(classNames))")
        )
        continue
      }
      do throws(FileError) {
        let names = try namesInDirectory("\(path)/\(folder)").filter(Self.isImage)
        if names.isEmpty {
          problems.append(.inconsistent("the class folder \(quoted(folder)) has no images"))
        }
        paths += names.map { "\(path)/\(folder)/\($0)" }
        labels += [Int](repeating: label, count: names.count)
      } catch {
        problems.append(.file(error))
      }
    }
    if folders.isEmpty {
      problems.append(.inconsistent("has no folders with images, one for each class"))
    } else if classNames.count == 1 {
      problems.append(
        .inconsistent(
          "\(quoted(classNames[0])) is the only class folder, but two classes at least are needed to learn"
            + " a difference"))
    }
    guard problems.isEmpty else {
      throw DatasetError(
        path: path, problems: problems,
        expectation: "Expected is a folder for each class with its images: CLASS/NAME.png (or .jpg,"
          + " .jpeg, .pgm, .ppm)")
    }
  }
}

/// Decodes the images of class folders.
private struct ClassFolderLoader {
  let folder: ClassFolder
  let size: (height: Int, width: Int)?
  let fit: ImageFit?
  let channels: Int?
  let broken: BrokenImages
  let memoryLimit: Int

  /// What became of a file.
  private enum Outcome: Sendable {
    case pixels([UInt8], isGray: Bool)
    case otherSize(height: Int, width: Int)
    case failure(FileError)
  }

  func load(name: String) throws(DatasetError) -> ImageSet {
    let (height, width) = try targetSize()
    let count = folder.paths.count
    let size = ImageSize(channels: channels ?? 3, height: height, width: width)
    let files = ImageFiles(paths: folder.paths, size: size, fit: fit, background: 0)
    do throws(ResourceError) {
      try size.requireMemory(for: folder.path)
    } catch {
      throw DatasetError(path: folder.path, problems: [.resources(error)])
    }
    guard let bytes = checkedProduct(count, 3, height, width), bytes <= memoryLimit else {
      return ImageSet(
        name: name, size: size, classNames: folder.classNames, labels: folder.labels,
        storage: .files(files, Array(0..<count)))
    }
    return try inMemory(name, files)
  }

  private func inMemory(_ name: String, _ files: ImageFiles) throws(DatasetError) -> ImageSet {
    let outcomes = decodeAll(files)
    var failures: [FileError] = []
    var otherSizes: [(height: Int, width: Int, place: Int)] = []
    var kept: [Int] = []
    var isGray = channels == nil
    for (place, outcome) in outcomes.enumerated() {
      switch outcome {
      case .pixels(_, let gray):
        kept.append(place)
        isGray = isGray && gray
      case .otherSize(let height, let width): otherSizes.append((height, width, place))
      case .failure(let error): failures.append(error)
      }
    }
    var problems: [DatasetError.Problem] = []
    if broken == .refused { problems = failures.map { .file($0) } }
    if let text = describe(otherSizes, files.size) { problems.append(.inconsistent(text)) }
    if kept.isEmpty, problems.isEmpty {
      problems.append(.inconsistent("none of the \(outcomes.count) images can be read"))
    }
    guard problems.isEmpty else { throw DatasetError(path: folder.path, problems: problems) }
    var size = files.size
    if isGray { size.channels = 1 }
    var pixels: [UInt8] = []
    let imageSize = size.channels * size.height * size.width
    pixels.reserveCapacity(checkedProduct(kept.count, imageSize) ?? 0)
    for place in kept {
      guard case .pixels(let bytes, _) = outcomes[place] else { continue }
      // Of a gray image all three planes are alike.
      pixels += bytes.prefix(imageSize)
    }
    var set = ImageSet(
      name: name, size: size, classNames: folder.classNames, labels: kept.map { folder.labels[$0] },
      storage: .memory(pixels))
    set.skipped = failures
    return set
  }

  /// The size asked for, or that of the first image that can be read.
  private func targetSize() throws(DatasetError) -> (height: Int, width: Int) {
    if let size { return size }
    var failures: [FileError] = []
    for path in folder.paths {
      do throws(FileError) {
        let image = try RasterImage(contentsOf: path)
        return (image.height, image.width)
      } catch {
        failures.append(error)
      }
    }
    throw DatasetError(path: folder.path, problems: failures.map { .file($0) })
  }

  private func decodeAll(_ files: ImageFiles) -> [Outcome] {
    let outcomes = Mutex([Outcome?](repeating: nil, count: files.paths.count))
    let limits = ResourceLimits.current
    DispatchQueue.concurrentPerform(iterations: files.paths.count) { place in
      let outcome = withResourceLimits(limits) { decode(place, files) }
      outcomes.withLock { $0[place] = outcome }
    }
    return outcomes.withLock { $0.compactMap { $0 } }
  }

  private func decode(_ place: Int, _ files: ImageFiles) -> Outcome {
    let path = files.paths[place]
    do throws(FileError) {
      let image = try RasterImage(contentsOf: path).opaque(over: files.background)
      if fit == nil, image.height != files.size.height || image.width != files.size.width {
        return .otherSize(height: image.height, width: image.width)
      }
      return .pixels(try files.pixels(of: image, path: path), isGray: image.channels == 1)
    } catch {
      return .failure(error)
    }
  }

  /// The sizes that differ from the first image's, with some of their files.
  private func describe(
    _ images: [(height: Int, width: Int, place: Int)], _ size: ImageSize
  ) -> String? {
    guard !images.isEmpty else { return nil }
    let shown = 5
    var text =
      "images have different sizes: \(images.count) are not \(size.height) x \(size.width) as the first:"
    for image in images.prefix(shown) {
      text += "\n    \(folder.paths[image.place]) is \(image.height) x \(image.width)"
    }
    if images.count > shown { text += "\n    ... and \(images.count - shown) more" }
    return text
      + "\n  Give a size to resize all to: 'size:' in a program, --size on the command line."
  }
}

/// Names for messages, the first ten.
private func listed(_ names: [String]) -> String {
  names.prefix(10).map(quoted).joined(separator: ", ")
    + (names.count > 10 ? " and \(names.count - 10) more" : "")
}

/// The name of a folder or file for messages.
func lastComponent(_ path: String) -> String {
  path.split(separator: "/").last.map(String.init) ?? path
}
