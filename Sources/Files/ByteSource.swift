/// Bytes to be read, from a mapped file or from memory.
package enum ByteSource: Sendable {
  /// The bytes of a file.
  case mapped(MappedFile)
  /// Bytes in memory.
  case memory([UInt8])

  /// The number of bytes.
  package var count: Int {
    switch self {
    case .mapped(let file): file.count
    case .memory(let bytes): bytes.count
    }
  }

  /// Whether the bytes begin as every gzip file does.
  package var isGzip: Bool {
    hasGzipMagic(at: 0)
  }

  /// Whether a gzip member may begin at `offset`.
  func hasGzipMagic(at offset: Int) -> Bool {
    withUnsafeBytes { bytes in
      bytes.count - offset >= 2 && bytes[offset] == 0x1f && bytes[offset + 1] == 0x8b
    }
  }

  /// A copy of the bytes in `range`, which must lie inside.
  package func copy(_ range: Range<Int>) -> [UInt8] {
    withUnsafeBytes { Array($0[range]) }
  }

  /// Calls `body` with the bytes, which are valid during the call only.
  package func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    switch self {
    case .mapped(let file):
      return try file.withUnsafeBytes(body)
    case .memory(let bytes):
      return try bytes.withUnsafeBufferPointer { buffer throws(Failure) in
        try body(UnsafeRawBufferPointer(buffer))
      }
    }
  }
}
