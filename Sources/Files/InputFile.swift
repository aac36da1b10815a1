/// A file read from the beginning to the end, inflated on the way when gzip compressed it.
///
/// For formats that state in a header how much follows: read the header, then exactly that much,
/// then `requireEnd()`. Memory grows with what is really there, whatever the header claims.
package final class InputFile {
  /// The path as the caller gave it.
  package let path: String
  /// The number of bytes read so far (inflated).
  package private(set) var offset = 0

  private let source: ByteSource
  private let gzip: GzipReader?

  /// Opens the regular file at `path`.
  package init(path: String) throws(FileError) {
    self.path = path
    source = .mapped(try MappedFile(path: path))
    do throws(GzipError) {
      gzip = source.isGzip ? try GzipReader(source) : nil
    } catch {
      throw FileError(path: path, cause: .gzip(error))
    }
  }

  /// Whether the file is compressed.
  package var isCompressed: Bool {
    gzip != nil
  }

  /// The next `count` bytes, which must be there.
  ///
  /// - Precondition: `count` is not negative.
  package func read(exactly count: Int) throws(FileError) -> [UInt8] {
    let bytes = try read(upTo: count)
    guard bytes.count == count else {
      // A header can claim any count.
      let (needed, overflow) = (offset - bytes.count).addingReportingOverflow(count)
      throw FileError(
        path: path, cause: .tooShort(byteCount: offset, needed: overflow ? .max : needed))
    }
    return bytes
  }

  /// All bytes that are left, which must not be more than `limit`.
  package func readToEnd(limit: Int) throws(FileError) -> [UInt8] {
    guard let gzip else {
      let rest = source.count - offset
      guard rest <= limit else {
        throw FileError(path: path, cause: .tooLarge(byteCount: rest, limit: limit))
      }
      return try read(upTo: rest)
    }
    do throws(GzipError) {
      let bytes = try Gzip.readToEnd(of: gzip, limit: limit)
      offset += bytes.count
      return bytes
    } catch {
      throw FileError(path: path, cause: .gzip(error))
    }
  }

  /// Checks that everything has been read, and with it the checksum of compressed data.
  package func requireEnd() throws(FileError) {
    let end = offset
    guard try read(upTo: 1).isEmpty else {
      throw FileError(path: path, cause: .trailingBytes(offset: end))
    }
  }

  private func read(upTo count: Int) throws(FileError) -> [UInt8] {
    let bytes: [UInt8]
    if let gzip {
      do throws(GzipError) {
        bytes = try Gzip.read(count, of: gzip)
      } catch {
        throw FileError(path: path, cause: .gzip(error))
      }
    } else {
      bytes = source.copy(offset..<offset + min(count, source.count - offset))
    }
    offset += bytes.count
    return bytes
  }
}

/// The bytes of the file at `path`, inflated when they are gzip data; at most `limit` of them.
package func readPossiblyCompressed(_ path: String, limit: Int) throws(FileError) -> [UInt8] {
  try InputFile(path: path).readToEnd(limit: limit)
}
