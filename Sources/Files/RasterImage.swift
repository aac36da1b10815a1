/// An image of whole numbers: gray or red, green and blue, each also with an opacity.
public struct RasterImage: Equatable, Sendable {
  /// The number of columns.
  public let width: Int
  /// The number of rows.
  public let height: Int
  /// The number of values a pixel has: 1 (gray), 2 (gray, opacity), 3 (red, green, blue) or 4 (red,
  /// green, blue, opacity).
  public let channels: Int
  /// The value of full brightness, 1 ... 65535; 0 is black.
  public let maximum: Int
  /// The values, `[height, width, channels]` row-major.
  public let samples: [UInt16]

  /// An image of `samples`.
  ///
  /// - Precondition: sizes are positive, `channels` is in 1 ... 4, `maximum` is in 1 ... 65535, there
  ///   are `height * width * channels` samples and none exceeds `maximum`.
  public init(
    width: Int, height: Int, channels: Int, maximum: Int = 255, samples: [UInt16],
    file: StaticString = #fileID, line: UInt = #line
  ) {
    func require(_ condition: Bool, _ message: @autoclosure () -> String) {
      if !condition { fatalError("RasterImage: \(message())", file: file, line: line) }
    }
    require(width > 0 && height > 0, "size \(width) x \(height) is not positive")
    require((1...4).contains(channels), "\(channels) channels, but there must be 1 to 4")
    require((1...65535).contains(maximum), "maximum \(maximum) is not in 1...65535")
    let expected = checkedProduct(width, height, channels)
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

  /// Whether the last value of a pixel is its opacity: 0 is transparent, `maximum` opaque.
  public var hasOpacity: Bool { channels == 2 || channels == 4 }

  /// The image without opacity, as it looks in front of a gray of `background` (0 black ... 1 white).
  ///
  /// An image without opacity comes back as it is.
  public func opaque(over background: Double = 0) -> RasterImage {
    guard hasOpacity else { return self }
    let colors = channels - 1
    let behind = Int((min(max(background, 0), 1) * Double(maximum)).rounded())
    var blended: [UInt16] = []
    blended.reserveCapacity(width * height * colors)
    for first in stride(from: 0, to: samples.count, by: channels) {
      let opacity = Int(samples[first + colors])
      for sample in samples[first..<first + colors] {
        let sum = Int(sample) * opacity + behind * (maximum - opacity)
        blended.append(UInt16((sum + maximum / 2) / maximum))
      }
    }
    return RasterImage(
      width: width, height: height, channels: colors, maximum: maximum, samples: blended)
  }
}
