import TapestryGraph

/// Labelled images of one size, held as the bytes they are stored as.
///
/// The pixels are one row-major block `[count, channels, height, width]` that copies of the set share.
/// They become tensors of numbers in 0 ... 1 batch by batch, see ``BatchLoader``.
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
  /// The pixels of all images, `[count, channels, height, width]` row-major.
  public let pixels: [UInt8]

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
    self.pixels = pixels
  }

  /// The number of classes.
  public var classCount: Int { classNames.count }

  /// The number of bytes of one image.
  package var imageSize: Int { channels * height * width }

  /// The images at these positions, in this order, as a set of its own; an image may come twice.
  ///
  /// Copies the pixels of the chosen images.
  ///
  /// - Precondition: every position is in `0 ..< count`.
  public func subset(
    _ positions: some Collection<Int>, name: String? = nil,
    file: StaticString = #fileID, line: UInt = #line
  ) -> ImageSet {
    var chosen: [UInt8] = []
    chosen.reserveCapacity(positions.count * imageSize)
    for position in positions {
      requirePosition(position, "subset", file: file, line: line)
      chosen += pixels[position * imageSize..<(position + 1) * imageSize]
    }
    return ImageSet(
      name: name ?? self.name, channels: channels, height: height, width: width,
      maximumValue: maximumValue, classNames: classNames, labels: positions.map { labels[$0] },
      pixels: chosen)
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

  /// The image at a position; its pixels are those of the set, not copied.
  ///
  /// - Precondition: `position` is in `0 ..< count`.
  public subscript(position: Int) -> LabelledImage {
    requirePosition(position, "ImageSet", file: #fileID, line: #line)
    return LabelledImage(
      index: position, label: labels[position], className: classNames[labels[position]],
      channels: channels, height: height, width: width, maximumValue: maximumValue,
      pixels: pixels[position * imageSize..<(position + 1) * imageSize])
  }
}

extension ImageSet: CustomStringConvertible {
  /// `digits: 1797 images of 1 x 8 x 8, 10 classes`
  public var description: String {
    "\(name): \(count) images of \(channels) x \(height) x \(width), \(classCount) classes"
  }
}
