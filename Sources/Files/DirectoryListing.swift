#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The names of the entries of the directory at `path`, sorted by their bytes, without `.` and `..`.
package func namesInDirectory(_ path: String) throws(FileError) -> [String] {
  guard !path.isEmpty, !path.utf8.contains(0) else {
    let code = path.isEmpty ? ENOENT : EINVAL
    throw FileError(path: path, cause: .system(operation: "use the path", code: code))
  }
  guard let directory = opendir(path) else {
    let code = errno
    throw FileError(
      path: path,
      cause: code == ENOTDIR ? .notDirectory : .system(operation: "list the folder", code: code))
  }
  defer { closedir(directory) }
  var names: [String] = []
  while true {
    errno = 0
    guard let entry = readdir(directory) else { break }
    let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
      name.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: name.pointee)) {
        String(cString: $0)
      }
    }
    if name != ".", name != ".." { names.append(name) }
  }
  guard errno == 0 else {
    throw FileError(path: path, cause: .system(operation: "list the folder", code: errno))
  }
  return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}

/// Whether `path` names a directory, also through a symbolic link.
package func isDirectory(_ path: String) -> Bool {
  var status = stat()
  return !path.isEmpty && !path.utf8.contains(0) && stat(path, &status) == 0
    && status.st_mode & S_IFMT == S_IFDIR
}
