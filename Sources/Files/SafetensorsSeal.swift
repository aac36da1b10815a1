import CTapestryKernels

/// The checksums (CRC-32C) that a safetensors file of this library carries: one of its header, and one of each array.
///
/// They are texts of the metadata, eight hexadecimal digits each, those of the arrays in the order of their bytes; so
/// every reader of the format takes the file. The header's is computed with zeros in its own place, in the order of
/// the file; a space behind the first brace says that this holds: programs that copy the metadata to a file of other
/// arrays write the header anew, without the space, and then the texts mean nothing.
struct SafetensorsSeal {
  static let headerKey = "tapestry_header_crc32c"
  static let arraysKey = "tapestry_crc32c"
  static let zero = "00000000"

  /// Whether a key of the metadata is one of the two, which nobody else sees.
  static func isOwn(_ key: String) -> Bool { key == headerKey || key == arraysKey }

  /// The eight digits of a checksum.
  static func digits(_ checksum: UInt32) -> String {
    let text = String(checksum, radix: 16)
    return String(repeating: "0", count: 8 - text.count) + text
  }

  /// The checksum of `bytes` that follow those of `checksum`.
  static func checksum(_ bytes: UnsafeRawBufferPointer, after checksum: UInt32 = 0) -> UInt32 {
    tapestry_crc32c(checksum, bytes.baseAddress, bytes.count)
  }

  /// Where the text of `key`, of `count` bytes, is in a header as ``SafetensorsLayout`` writes it.
  static func place(of key: String, count: Int, in header: [UInt8]) -> Range<Int>? {
    let start = Array("\"\(key)\":\"".utf8)
    guard header.count >= start.count else { return nil }
    return header.withUnsafeBufferPointer { header in
      for index in 0...(header.count - start.count) where header[index] == start[0] {
        let end = index + start.count
        guard header[index..<end].elementsEqual(start) else { continue }
        return end + count <= header.count ? end..<end + count : nil
      }
      return nil
    }
  }

  /// The checksum of a header with zeros in the place of its own.
  static func headerChecksum(_ header: [UInt8]) -> UInt32? {
    guard let place = place(of: headerKey, count: zero.utf8.count, in: header) else { return nil }
    var header = header
    header.replaceSubrange(place, with: zero.utf8)
    return header.withUnsafeBytes { checksum($0) }
  }

  /// The checksums of the arrays in their order; nil for a file that has none.
  ///
  /// - Parameters:
  ///   - header: as it is in the file, without its length.
  ///   - texts: the metadata.
  /// - Throws: `SafetensorsError` when the header is not what was written.
  static func arrayChecksums(
    header: [UInt8], texts: [String: String], count: Int
  ) throws(SafetensorsError) -> [UInt32]? {
    guard header.count > 1, header[1] == UInt8(ascii: " ") else { return nil }
    let (own, arrays) = (texts[headerKey], texts[arraysKey])
    if own == nil, arrays == nil { return nil }
    guard let own, let arrays, let actual = headerChecksum(header), own == digits(actual),
      arrays.utf8.count == 8 * count
    else {
      throw SafetensorsError(problems: [
        "the header does not match its checksum: the file is damaged; copy or download it again"
      ])
    }
    let text = Array(arrays.utf8)
    return (0..<count).map { index in
      let digits = String(decoding: text[8 * index..<8 * index + 8], as: UTF8.self)
      // The header's checksum says that these are digits.
      return UInt32(digits, radix: 16) ?? 0
    }
  }
}
