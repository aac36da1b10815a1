/// An image of whole numbers: one channel (gray) or three (red, green, blue).
public struct RasterImage: Equatable, Sendable {
  /// The number of columns.
  public let width: Int
  /// The number of rows.
  public let height: Int
  /// The number of values a pixel has: 1 or 3.
  public let channels: Int
  /// The value of full brightness, 1 ... 65535; 0 is black.
  public let maximum: Int
  /// The values, `[height, width, channels]` row-major.
  public let samples: [UInt16]

  /// An image of `samples`.
  ///
  /// - Precondition: sizes are positive, `channels` is 1 or 3, `maximum` is in 1 ... 65535, there
  ///   are `height * width * channels` samples and none exceeds `maximum`.
  public init(
    width: Int, height: Int, channels: Int, maximum: Int = 255, samples: [UInt16],
    file: StaticString = #fileID, line: UInt = #line
  ) {
    func require(_ condition: Bool, _ message: @autoclosure () -> String) {
      if !condition { fatalError("RasterImage: \(message())", file: file, line: line) }
    }
    require(width > 0 && height > 0, "size \(width) x \(height) is not positive")
    require(channels == 1 || channels == 3, "\(channels) channels, but there must be 1 or 3")
    require((1...65535).contains(maximum), "maximum \(maximum) is not in 1...65535")
    let expected = PortableMapHeader.sampleCount(width, height, channels)
    require(
      samples.count == expected,
      "\(samples.count) samples, but \(width) x \(height) pixels of \(channels) are needed")
    require(samples.allSatisfy { $0 <= maximum }, "a sample exceeds the maximum \(maximum)")
    self.width = width
    self.height = height
    self.channels = channels
    self.maximum = maximum
    self.samples = samples
  }

  /// An image of `bytes`, full brightness being 255.
  public init(
    width: Int, height: Int, channels: Int, bytes: [UInt8],
    file: StaticString = #fileID, line: UInt = #line
  ) {
    self.init(
      width: width, height: height, channels: channels, samples: bytes.map(UInt16.init),
      file: file, line: line)
  }

  /// The values scaled to 0 ... 255 and rounded to the nearest, in the order of `samples`.
  public var bytes: [UInt8] {
    guard maximum != 255 else { return samples.map(UInt8.init) }
    return samples.map { UInt8((Int($0) * 255 + maximum / 2) / maximum) }
  }
}
