import CZlib

/// Turns samples into the bytes of a PNG file: 8 bits a sample, or 16 where the image has more than 255 levels.
struct PNGWriter {
  private let image: RasterImage
  private let isDeep: Bool

  init(_ image: RasterImage) {
    self.image = image
    isDeep = image.maximum > 255
  }

  func file(compression: Int) -> [UInt8] {
    let colorTypes: [PNGHeader.ColorType] = [.gray, .grayAlpha, .color, .colorAlpha]
    var header = Self.bigEndianBytes(image.width) + Self.bigEndianBytes(image.height)
    header += [isDeep ? 16 : 8, colorTypes[image.channels - 1].rawValue, 0, 0, 0]
    var file = PNGChunks.signature
    Self.append("IHDR", header, to: &file)
    let pixels = deflated(filteredRows(), level: compression)
    let largestChunk = 1 << 30
    for start in stride(from: 0, to: pixels.count, by: largestChunk) {
      Self.append("IDAT", Array(pixels[start...].prefix(largestChunk)), to: &file)
    }
    Self.append("IEND", [], to: &file)
    return file
  }

  private static func bigEndianBytes(_ number: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
  }

  private static func append(_ name: String, _ content: [UInt8], to file: inout [UInt8]) {
    let covered = Array(name.utf8) + content
    file += bigEndianBytes(content.count) + covered
    file += bigEndianBytes(covered.withUnsafeBytes(PNGChunks.checksum))
  }

  /// The rows, each behind the number of the filter that gives the smallest differences.
  private func filteredRows() -> [UInt8] {
    let count = image.width * image.channels
    let length = isDeep ? 2 * count : count
    let distance = isDeep ? 2 * image.channels : image.channels
    var previous = [UInt8](repeating: 0, count: length)
    var rows: [UInt8] = []
    rows.reserveCapacity(image.height * (1 + length))
    for row in 0..<image.height {
      let current = rowBytes(image.samples[row * count..<(row + 1) * count])
      current.withUnsafeBufferPointer { current in
        previous.withUnsafeBufferPointer { previous in
          let filter = Self.bestFilter(current, previous, distance)
          rows.append(filter.rawValue)
          for i in current.indices {
            rows.append(filter.difference(current, previous, i, distance: distance))
          }
        }
      }
      previous = current
    }
    return rows
  }

  /// The usual rule of thumb: the smallest sum of the differences, taken as signed numbers.
  private static func bestFilter(
    _ row: UnsafeBufferPointer<UInt8>, _ previous: UnsafeBufferPointer<UInt8>, _ distance: Int
  ) -> PNGFilter {
    var best = (filter: PNGFilter.none, sum: Int.max)
    for filter in PNGFilter.allCases {
      var sum = 0
      for i in row.indices {
        sum += Int(
          Int8(bitPattern: filter.difference(row, previous, i, distance: distance)).magnitude)
      }
      if sum < best.sum { best = (filter, sum) }
    }
    return best.filter
  }

  private func rowBytes(_ samples: ArraySlice<UInt16>) -> [UInt8] {
    let maximum = image.maximum
    guard isDeep else {
      guard maximum != 255 else { return samples.map(UInt8.init) }
      return samples.map { UInt8((Int($0) * 255 + maximum / 2) / maximum) }
    }
    return samples.flatMap { sample in
      let level = (Int(sample) * 65535 + maximum / 2) / maximum
      return [UInt8(level >> 8), UInt8(level & 0xFF)]
    }
  }

  /// `bytes` as a zlib stream.
  private func deflated(_ bytes: [UInt8], level: Int) -> [UInt8] {
    do throws(GzipError) {
      return try Gzip.deflate(bytes, level: level, windowBits: MAX_WBITS)
    } catch {
      // Out of memory for 300 kB beside the picture itself, which no array survives either.
      fatalError("RasterImage: no memory to compress a picture")
    }
  }
}
