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

  /// The arguments and options that an ``ImageChoice`` is made from.
  static let argument = CommandArgument("IMAGE", .any, help: "Files with images.")
  static let options: [CommandOption] = [
    .int("index", in: 0 ... .max, help: "The test image with this number, counted from 0."),
    DataSource.option(help: "The folder of that test image. (default: the embedded digits)"),
    .flag("invert", help: "Takes black for white: for dark strokes on paper."),
  ]

  /// - Parameter verb: what the command would do with an image, for the message when there is none.
  init(_ arguments: ParsedArguments, verb: String) throws(UsageError) {
    data = arguments.optionalString("data")
    paths = arguments.arguments("IMAGE")
    index = arguments.optionalInt("index")
    isInverted = arguments.has("invert")
    guard paths.isEmpty != (index == nil) else {
      throw arguments.misuse(
        paths.isEmpty
          ? "nothing to \(verb): give IMAGE files, or --index N"
          : "give IMAGE files or --index, not both")
    }
    if data != nil, index == nil { throw arguments.misuse("--data needs --index N") }
  }

  /// All of them, read before the first is shown: an error leaves nothing half done.
  func subjects(for net: SavedNet) throws -> [ImageSubject] {
    if let index { return [try testImage(index, for: net)] }
    return try paths.map { try read($0, for: net) }
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
    return ImageSubject(name: path, index: nil, truth: nil, image: isInverted ? inverted(set) : set)
  }

  private func inverted(_ set: ImageSet) -> ImageSet {
    ImageSet(
      name: set.name, channels: set.channels, height: set.height, width: set.width,
      maximumValue: set.maximumValue, classNames: set.classNames, labels: set.labels,
      pixels: set.pixels.map { UInt8(set.maximumValue - Int($0)) })
  }
}
