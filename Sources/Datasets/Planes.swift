import TapestryFiles
import TapestryGraph

/// An image as planes of numbers, one for each channel; 0 is black and 1 full brightness.
public struct Planes: Equatable, Sendable {
  /// The number of planes: 1 for gray, 3 for red, green, blue.
  public internal(set) var channels: Int
  /// The number of rows.
  public internal(set) var height: Int
  /// The number of columns.
  public internal(set) var width: Int
  /// The numbers, `[channels, height, width]` row-major.
  public var values: [Float]

  /// An image of one colour.
  ///
  /// - Precondition: sizes are positive.
  public init(channels: Int, height: Int, width: Int, value: Float = 0) {
    guard channels > 0, height > 0, width > 0 else {
      trapAtCaller("Planes: \(channels) x \(height) x \(width) is no size of an image")
    }
    self.channels = channels
    self.height = height
    self.width = width
    guard let count = checkedProduct(channels, height, width) else {
      trapAtCaller("Planes: \(channels) x \(height) x \(width) is more than there is memory for")
    }
    values = [Float](repeating: value, count: count)
  }

  /// An image of `values`, as many as the sizes multiply to.
  public init(channels: Int, height: Int, width: Int, values: [Float]) {
    self.init(channels: channels, height: height, width: width)
    guard values.count == self.values.count else {
      trapAtCaller("Planes: \(values.count) values for \(channels) x \(height) x \(width)")
    }
    self.values = values
  }

  /// Takes another size, in the same memory where as many numbers are needed; they are then any.
  mutating func become(channels: Int, height: Int, width: Int) {
    let count = channels * height * width
    if values.count != count { values = [Float](repeating: 0, count: count) }
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// The image of another size that `body` writes, every number of it, reading this one; what was there stays in
  /// `spare`, whose memory is used where it suffices.
  mutating func redraw(
    height: Int, width: Int, spare: inout [Float],
    _ body: (
      _ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableBufferPointer<Float>
    ) -> Void
  ) {
    let count = channels * height * width
    if spare.count != count { spare = [Float](repeating: 0, count: count) }
    values.withUnsafeBufferPointer { source in
      spare.withUnsafeMutableBufferPointer { target in body(source, target) }
    }
    swap(&values, &spare)
    self.height = height
    self.width = width
  }

  /// The size.
  public var size: ImageSize { ImageSize(channels: channels, height: height, width: width) }

  /// The number at a place.
  public subscript(channel: Int, row: Int, column: Int) -> Float {
    get { values[(channel * height + row) * width + column] }
    set { values[(channel * height + row) * width + column] = newValue }
  }

  /// The image as whole numbers 0 ... 255; what is brighter or darker is cut off.
  ///
  /// - Returns: `[height, width, channels]`, as files have them.
  func interleavedBytes() -> [UInt8] {
    let plane = height * width
    var bytes = [UInt8](repeating: 0, count: values.count)
    for channel in 0..<channels {
      for position in 0..<plane {
        bytes[position * channels + channel] = Self.byte(values[channel * plane + position])
      }
    }
    return bytes
  }

  /// The image as whole numbers 0 ... 255, `[channels, height, width]`.
  func planarBytes() -> [UInt8] { values.map(Self.byte) }

  private static func byte(_ value: Float) -> UInt8 {
    // A number that is not finite is black.
    value > 0 ? UInt8(min(value, 1) * 255 + 0.5) : 0
  }
}

/// The size of an image.
public struct ImageSize: Hashable, Sendable, CustomStringConvertible {
  /// The number of values a pixel has.
  public var channels: Int
  /// The number of rows.
  public var height: Int
  /// The number of columns.
  public var width: Int

  public init(channels: Int, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// `3 x 32 x 32`
  public var description: String { "\(channels) x \(height) x \(width)" }

  /// The bytes of an image as numbers, `[channels, height, width]`; nil beyond all numbers.
  package var floatByteCount: Int? {
    checkedProduct(channels, height, width, MemoryLayout<Float>.size)
  }

  /// Checks that an image of this size may be drawn, for which it is there twice.
  package func requireMemory(for subject: String) throws(ResourceError) {
    try ResourceLimits.current.requireMemory(
      floatByteCount.flatMap { checkedProduct($0, 2) }, for: "\(subject) as an image of \(self)")
  }
}
