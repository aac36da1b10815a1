import TapestryFiles

/// Where the pixels of a set are: in memory, in mapped files, or in image files that are decoded when needed.
enum PixelStorage: Sendable {
  /// One block `[count, channels, height, width]`.
  case memory([UInt8])
  /// Images of one length in mapped files.
  case records([PixelRecord])
  /// Files with an image each.
  case files(ImageFiles, [Int])

  /// The bytes of the image at `position`, `size` of them, written to `target`.
  ///
  /// - Throws: `FileError` for a file that cannot be read, is damaged or has another size.
  func read(
    _ position: Int, size: Int, into target: UnsafeMutableBufferPointer<UInt8>
  ) throws(FileError) {
    switch self {
    case .memory(let pixels):
      pixels.withUnsafeBufferPointer { pixels in
        _ = target.update(fromContentsOf: pixels[position * size..<(position + 1) * size])
      }
    case .records(let records):
      let record = records[position]
      record.file.withUnsafeBytes { bytes in
        UnsafeMutableRawBufferPointer(target).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: bytes[record.offset..<record.offset + size]))
      }
    case .files(let files, let places):
      let pixels = try files.pixels(places[position])
      _ = target.update(fromContentsOf: pixels)
    }
  }

  /// The storage of the images at these positions.
  func subset(_ positions: some Collection<Int>, size: Int) -> PixelStorage {
    switch self {
    case .memory(let pixels):
      var chosen: [UInt8] = []
      chosen.reserveCapacity(positions.count * size)
      for position in positions { chosen += pixels[position * size..<(position + 1) * size] }
      return .memory(chosen)
    case .records(let records): return .records(positions.map { records[$0] })
    case .files(let files, let places): return .files(files, positions.map { places[$0] })
    }
  }
}

/// The place of one image in a mapped file.
struct PixelRecord: Sendable {
  let file: MappedFile
  let offset: Int
}
