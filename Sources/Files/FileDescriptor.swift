#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// An open file of the operating system, closed when it is deinitialised.
///
/// Every system call on files is in this file; each failure becomes a `FileError` that names
/// `path`, the path the user knows.
struct FileDescriptor: ~Copyable {
  let path: String
  private var raw: Int32

  /// Opens the regular file at `path` for reading.
  init(reading path: String) throws(FileError) {
    try requireUsable(path)
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    let raw = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard raw >= 0 else { throw systemError(path, "open the file") }
    self.path = path
    self.raw = raw
  }

  /// Creates a file at `temporaryPath`, which must not exist; messages name `path`.
  init(creating temporaryPath: String, for path: String) throws(FileError) {
    let raw = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard raw >= 0 else { throw systemError(path, "create a temporary file beside it") }
    self.path = path
    self.raw = raw
  }

  /// Opens the file at `path` to write at its end, and makes it when there is none.
  init(appending path: String) throws(FileError) {
    try requireUsable(path)
    let raw = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard raw >= 0 else { throw systemError(path, "open the file for writing") }
    self.path = path
    self.raw = raw
  }

  /// Opens the file at `path` to lock it, and makes it when there is none.
  init(locking path: String) throws(FileError) {
    try requireUsable(path)
    let raw = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard raw >= 0 else { throw systemError(path, "open the file to lock it") }
    self.path = path
    self.raw = raw
  }

  /// Another descriptor of the same open file, which shares its lock.
  init(sharing other: borrowing FileDescriptor) throws(FileError) {
    let raw = fcntl(other.raw, F_DUPFD_CLOEXEC, 0)
    guard raw >= 0 else { throw systemError(other.path, "keep the file locked") }
    self.path = other.path
    self.raw = raw
  }

  deinit {
    if raw >= 0 { _ = close(raw) }
  }

  /// What came of an attempt to lock a file.
  enum LockResult {
    /// It is locked until its descriptors are closed, at the latest when the process ends.
    case locked
    /// Another holds it.
    case taken
    /// The file system cannot lock.
    case unsupported
  }

  /// Locks the file for its descriptor alone, without waiting.
  func lock() -> LockResult {
    while flock(raw, LOCK_EX | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      return errno == EWOULDBLOCK ? .taken : .unsupported
    }
    return .locked
  }

  /// Whether `path` still names this file.
  func isAt(_ path: String) -> Bool {
    var (mine, named) = (stat(), stat())
    return fstat(raw, &mine) == 0 && lstat(path, &named) == 0 && mine.st_dev == named.st_dev
      && mine.st_ino == named.st_ino
  }

  /// The first bytes of the file, at most `limit`.
  func beginning(limit: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: limit)
    let count = bytes.withUnsafeMutableBytes { pread(raw, $0.baseAddress, limit, 0) }
    return Array(bytes.prefix(max(count, 0)))
  }

  /// Makes the file hold `bytes` alone.
  func replaceContent(_ bytes: [UInt8]) throws(FileError) {
    guard ftruncate(raw, 0) == 0 else { throw systemError(path, "write the file") }
    try rewrite(bytes, at: 0)
  }

  /// Writes `bytes` over what is at `offset`.
  func rewrite(_ bytes: [UInt8], at offset: Int) throws(FileError) {
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes {
        pwrite(raw, $0.baseAddress! + done, bytes.count - done, off_t(offset + done))
      }
      if written < 0 {
        if errno == EINTR { continue }
        throw systemError(path, "write the file")
      }
      done += written
    }
  }

  /// The number of bytes in the file, which must be a regular one.
  func regularFileSize() throws(FileError) -> Int {
    var status = stat()
    guard fstat(raw, &status) == 0 else { throw systemError(path, "inspect the file") }
    try requireRegular(status, path)
    return Int(status.st_size)
  }

  /// The address where the first `byteCount` bytes of the file are mapped for reading.
  func mapped(byteCount: Int) throws(FileError) -> UInt {
    let address = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, raw, 0)
    let bits = UInt(bitPattern: address)
    guard bits != UInt.max, bits != 0 else { throw systemError(path, "map the file") }
    return bits
  }

  /// Writes all of `bytes` at the end of what was written before.
  func writeAll(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    // macOS refuses to write 2 GiB or more in one call.
    let largestCall = 1 << 30
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(largestCall))
      let written = write(raw, part.baseAddress, part.count)
      if written < 0 {
        if errno == EINTR { continue }
        throw systemError(path, "write the file")
      }
      rest = rest.dropFirst(written)
    }
  }

  /// Gives the file the permissions `mode`.
  func setPermissions(_ mode: mode_t) throws(FileError) {
    guard fchmod(raw, mode) == 0 else { throw systemError(path, "set the permissions") }
  }

  /// Waits until what was written is on the disk.
  func synchronize() throws(FileError) {
    #if canImport(Darwin)
      // On macOS fsync stops at the drive's cache; file systems without the stronger call fall back.
      if fcntl(raw, F_FULLFSYNC) == 0 { return }
    #endif
    guard fsync(raw) == 0 else { throw systemError(path, "write the file to the disk") }
  }

  /// Closes the file and reports what the system says of it (some file systems write as late as here).
  consuming func finish() throws(FileError) {
    let result = close(raw)
    raw = -1
    guard result == 0 || errno == EINTR else { throw systemError(path, "close the file") }
  }
}

/// What is to be replaced at a path: where it really is, and its permissions.
struct ReplacementTarget {
  /// The path with symbolic links followed, so that a link survives the replacement of its file.
  let path: String
  /// The permissions of the file that is there; nil when there is none.
  let permissions: mode_t?

  /// Inspects `path`, which must be free or hold a regular file that may be written.
  init(_ path: String) throws(FileError) {
    try requireUsable(path)
    var status = stat()
    guard stat(path, &status) == 0 else {
      guard errno == ENOENT, path.last != "/" else { throw systemError(path, "write the file") }
      self.path = try Self.end(of: path)
      permissions = nil
      return
    }
    try requireRegular(status, path)
    guard access(path, W_OK) == 0, let resolved = realpath(path, nil) else {
      throw systemError(path, "replace the file")
    }
    defer { free(resolved) }
    self.path = String(cString: resolved)
    permissions = status.st_mode & 0o777
  }

  /// Where the symbolic links that begin at `path` lead to, where there is nothing yet.
  private static func end(of path: String) throws(FileError) -> String {
    var place = path
    // As many links as systems follow.
    for _ in 0..<40 {
      var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
      let count = target.withUnsafeMutableBytes { buffer in
        readlink(place, buffer.baseAddress!.assumingMemoryBound(to: CChar.self), buffer.count)
      }
      if count < 0 { return place }
      let name = String(decoding: target.prefix(count), as: UTF8.self)
      let folder = place.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(place[...$0]) } ?? ""
      place = name.hasPrefix("/") ? name : folder + name
    }
    throw FileError(path: path, cause: .system(operation: "follow the links", code: ELOOP))
  }
}

/// Puts the file at `source` in the place of `target`; the error names `path`.
func renameFile(_ source: String, to target: String, path: String) throws(FileError) {
  guard rename(source, target) == 0 else {
    throw systemError(path, "move the finished temporary file to its place")
  }
}

/// Removes the file at `path`; that there is none is not an error.
package func removeFile(_ path: String) {
  _ = unlink(path)
}

/// Waits until the names in `directory` are on the disk, where the file system knows how to.
func synchronizeDirectory(_ directory: String, path: String) throws(FileError) {
  let raw = open(directory, O_RDONLY | O_CLOEXEC)
  // A directory may be writable and yet not readable: then this cannot be done.
  guard raw >= 0 else { return }
  let failed = fsync(raw) != 0
  let code = errno
  _ = close(raw)
  if failed, code != EINVAL, code != ENOTSUP {
    throw FileError(
      path: path, cause: .system(operation: "write its directory to the disk", code: code))
  }
}

/// Unmaps what `FileDescriptor.mapped` has mapped.
func unmap(address: UInt, byteCount: Int) {
  _ = munmap(UnsafeMutableRawPointer(bitPattern: address), byteCount)
}

private func systemError(_ path: String, _ operation: String) -> FileError {
  FileError(path: path, cause: .system(operation: operation, code: errno))
}

private func requireRegular(_ status: stat, _ path: String) throws(FileError) {
  switch status.st_mode & S_IFMT {
  case S_IFREG: return
  case S_IFDIR: throw FileError(path: path, cause: .isDirectory)
  default: throw FileError(path: path, cause: .notRegular)
  }
}

/// A zero byte would end the path early and name another file; an empty path names none.
private func requireUsable(_ path: String) throws(FileError) {
  if path.isEmpty || path.utf8.contains(0) {
    let code = path.isEmpty ? ENOENT : EINVAL
    throw FileError(path: path, cause: .system(operation: "use the path", code: code))
  }
}
