#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Makes the folder at `path` and those above it, as far as they do not exist.
///
/// - Returns: the folders that had to be made, outermost first.
/// - Throws: `FileError`; what had been made is then taken away again.
@discardableResult
package func makeDirectories(_ path: String) throws(FileError) -> [String] {
  guard !path.isEmpty, !path.utf8.contains(0) else {
    throw FileError(
      path: path, cause: .system(operation: "use the path", code: path.isEmpty ? ENOENT : EINVAL))
  }
  var made: [String] = []
  var folder = ""
  for part in path.split(separator: "/") {
    folder += folder.isEmpty && !path.hasPrefix("/") ? String(part) : "/\(part)"
    if mkdir(folder, 0o777) == 0 {
      made.append(folder)
      continue
    }
    var code = errno
    var status = stat()
    if stat(folder, &status) == 0 {
      if status.st_mode & S_IFMT == S_IFDIR { continue }
      code = ENOTDIR
    }
    removeEmptyDirectories(made)
    throw FileError(path: path, cause: .system(operation: "make the folder", code: code))
  }
  return made
}

/// Takes the folders away, innermost last in the list, as far as they are empty.
package func removeEmptyDirectories(_ folders: [String]) {
  for folder in folders.reversed() { _ = rmdir(folder) }
}

extension FileError {
  /// Whether there is nothing at the path.
  package var isNoSuchFile: Bool {
    if case .system(_, ENOENT) = cause { true } else { false }
  }
}
