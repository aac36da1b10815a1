import CZlib

/// Whole pieces of gzip data; `GzipReader` reads piece by piece.
package enum Gzip {
  /// The bytes that `compressed` inflates to, at most `limit`.
  package static func decompress(_ compressed: [UInt8], limit: Int) throws(GzipError) -> [UInt8] {
    try readToEnd(of: GzipReader(.memory(compressed)), limit: limit)
  }

  /// What is left to read of `reader`, at most `limit` bytes. The memory taken grows with what is
  /// read, not with the limit.
  static func readToEnd(of reader: GzipReader, limit: Int) throws(GzipError) -> [UInt8] {
    let bytes = try read(limit, of: reader)
    if bytes.count == limit, try !read(1, of: reader).isEmpty { throw .tooLarge(limit: limit) }
    return bytes
  }

  /// The next `count` bytes of `reader`, or fewer at the end.
  static func read(_ count: Int, of reader: GzipReader) throws(GzipError) -> [UInt8] {
    let firstPiece = 1 << 16
    var bytes: [UInt8] = []
    while bytes.count < count {
      let start = bytes.count
      let room = min(count - start, max(firstPiece, start))
      bytes.append(contentsOf: repeatElement(0, count: room))
      let filled = try bytes.withUnsafeMutableBufferPointer { buffer throws(GzipError) in
        let free = UnsafeMutableBufferPointer(rebasing: buffer[start...])
        return try reader.read(into: UnsafeMutableRawBufferPointer(free))
      }
      if filled < room {
        bytes.removeLast(room - filled)
        break
      }
    }
    return bytes
  }

  /// `bytes` as one gzip member without name or date, so that the same bytes give the same data.
  ///
  /// - Parameter level: 0 (stored) ... 9 (smallest).
  package static func compress(_ bytes: [UInt8], level: Int = 6) throws(GzipError) -> [UInt8] {
    try deflate(bytes, level: level, windowBits: MAX_WBITS + 16)
  }

  /// `bytes` compressed; `windowBits` says in which frame: 15 for zlib's, 16 more for that of gzip.
  static func deflate(
    _ bytes: [UInt8], level: Int, windowBits: Int32
  ) throws(GzipError) -> [UInt8] {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    let level = Int32(min(max(level, 0), 9))
    // 8 is the memory level that zlib takes by default.
    let code = deflateInit2_(
      &stream, level, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
    guard code == Z_OK else { throw .outOfMemory }
    defer { deflateEnd(&stream) }
    var output: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    let largestInput = 1 << 30
    var offset = 0
    var result = Z_OK
    repeat {
      result = bytes.withUnsafeBytes { bytes in
        piece.withUnsafeMutableBytes { piece in
          let input = UnsafeRawBufferPointer(rebasing: bytes[offset...].prefix(largestInput))
          let first = input.baseAddress?.assumingMemoryBound(to: Bytef.self)
          // zlib only reads through this pointer; its declaration lacks the const.
          stream.next_in = UnsafeMutablePointer(mutating: first)
          stream.avail_in = uInt(input.count)
          stream.next_out = piece.baseAddress?.assumingMemoryBound(to: Bytef.self)
          stream.avail_out = uInt(piece.count)
          let isLast = offset + input.count == bytes.count
          let result = CZlib.deflate(&stream, isLast ? Z_FINISH : Z_NO_FLUSH)
          offset += input.count - Int(stream.avail_in)
          return result
        }
      }
      output += piece.prefix(piece.count - Int(stream.avail_out))
    } while result == Z_OK
    guard result == Z_STREAM_END else { throw .outOfMemory }
    return output
  }
}
