import CZlib

/// Inflates gzip data piece by piece: memory grows with the bytes that the caller asks for, not with the data, and no
/// more comes out than ``ResourceLimits/inflation`` allows.
///
/// The checksum is compared when the end of a member has been read; read to the end (`read` returns
/// fewer bytes than there was room for) to know that the data is intact. Several members in a row
/// are read as one, as gzip itself does.
package final class GzipReader {
  private let source: ByteSource
  private let stream: UnsafeMutablePointer<z_stream>
  /// How many bytes of the source are consumed.
  private var offset = 0
  private var isFinished = false
  private var failure: GzipError?
  /// How many bytes have come out.
  private var inflatedCount = 0
  private let limits: ResourceLimits

  /// The largest count handed to zlib, whose counters have 32 bits.
  private static let largestPiece = 1 << 30

  /// A reader at the beginning of `source`.
  package init(_ source: ByteSource) throws(GzipError) {
    guard source.isGzip else { throw .notGzip }
    self.source = source
    limits = ResourceLimits.current
    // zlib's state points back to this struct, which therefore must not move.
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let gzipOnly = MAX_WBITS + 16
    let size = Int32(MemoryLayout<z_stream>.size)
    guard inflateInit2_(stream, gzipOnly, ZLIB_VERSION, size) == Z_OK else { throw .outOfMemory }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Fills `buffer` with the next inflated bytes.
  ///
  /// - Returns: The number of bytes; fewer than there is room for only at the end of the data.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws(GzipError) -> Int {
    var filled = 0
    while filled < buffer.count, !isFinished {
      if let failure { throw failure }
      do throws(GzipError) {
        let count = try inflateSome(UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
        filled += count
        inflatedCount += count
        // Compared with the whole source, so that a part that compresses well does no harm.
        guard inflatedCount <= limits.inflatedByteCount(of: source.count) else {
          throw .bomb(byteCount: source.count, limit: limits.inflation)
        }
      } catch {
        failure = error
        throw error
      }
    }
    return filled
  }

  private func inflateSome(_ output: UnsafeMutableRawBufferPointer) throws(GzipError) -> Int {
    let room = min(output.count, Self.largestPiece)
    let code = source.withUnsafeBytes { bytes in
      let input = UnsafeRawBufferPointer(rebasing: bytes[offset...].prefix(Self.largestPiece))
      let first = input.baseAddress?.assumingMemoryBound(to: Bytef.self)
      // zlib only reads through this pointer; its declaration lacks the const.
      stream.pointee.next_in = UnsafeMutablePointer(mutating: first)
      stream.pointee.avail_in = uInt(input.count)
      stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: Bytef.self)
      stream.pointee.avail_out = uInt(room)
      let code = inflate(stream, Z_NO_FLUSH)
      offset += input.count - Int(stream.pointee.avail_in)
      return code
    }
    switch code {
    case Z_OK: break
    case Z_STREAM_END: try endMember()
    case Z_BUF_ERROR where offset == source.count: throw .truncated(byteCount: offset)
    case Z_MEM_ERROR: throw .outOfMemory
    default: throw corruption()
    }
    return room - Int(stream.pointee.avail_out)
  }

  private func endMember() throws(GzipError) {
    guard offset < source.count else {
      isFinished = true
      return
    }
    guard source.hasGzipMagic(at: offset), inflateReset(stream) == Z_OK else {
      throw .trailingBytes(offset: offset, count: source.count - offset)
    }
  }

  private func corruption() -> GzipError {
    let reason = stream.pointee.msg.map { String(cString: $0) } ?? "no reason given"
    switch reason {
    case "incorrect data check", "incorrect length check":
      return .checksumMismatch(offset: offset)
    default:
      return .corrupt(offset: offset, reason: reason)
    }
  }
}
