/// Turns the chunks of a PNG file into samples.
struct PNGReader {
  private let bytes: UnsafeRawBufferPointer
  private let chunks: PNGChunks
  private var header: PNGHeader { chunks.header }

  /// Deflate expands data by at most this factor.
  private static let largestExpansion = 1032

  /// - Parameter pixelLimit: more pixels are refused before anything is allocated.
  init(_ bytes: UnsafeRawBufferPointer, pixelLimit: Int) throws(PNGError) {
    self.bytes = bytes
    chunks = try PNGChunks(bytes)
    let (width, height) = (chunks.header.width, chunks.header.height)
    guard width * height <= pixelLimit else {
      throw .tooManyPixels(width: width, height: height, limit: pixelLimit)
    }
    let compressed = chunks.pixels.reduce(0) { $0 + $1.count }
    guard chunks.header.inflatedByteCount / Self.largestExpansion <= compressed else {
      throw .implausibleSize(width: width, height: height, byteCount: compressed)
    }
  }

  /// The samples of a pixel in the image: colours of a palette as red, green and blue, and an opacity
  /// where the file has one in whatever form.
  private var channels: Int {
    let opaque =
      header.colorType == .palette ? 3 : header.colorType.samplesPerPixel
    return chunks.transparency == nil ? opaque : opaque + 1
  }

  private var maximum: Int { header.colorType == .palette ? 255 : (1 << header.depth) - 1 }

  func image() throws(PNGError) -> RasterImage {
    let channels = channels
    var samples = [UInt16](repeating: 0, count: header.width * header.height * channels)
    let inflater = try PNGInflater(bytes, pieces: chunks.pixels)
    try samples.withUnsafeMutableBufferPointer { samples throws(PNGError) in
      for pass in header.passes { try read(pass, from: inflater, into: samples) }
    }
    try inflater.requireEnd()
    return RasterImage(
      width: header.width, height: header.height, channels: channels, maximum: maximum,
      samples: samples)
  }

  private func read(
    _ pass: PNGPass, from inflater: PNGInflater, into samples: UnsafeMutableBufferPointer<UInt16>
  ) throws(PNGError) {
    let length = header.rowByteCount(width: pass.width)
    // The byte in front names the filter.
    var current = [UInt8](repeating: 0, count: 1 + length)
    var previous = current
    var unpacked = [UInt16](repeating: 0, count: pass.width * header.colorType.samplesPerPixel)
    for row in 0..<pass.height {
      let count = try current.withUnsafeMutableBufferPointer { buffer throws(PNGError) in
        try inflater.read(into: UnsafeMutableRawBufferPointer(buffer))
      }
      let position = pass.top + row * pass.rowStep
      guard count == current.count else {
        throw .pixelsMissing(row: position, height: header.height)
      }
      guard let filter = PNGFilter(rawValue: current[0]) else {
        throw .corruptPixels(reason: "row \(position) has filter \(current[0]) of 0 to 4")
      }
      current.withUnsafeMutableBufferPointer { current in
        previous.withUnsafeMutableBufferPointer { previous in
          filter.undo(
            UnsafeMutableBufferPointer(rebasing: current[1...]),
            previous: UnsafeMutableBufferPointer(rebasing: previous[1...]),
            distance: header.filterDistance)
        }
      }
      unpack(current, into: &unpacked)
      try place(unpacked, row: position, pass, into: samples)
      swap(&current, &previous)
    }
  }

  /// The samples in the bytes of a row, the first of which names the filter.
  private func unpack(_ row: [UInt8], into samples: inout [UInt16]) {
    switch header.depth {
    case 8:
      for i in samples.indices { samples[i] = UInt16(row[1 + i]) }
    case 16:
      for i in samples.indices { samples[i] = UInt16(row[1 + 2 * i]) << 8 | UInt16(row[2 + 2 * i]) }
    default:
      // Several samples in a byte, the first in the highest bits.
      let depth = header.depth
      let mask = UInt8((1 << depth) - 1)
      for i in samples.indices {
        let bit = i * depth
        samples[i] = UInt16(row[1 + bit / 8] >> UInt8(8 - depth - bit % 8) & mask)
      }
    }
  }

  /// Puts the pixels of a row of a pass to their places in the image.
  private func place(
    _ row: [UInt16], row position: Int, _ pass: PNGPass,
    into samples: UnsafeMutableBufferPointer<UInt16>
  ) throws(PNGError) {
    let stored = header.colorType.samplesPerPixel
    let channels = channels
    let opaque = UInt16(maximum)
    let key = header.colorType == .palette ? nil : transparentSamples
    var target = (position * header.width + pass.left) * channels
    let step = pass.columnStep * channels
    if key == nil, header.colorType != .palette, step == stored {
      for i in row.indices { samples[target + i] = row[i] }
      return
    }
    for column in 0..<pass.width {
      let first = column * stored
      if header.colorType == .palette {
        try look(up: Int(row[first]), into: samples, at: target)
      } else {
        for i in 0..<stored { samples[target + i] = row[first + i] }
        if let key {
          let isTransparent = key.elementsEqual(row[first..<first + stored])
          samples[target + stored] = isTransparent ? 0 : opaque
        }
      }
      target += step
    }
  }

  private func look(
    up index: Int, into samples: UnsafeMutableBufferPointer<UInt16>, at target: Int
  ) throws(PNGError) {
    let palette = chunks.palette
    guard 3 * index < palette.count else {
      throw .noSuchColor(index: index, count: palette.count / 3)
    }
    for i in 0..<3 { samples[target + i] = UInt16(palette[3 * index + i]) }
    guard let opacity = chunks.transparency else { return }
    samples[target + 3] = index < opacity.count ? UInt16(opacity[index]) : 255
  }

  /// The pixel that stands for transparency, cut to the bits that samples have.
  private var transparentSamples: [UInt16]? {
    chunks.transparency.map { bytes in
      stride(from: 0, to: bytes.count - 1, by: 2).map {
        (UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1])) & UInt16(maximum)
      }
    }
  }
}
