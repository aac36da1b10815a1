import CZlib

/// The chunks of a PNG file that matter for its pixels, checked against their checksums.
struct PNGChunks {
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  let header: PNGHeader
  /// Red, green and blue of each colour; empty without a palette.
  private(set) var palette: [UInt8] = []
  /// What `tRNS` says: the opacity of each colour, or the samples of the transparent one.
  private(set) var transparency: [UInt8]?
  /// Where the compressed pixels are in the file.
  private(set) var pixels: [Range<Int>] = []

  /// Reads all chunks up to `IEND`; what follows it is ignored, as other readers do.
  init(_ bytes: UnsafeRawBufferPointer) throws(PNGError) {
    guard bytes.starts(with: Self.signature) else { throw .notPNG }
    var offset = Self.signature.count
    let first = try Self.chunk(bytes, &offset)
    guard first.name == "IHDR" else { throw .missing(chunk: "IHDR") }
    switch PNGHeader.parse(UnsafeRawBufferPointer(rebasing: bytes[first.content])) {
    case .success(let header): self.header = header
    case .failure(let problem): throw first.malformed(problem.reason)
    }
    var previous = first.name
    while true {
      let chunk = try Self.chunk(bytes, &offset)
      if chunk.name == "IEND" { break }
      try take(chunk, UnsafeRawBufferPointer(rebasing: bytes[chunk.content]), after: previous)
      previous = chunk.name
    }
    guard !pixels.isEmpty else { throw .missing(chunk: "IDAT") }
    guard header.colorType != .palette || !palette.isEmpty else { throw .missing(chunk: "PLTE") }
  }

  private struct Chunk {
    let name: String
    let offset: Int
    let content: Range<Int>

    func malformed(_ reason: String) -> PNGError {
      .malformed(chunk: name, offset: offset, reason: reason)
    }
  }

  /// The chunk at `offset`, which then is that of the next.
  private static func chunk(
    _ bytes: UnsafeRawBufferPointer, _ offset: inout Int
  ) throws(PNGError) -> Chunk {
    let frame = 12
    guard bytes.count - offset >= frame else { throw .truncated(byteCount: bytes.count) }
    let length = bigEndian(bytes, at: offset)
    let name = String(decoding: bytes[offset + 4..<offset + 8], as: UTF8.self)
    guard length <= bytes.count - offset - frame else { throw .truncated(byteCount: bytes.count) }
    let content = offset + 8..<offset + 8 + length
    let chunk = Chunk(name: name, offset: offset, content: content)
    let covered = UnsafeRawBufferPointer(rebasing: bytes[offset + 4..<content.upperBound])
    guard checksum(covered) == bigEndian(bytes, at: content.upperBound) else {
      throw .checksumMismatch(chunk: name, offset: offset)
    }
    offset += length + frame
    return chunk
  }

  private mutating func take(
    _ chunk: Chunk, _ content: UnsafeRawBufferPointer, after previous: String
  ) throws(PNGError) {
    switch chunk.name {
    case "IDAT":
      guard pixels.isEmpty || previous == "IDAT" else {
        throw chunk.malformed("does not follow the other chunks of pixels")
      }
      pixels.append(chunk.content)
    case "PLTE":
      let limit = header.colorType == .palette ? 1 << header.depth : 256
      guard content.count % 3 == 0, (3...3 * limit).contains(content.count) else {
        throw chunk.malformed("has \(content.count) bytes, but 3 for each of 1 to \(limit) colours")
      }
      guard pixels.isEmpty, palette.isEmpty else {
        throw chunk.malformed("is not the only palette, or not before the pixels")
      }
      palette = Array(content)
    case "tRNS":
      try takeTransparency(chunk, content)
    case "IHDR":
      throw chunk.malformed("is there twice")
    default:
      // A capital first letter: whoever does not know the chunk cannot show the image.
      guard let letter = chunk.name.utf8.first, letter & 0x20 != 0 else {
        throw chunk.malformed("is of a critical kind that is not known")
      }
    }
  }

  private mutating func takeTransparency(
    _ chunk: Chunk, _ content: UnsafeRawBufferPointer
  ) throws(PNGError) {
    let isRightSize =
      switch header.colorType {
      case .gray: content.count == 2
      case .color: content.count == 6
      case .palette: (1...max(1, palette.count / 3)).contains(content.count)
      case .grayAlpha, .colorAlpha: false
      }
    guard isRightSize, transparency == nil, pixels.isEmpty else {
      throw chunk.malformed("of \(content.count) bytes does not suit the header and the palette")
    }
    transparency = Array(content)
  }

  /// The CRC-32 of `bytes`, which may be more than zlib takes at once.
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> Int {
    var sum = crc32(0, nil, 0)
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
      sum = crc32(sum, part.baseAddress?.assumingMemoryBound(to: Bytef.self), uInt(part.count))
      rest = rest.dropFirst(part.count)
    }
    return Int(sum)
  }
}
