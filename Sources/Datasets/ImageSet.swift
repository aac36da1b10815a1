import TapestryFiles
import TapestryGraph

/// Labelled images of one size, held as the bytes they are stored as.
///
/// The pixels are in memory, in a block that copies of the set share; or, of large sets, in mapped files or in image
/// files that are decoded when they are needed. They become tensors of numbers in 0 ... 1 batch by batch, see
/// ``BatchLoader``.
public struct ImageSet: Sendable {
  /// What messages and pictures call the set.
  public let name: String
  /// The number of values a pixel has: 1 for gray, 3 for red, green, blue.
  public let channels: Int
  /// The number of rows of every image.
  public let height: Int
  /// The number of columns of every image.
  public let width: Int
  /// The pixel value of full brightness, 1 ... 255.
  public let maximumValue: Int
  /// What the classes are called; a label is an index into this list.
  public let classNames: [String]
  /// The class of each image.
  public let labels: [Int]
  /// What could not be read when the set was loaded and was left out, see ``BrokenImages``.
  public internal(set) var skipped: [FileError] = []
  let storage: PixelStorage

  /// A set of the images in `pixels`.
  ///
  /// - Precondition: sizes are positive, `maximumValue` is in 1 ... 255, there are
  ///   `labels.count * channels * height * width` pixels of at most `maximumValue`, and every label
  ///   is an index of `classNames`.
  public init(
    name: String, channels: Int = 1, height: Int, width: Int, maximumValue: Int = 255,
    classNames: [String], labels: [Int], pixels: [UInt8],
    file: StaticString = #fileID, line: UInt = #line
  ) {
    func require(_ condition: Bool, _ message: @autoclosure () -> String) {
      if !condition { trap("ImageSet \"\(name)\": \(message())", file: file, line: line) }
    }
    require(
      TensorShape(validating: [labels.count, channels, height, width]) != nil
        && channels > 0 && height > 0 && width > 0,
      "\(channels) x \(height) x \(width) is no size of an image")
    require((1...255).contains(maximumValue), "maximum value \(maximumValue) is not in 1...255")
    let expected = labels.count * channels * height * width
    require(
      pixels.count == expected,
      "\(pixels.count) pixels, but \(labels.count) labels and \(channels) x \(height) x \(width)"
        + " images need \(expected)")
    require(
      maximumValue == 255 || pixels.allSatisfy { $0 <= maximumValue },
      "a pixel exceeds the maximum value \(maximumValue)")
    require(
      labels.allSatisfy(classNames.indices.contains),
      "a label is not in 0 ..< \(classNames.count), the number of class names")
    self.name = name
    self.channels = channels
    self.height = height
    self.width = width
    self.maximumValue = maximumValue
    self.classNames = classNames
    self.labels = labels
    storage = .memory(pixels)
  }

  /// A set whose pixels are elsewhere, of images that have been checked.
  init(
    name: String, size: ImageSize, maximumValue: Int = 255, classNames: [String], labels: [Int],
    storage: PixelStorage
  ) {
    self.name = name
    channels = size.channels
    height = size.height
    width = size.width
    self.maximumValue = maximumValue
    self.classNames = classNames
    self.labels = labels
    self.storage = storage
  }

  /// The size of every image.
  public var imageSize: ImageSize {
    ImageSize(channels: channels, height: height, width: width)
  }

  /// Whether all pixels are in memory.
  public var isInMemory: Bool { if case .memory = storage { true } else { false } }

  /// The pixels of all images, `[count, channels, height, width]` row-major.
  ///
  /// For a set in memory its own, without a copy. Otherwise all files are read now, and an image that cannot be
  /// read comes as black.
  public var pixels: [UInt8] {
    if case .memory(let pixels) = storage { return pixels }
    return indices.flatMap { (try? bytes(of: $0)) ?? [UInt8](repeating: 0, count: byteCount) }
  }

  /// The pixels of one image, `[channels, height, width]` row-major.
  ///
  /// - Precondition: `position` is in `0 ..< count`.
  /// - Throws: `FileError` when the image is decoded on demand and its file cannot be read.
  public func bytes(
    of position: Int, file: StaticString = #fileID, line: UInt = #line
  ) throws(FileError) -> [UInt8] {
    requirePosition(position, "bytes(of:)", file: file, line: line)
    var bytes = [UInt8](repeating: 0, count: byteCount)
    try bytes.withUnsafeMutableBufferPointer { buffer throws(FileError) in
      try storage.read(position, size: byteCount, into: buffer)
    }
    return bytes
  }

  /// The number of classes.
  public var classCount: Int { classNames.count }

  /// The number of bytes of one image.
  package var byteCount: Int { channels * height * width }

  /// The images at these positions, in this order, as a set of its own; an image may come twice.
  ///
  /// Copies the pixels of the chosen images, where they are in memory.
  ///
  /// - Precondition: every position is in `0 ..< count`.
  public func subset(
    _ positions: some Collection<Int>, name: String? = nil,
    file: StaticString = #fileID, line: UInt = #line
  ) -> ImageSet {
    for position in positions { requirePosition(position, "subset", file: file, line: line) }
    var subset = ImageSet(
      name: name ?? self.name, size: imageSize, maximumValue: maximumValue, classNames: classNames,
      labels: positions.map { labels[$0] }, storage: storage.subset(positions, size: byteCount))
    subset.skipped = skipped
    return subset
  }

  /// The largest pixel value that occurs, at least 1.
  var largestPixel: Int { pixels.contains(255) ? 255 : Int(Swift.max(1, pixels.max() ?? 1)) }

  /// The same images with another value as full brightness; shares the pixels.
  func with(maximumValue: Int, file: StaticString = #fileID, line: UInt = #line) -> ImageSet {
    ImageSet(
      name: name, channels: channels, height: height, width: width, maximumValue: maximumValue,
      classNames: classNames, labels: labels, pixels: pixels, file: file, line: line)
  }

  func requirePosition(_ position: Int, _ caller: String, file: StaticString, line: UInt) {
    guard indices.contains(position) else {
      trap(
        "\(caller): there is no image \(position) in \"\(name)\", which has \(count)",
        file: file, line: line)
    }
  }
}

extension ImageSet: RandomAccessCollection {
  public var startIndex: Int { 0 }
  /// The number of images.
  public var endIndex: Int { labels.count }

  /// The image at a position; its pixels are those of the set, not copied where they are in memory. One that is
  /// decoded on demand and cannot be read comes as black; ``bytes(of:file:line:)`` says why.
  ///
  /// - Precondition: `position` is in `0 ..< count`.
  public subscript(position: Int) -> LabelledImage {
    requirePosition(position, "ImageSet", file: #fileID, line: #line)
    let pixels: ArraySlice<UInt8>
    if case .memory(let block) = storage {
      pixels = block[position * byteCount..<(position + 1) * byteCount]
    } else {
      let black = [UInt8](repeating: 0, count: byteCount)
      pixels = ((try? bytes(of: position)) ?? black)[...]
    }
    return LabelledImage(
      index: position, label: labels[position], className: classNames[labels[position]],
      channels: channels, height: height, width: width, maximumValue: maximumValue,
      pixels: pixels)
  }
}

extension ImageSet: CustomStringConvertible {
  /// `digits: 1797 images of 1 x 8 x 8, 10 classes`
  public var description: String {
    "\(name): \(count) images of \(channels) x \(height) x \(width), \(classCount) classes"
  }
}
