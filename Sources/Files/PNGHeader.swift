/// What the chunk `IHDR` of a PNG file says.
struct PNGHeader: Equatable {
  /// How the samples of a pixel are meant.
  enum ColorType: UInt8 {
    case gray = 0
    case color = 2
    case palette = 3
    case grayAlpha = 4
    case colorAlpha = 6

    /// The samples that are stored for a pixel.
    var samplesPerPixel: Int {
      switch self {
      case .gray, .palette: 1
      case .grayAlpha: 2
      case .color: 3
      case .colorAlpha: 4
      }
    }

    /// The numbers of bits that a sample may have.
    var depths: [Int] {
      switch self {
      case .gray: [1, 2, 4, 8, 16]
      case .palette: [1, 2, 4, 8]
      case .color, .grayAlpha, .colorAlpha: [8, 16]
      }
    }
  }

  let width: Int
  let height: Int
  let depth: Int
  let colorType: ColorType
  let isInterlaced: Bool

  static let byteCount = 13

  /// The header in the 13 bytes of a chunk, or what is wrong with them.
  static func parse(_ bytes: UnsafeRawBufferPointer) -> Result<PNGHeader, PNGHeaderProblem> {
    guard bytes.count == byteCount else {
      return .failure(.init("has \(bytes.count) bytes, but must have \(byteCount)"))
    }
    let (width, height) = (bigEndian(bytes, at: 0), bigEndian(bytes, at: 4))
    let sizes = 1...Int(Int32.max)
    guard sizes.contains(width), sizes.contains(height) else {
      return .failure(.init("states a size of \(width) x \(height), which is not allowed"))
    }
    guard let colorType = ColorType(rawValue: bytes[9]) else {
      return .failure(.init("states the color type \(bytes[9]), which does not exist"))
    }
    let depth = Int(bytes[8])
    guard colorType.depths.contains(depth) else {
      return .failure(
        .init("states \(depth) bits a sample, which color type \(bytes[9]) does not allow"))
    }
    guard bytes[10] == 0, bytes[11] == 0, bytes[12] <= 1 else {
      return .failure(
        .init(
          "states compression \(bytes[10]), filter \(bytes[11]) and interlace \(bytes[12]),"
            + " of which only 0, 0 and 0 or 1 exist"))
    }
    return .success(
      PNGHeader(
        width: width, height: height, depth: depth, colorType: colorType,
        isInterlaced: bytes[12] == 1))
  }

  /// The bits that are stored for a pixel.
  var bitsPerPixel: Int { colorType.samplesPerPixel * depth }

  /// The distance in bytes between what a filter compares: a pixel, at least one byte.
  var filterDistance: Int { (bitsPerPixel + 7) / 8 }

  /// The bytes of a row of `width` pixels without the byte that names its filter.
  func rowByteCount(width: Int) -> Int { (width * bitsPerPixel + 7) / 8 }

  /// The pictures that the pixels are stored as: one, or the seven of Adam7 without the empty ones.
  var passes: [PNGPass] {
    guard isInterlaced else { return [PNGPass(width: width, height: height)] }
    return PNGPass.adam7(width: width, height: height)
  }

  /// The number of bytes that the compressed data must inflate to. Sizes below 2^31 cannot overflow.
  var inflatedByteCount: Int {
    passes.reduce(0) { $0 + $1.height * (1 + rowByteCount(width: $1.width)) }
  }
}

/// Why a chunk is no header.
struct PNGHeaderProblem: Error {
  let reason: String
  init(_ reason: String) { self.reason = reason }
}

/// Pixels that are stored together: row `r`, column `c` is row `top + r * rowStep`, column
/// `left + c * columnStep` of the image.
struct PNGPass: Equatable {
  var top = 0
  var left = 0
  var rowStep = 1
  var columnStep = 1
  let width: Int
  let height: Int

  /// The passes of an interlaced image that have pixels.
  static func adam7(width: Int, height: Int) -> [PNGPass] {
    let layout = [
      (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
      (1, 0, 2, 1),
    ]
    return layout.compactMap { top, left, rowStep, columnStep in
      guard height > top, width > left else { return nil }
      return PNGPass(
        top: top, left: left, rowStep: rowStep, columnStep: columnStep,
        width: (width - left + columnStep - 1) / columnStep,
        height: (height - top + rowStep - 1) / rowStep)
    }
  }
}

/// The four bytes at `offset`, the most significant first.
func bigEndian(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
  Int(bytes[offset]) << 24 | Int(bytes[offset + 1]) << 16 | Int(bytes[offset + 2]) << 8
    | Int(bytes[offset + 3])
}
