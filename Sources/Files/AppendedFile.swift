/// A file that grows at its end, for logs: every piece is written at once.
package final class AppendedFile {
  private let descriptor: FileDescriptor

  /// Opens the file at `path`, and makes it when there is none.
  package init(path: String) throws(FileError) { descriptor = try FileDescriptor(appending: path) }

  /// Adds `bytes` at the end.
  package func append(_ bytes: [UInt8]) throws(FileError) {
    try bytes.withUnsafeBufferPointer { buffer throws(FileError) in
      try descriptor.writeAll(UnsafeRawBufferPointer(buffer))
    }
  }
}
