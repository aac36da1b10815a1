extension RasterImage {
  /// The image in the portable graymap or pixmap `bytes` (P2, P3, P5 or P6, 8 or 16 bits).
  ///
  /// No memory is taken for pixels before it is known that the bytes for them are there.
  ///
  /// - Parameter pixelLimit: the largest number of pixels the image may have. Default 2^26.
  public init(
    portableMap bytes: [UInt8], pixelLimit: Int = defaultPixelLimit
  ) throws(PortableMapError) {
    var reader = PortableMapReader(bytes, pixelLimit: pixelLimit)
    self = try reader.image()
  }

  /// The image as a binary portable graymap (P5) or pixmap (P6), of 16 bits when `maximum` needs it.
  /// These formats have no opacity: the image is written as in front of black.
  public var portableMap: [UInt8] {
    guard !hasOpacity else { return opaque().portableMap }
    let magic = channels == 1 ? "P5" : "P6"
    var bytes = Array("\(magic)\n\(width) \(height)\n\(maximum)\n".utf8)
    for sample in samples {
      if maximum > 255 { bytes.append(UInt8(sample >> 8)) }
      bytes.append(UInt8(truncatingIfNeeded: sample))
    }
    return bytes
  }
}

struct PortableMapHeader {
  let isPlain: Bool
  let width: Int
  let height: Int
  let channels: Int
  let maximum: Int

  var description: String {
    "an image of \(width) x \(height) pixels of \(channels)"
  }

  /// The smallest number of bytes `count` samples take: exact in the binary forms; in the plain
  /// forms a digit each and a space between. At most `Int.max`.
  func byteCount(of count: Int?) -> Int {
    let size = isPlain || maximum > 255 ? 2 : 1
    guard let count, let bytes = checkedProduct(count, size) else { return .max }
    return isPlain ? bytes - 1 : bytes
  }
}

private struct PortableMapReader {
  private let bytes: [UInt8]
  private var position = 0
  private let pixelLimit: Int

  init(_ bytes: [UInt8], pixelLimit: Int) {
    self.bytes = bytes
    self.pixelLimit = pixelLimit
  }

  mutating func image() throws(PortableMapError) -> RasterImage {
    let header = try header()
    guard let pixels = checkedProduct(header.width, header.height), pixels <= pixelLimit else {
      throw .tooManyPixels(width: header.width, height: header.height, limit: pixelLimit)
    }
    let count = checkedProduct(pixels, header.channels)
    let needed = header.byteCount(of: count)
    let actual = bytes.count - position
    guard let count, needed <= actual else {
      throw .tooShort(header: header.description, needed: needed, actual: actual)
    }
    let samples = try header.isPlain ? plainSamples(count) : binarySamples(count, header.maximum)
    if let index = samples.firstIndex(where: { $0 > header.maximum }) {
      throw .tooBright(value: Int(samples[index]), maximum: header.maximum, index: index)
    }
    guard position == bytes.count else {
      throw .trailingBytes(header: header.description, count: bytes.count - position)
    }
    return RasterImage(
      width: header.width, height: header.height, channels: header.channels,
      maximum: header.maximum, samples: samples)
  }

  private mutating func header() throws(PortableMapError) -> PortableMapHeader {
    guard bytes.count >= 2, bytes[0] == UInt8(ascii: "P") else { throw .unknownMagic }
    let kind = bytes[1]
    guard "2356".utf8.contains(kind) else { throw .unknownMagic }
    let isPlain = kind <= UInt8(ascii: "3")
    let isGray = kind == UInt8(ascii: "2") || kind == UInt8(ascii: "5")
    position = 2
    let width = try number("width", in: 1...Int.max)
    let height = try number("height", in: 1...Int.max)
    let maximum = try number("maximum", in: 1...65535)
    if !isPlain {
      // Exactly one byte of space: the next may be a pixel that looks like space.
      guard position < bytes.count, isSpace(bytes[position]) else {
        throw .badNumber(name: "maximum", offset: position, expected: "followed by a space")
      }
      position += 1
    }
    return PortableMapHeader(
      isPlain: isPlain, width: width, height: height, channels: isGray ? 1 : 3, maximum: maximum)
  }

  private mutating func binarySamples(_ count: Int, _ maximum: Int) -> [UInt16] {
    let start = position
    guard maximum > 255 else {
      position += count
      return bytes[start..<position].map(UInt16.init)
    }
    position += 2 * count
    return stride(from: start, to: position, by: 2).map { high in
      UInt16(bytes[high]) << 8 + UInt16(bytes[high + 1])
    }
  }

  private mutating func plainSamples(_ count: Int) throws(PortableMapError) -> [UInt16] {
    var samples: [UInt16] = []
    samples.reserveCapacity(count)
    for _ in 0..<count {
      samples.append(UInt16(try number("value", in: 0...65535)))
    }
    skipSpaceAndComments()
    return samples
  }

  /// The decimal number behind any space and comments, which a space or the end must follow.
  private mutating func number(_ name: String, in range: ClosedRange<Int>)
    throws(PortableMapError) -> Int
  {
    skipSpaceAndComments()
    let start = position
    var value = 0
    var isNumber = false
    while position < bytes.count, !isSpace(bytes[position]), bytes[position] != UInt8(ascii: "#") {
      let digit = Int(bytes[position]) - 48
      let (tens, tooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = tens.addingReportingOverflow(digit)
      isNumber = (0...9).contains(digit) && !tooLarge && !overflow
      guard isNumber else { break }
      value = sum
      position += 1
    }
    guard isNumber, range.contains(value) else {
      let (low, high) = (range.lowerBound, range.upperBound)
      let limits = high == .max ? "of at least \(low)" : "in \(low)...\(high)"
      throw .badNumber(name: name, offset: start, expected: "a whole number \(limits)")
    }
    return value
  }

  private mutating func skipSpaceAndComments() {
    while position < bytes.count {
      if bytes[position] == UInt8(ascii: "#") {
        while position < bytes.count, bytes[position] != 0x0A, bytes[position] != 0x0D {
          position += 1
        }
      } else if isSpace(bytes[position]) {
        position += 1
      } else {
        return
      }
    }
  }

  private func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }
}
