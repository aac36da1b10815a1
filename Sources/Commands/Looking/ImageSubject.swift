import TapestryDatasets
import TapestryFiles
import TapestryGraph

/// An image that a command looks at, from a file or from the test images.
struct ImageSubject {
  let name: String
  let index: Int?
  let truth: Int?
  /// The image alone, without a meaningful label.
  let image: ImageSet

  /// The image as the net takes it, `[1, C, H, W]`.
  func tensor(for net: SavedNet) throws -> Tensor {
    try net.description.loader(image, batchSize: 1).epoch(0)[0].images
  }
}

/// Which images a command line names: files, or one test image.
struct ImageChoice {
  private let data: String?
  private let paths: [String]
  private let index: Int?
  private let isInverted: Bool

  /// The options, each with the type of its value.
  enum Options {
    static let index: Option<Int?> = .int(
      "index", in: 0 ... .max, help: "The test image with this number, counted from 0.")
    static let data: Option<String?> = DataSource.option(
      help: "The folder of that test image. (default: the embedded digits)")
    static let invert: Option<Bool> = .flag(
      "invert", help: "Takes black for white: for dark strokes on paper.")
  }

  /// The arguments and options that an ``ImageChoice`` is made from.
  static let argument = CommandArgument("IMAGE", .any, help: "Files with images.")
  static let options: [CommandOption] = declared(Options.index, Options.data, Options.invert)

  /// - Parameter verb: what the command would do with an image, for the message when there is none.
  init(_ arguments: ParsedArguments, verb: String) throws(UsageError) {
    data = arguments[Options.data]
    paths = arguments.arguments("IMAGE")
    index = arguments[Options.index]
    isInverted = arguments[Options.invert]
    guard paths.isEmpty != (index == nil) else {
      throw arguments.misuse(
        paths.isEmpty
          ? "nothing to \(verb): give IMAGE files, or --index N"
          : "give IMAGE files or --index, not both")
    }
    if data != nil, index == nil { throw arguments.misuse("--data needs --index N") }
  }

  /// All of them, read before the first is shown: on an error nothing has been shown, and the error lists every file that is
  /// not an image.
  func subjects(for net: SavedNet) throws -> [ImageSubject] {
    if let index { return [try testImage(index, for: net)] }
    var subjects: [ImageSubject] = []
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

  /// The one image that a command draws.
  func onlySubject(for net: SavedNet) throws -> ImageSubject {
    guard paths.count <= 1 else {
      throw CommandError("\(counted(paths.count, "image")) are given, but one picture shows one")
    }
    return try subjects(for: net)[0]
  }

  private func testImage(_ index: Int, for net: SavedNet) throws -> ImageSubject {
    let source = try net.dataSource(data)
    let test = try net.testImages(of: source)
    guard index < test.count else {
      throw CommandError(
        "there is no test image \(index) in \(source.name), which has \(grouped(test.count)): 0 to "
          + "\(test.count - 1)")
    }
    return ImageSubject(
      name: "test image \(index) of \(source.name)", index: index, truth: test.labels[index],
      image: isInverted ? inverted(test.subset([index])) : test.subset([index]))
  }

  private func read(_ path: String, for net: SavedNet) throws -> ImageSubject {
    let image = try net.description.image(contentsOf: path)
    return ImageSubject(
      name: path, index: nil, truth: nil, image: isInverted ? inverted(image) : image)
  }

  private func inverted(_ set: ImageSet) -> ImageSet {
    ImageSet(
      name: set.name, channels: set.channels, height: set.height, width: set.width,
      maximumValue: set.maximumValue, classNames: set.classNames, labels: set.labels,
      pixels: set.pixels.map { UInt8(set.maximumValue - Int($0)) })
  }
}
