/// The bytes of a file, mapped into memory for reading: opening costs no copy, and a page is read
/// when it is first touched.
///
/// Sendable without any annotation, because both properties are constants and the mapping is
/// read-only. The file must not be shortened by another process while it is open: touching a page
/// that is gone ends the process, as with every memory map. Replacing the file (`AtomicFile`) is
/// harmless, for the mapping keeps the old one.
package final class MappedFile: Sendable {
  /// The number of bytes in the file.
  package let count: Int
  private let address: UInt

  /// Maps the regular file at `path`, which may be empty.
  package init(path: String) throws(FileError) {
    let descriptor = try FileDescriptor(reading: path)
    let size = try descriptor.regularFileSize()
    address = size == 0 ? 0 : try descriptor.mapped(byteCount: size)
    count = size
  }

  deinit {
    if count > 0 { unmap(address: address, byteCount: count) }
  }

  /// Calls `body` with the bytes, which are valid during the call only.
  package func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(
      UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: count))
  }
}
