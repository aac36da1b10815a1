/// A file being written: what is at its path changes all at once upon `commit()`, or not at all.
///
/// The bytes go to a temporary file in the same directory. `commit()` brings them to the disk,
/// moves the file to its place and brings the directory to the disk. When an `AtomicFile` is deinitialised
/// without it, because an error was thrown, the temporary file is removed and what was at the path
/// is as before. A symbolic link at the path stays, its file is replaced; permissions stay too.
/// Bytes are written as they come, without a buffer: append large pieces.
package struct AtomicFile: ~Copyable {
  /// The path as the caller gave it.
  package let path: String
  /// The number of bytes appended so far.
  package private(set) var byteCount: Int

  private let target: String
  private let directory: String
  private let temporaryPath: String
  private var descriptor: FileDescriptor?
  private var isCommitted: Bool

  /// Begins to write the file that is to be at `path`.
  package init(path: String) throws(FileError) {
    let replaced = try ReplacementTarget(path)
    let directory = Self.directory(of: replaced.path)
    Self.removeAbandoned(in: directory)
    var attempts = 0
    while true {
      // Only a file name depends on it, no result: it needs no seed.
      let number = UInt64.random(in: .min ... .max)
      let temporaryPath = "\(directory)/.tapestry-\(String(number, radix: 16)).tmp"
      let descriptor = try Self.create(temporaryPath, for: path, like: replaced)
      attempts += 1
      // Between creation and lock another process may take it for an abandoned one.
      if case .taken = descriptor.lock(), attempts < 8 { continue }
      guard descriptor.isAt(temporaryPath) || attempts == 8 else { continue }
      self.temporaryPath = temporaryPath
      self.descriptor = consume descriptor
      break
    }
    self.path = path
    self.directory = directory
    target = replaced.path
    byteCount = 0
    isCommitted = false
  }

  deinit {
    if !isCommitted { removeFile(temporaryPath) }
  }

  /// Adds `bytes` at the end.
  package mutating func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    try descriptor?.writeAll(bytes)
    byteCount += bytes.count
  }

  /// Adds `bytes` at the end.
  package mutating func append(_ bytes: [UInt8]) throws(FileError) {
    try bytes.withUnsafeBufferPointer { buffer throws(FileError) in
      try append(UnsafeRawBufferPointer(buffer))
    }
  }

  /// Puts what was appended at the path.
  ///
  /// - Throws: `FileError`; the path then holds what it held before, unless it was the last step,
  ///   bringing the directory to the disk, that failed.
  package consuming func commit() throws(FileError) {
    guard let file = descriptor.take() else { return }
    try file.synchronize()
    // Locked until it has its name: nobody may take it for an abandoned one before.
    let lock = try FileDescriptor(sharing: file)
    try file.finish()
    try renameFile(temporaryPath, to: target, path: path)
    _ = consume lock
    isCommitted = true
    try synchronizeDirectory(directory, path: path)
  }

  /// Whether a file of this name in a folder is the temporary file of a process, perhaps of one that was killed.
  package static func isTemporary(_ name: String) -> Bool {
    name.hasPrefix(".tapestry-") && name.hasSuffix(".tmp")
  }

  /// Takes away the temporary files in a folder that no process is writing: those of processes that were killed.
  package static func removeAbandoned(in directory: String) {
    for name in (try? namesInDirectory(directory)) ?? [] where isTemporary(name) {
      let path = "\(directory)/\(name)"
      guard let file = try? FileDescriptor(reading: path), case .locked = file.lock(),
        file.isAt(path)
      else { continue }
      removeFile(path)
    }
  }

  /// Writes `bytes` over what was appended at `offset`.
  mutating func rewrite(_ bytes: [UInt8], at offset: Int) throws(FileError) {
    try descriptor?.rewrite(bytes, at: offset)
  }

  /// Puts `bytes` at `path`, all or nothing.
  package static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    var file = try AtomicFile(path: path)
    try file.append(bytes)
    try file.commit()
  }

  /// Puts the UTF-8 of `text` at `path`, all or nothing.
  package static func write(_ text: String, to path: String) throws(FileError) {
    try write(Array(text.utf8), to: path)
  }

  private static func create(
    _ temporaryPath: String, for path: String, like replaced: ReplacementTarget
  ) throws(FileError) -> FileDescriptor {
    let file = try FileDescriptor(creating: temporaryPath, for: path)
    do throws(FileError) {
      if let permissions = replaced.permissions { try file.setPermissions(permissions) }
    } catch {
      removeFile(temporaryPath)
      throw error
    }
    return file
  }

  private static func directory(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
