import CZlib

/// Inflates the compressed pixels of a PNG file, which lie in several pieces of it, row by row.
final class PNGInflater {
  private let bytes: UnsafeRawBufferPointer
  private var pieces: ArraySlice<Range<Int>>
  private let stream: UnsafeMutablePointer<z_stream>
  private var isFinished = false

  /// - Parameter bytes: the file; must stay where it is while the inflater lives.
  init(_ bytes: UnsafeRawBufferPointer, pieces: [Range<Int>]) throws(PNGError) {
    self.bytes = bytes
    self.pieces = pieces.filter { !$0.isEmpty }[...]
    // zlib's state points back to this struct, which therefore must not move.
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let size = Int32(MemoryLayout<z_stream>.size)
    guard inflateInit_(stream, ZLIB_VERSION, size) == Z_OK else { throw .outOfMemory }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Fills `output` and returns how much of it: less than all only where the data ends.
  func read(into output: UnsafeMutableRawBufferPointer) throws(PNGError) -> Int {
    var filled = 0
    while filled < output.count, !isFinished {
      let room = min(output.count - filled, 1 << 30)
      stream.pointee.next_out = (output.baseAddress! + filled).assumingMemoryBound(to: Bytef.self)
      stream.pointee.avail_out = uInt(room)
      guard try step() else { break }
      filled += room - Int(stream.pointee.avail_out)
    }
    return filled
  }

  /// Checks that nothing but the checksum is left, and that it is right.
  func requireEnd() throws(PNGError) {
    var surplus: UInt8 = 0
    let count = try withUnsafeMutableBytes(of: &surplus) { buffer throws(PNGError) in
      try read(into: buffer)
    }
    guard count == 0 else { throw .corruptPixels(reason: "there are more than the header says") }
    guard isFinished else { throw .corruptPixels(reason: "their end is missing") }
  }

  /// One call of zlib; false when there is no more input.
  private func step() throws(PNGError) -> Bool {
    if stream.pointee.avail_in == 0 {
      guard let piece = pieces.popFirst() else { return false }
      let part = piece.prefix(1 << 30)
      if part.count < piece.count { pieces = [part.endIndex..<piece.upperBound] + pieces }
      let first = (bytes.baseAddress! + part.startIndex).assumingMemoryBound(to: Bytef.self)
      // zlib only reads through this pointer; its declaration lacks the const.
      stream.pointee.next_in = UnsafeMutablePointer(mutating: first)
      stream.pointee.avail_in = uInt(part.count)
    }
    switch inflate(stream, Z_NO_FLUSH) {
    case Z_OK, Z_BUF_ERROR: return true
    case Z_STREAM_END:
      isFinished = true
      return true
    case Z_MEM_ERROR: throw .outOfMemory
    default:
      let reason = stream.pointee.msg.map { String(cString: $0) } ?? "no reason given"
      throw .corruptPixels(reason: reason)
    }
  }
}
