import TapestryFiles

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The folder that the results of a run go to: made, and known to be writable, before the run begins.
struct OutputFolder {
  let path: String
  /// The folders that had to be made, outermost first.
  private let made: [String]

  /// Makes the folder at `path` with those above it, and tries to write `fileName` in it without doing so.
  ///
  /// - Throws: `FileError`; nothing has then been made.
  init(path: String, for fileName: String) throws(FileError) {
    var made: [String] = []
    do throws(FileError) {
      try Self.makeFolders(path, made: &made)
      // A temporary file beside the file's place; it is gone at once.
      _ = try AtomicFile(path: Self.join(path, fileName))
    } catch {
      Self.remove(made)
      throw error
    }
    self.path = path
    self.made = made
  }

  /// The path of a file in the folder.
  func file(_ name: String) -> String { Self.join(path, name) }

  /// Takes away the folders that were made, as far as they are empty.
  func discard() { Self.remove(made) }

  private static func join(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
  }

  private static func remove(_ folders: [String]) {
    for folder in folders.reversed() { _ = rmdir(folder) }
  }

  private static func makeFolders(_ path: String, made: inout [String]) throws(FileError) {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw FileError(
        path: path, cause: .system(operation: "use the path", code: path.isEmpty ? ENOENT : EINVAL))
    }
    var folder = ""
    for part in path.split(separator: "/") {
      folder += folder.isEmpty && !path.hasPrefix("/") ? String(part) : "/\(part)"
      if mkdir(folder, 0o777) == 0 {
        made.append(folder)
        continue
      }
      let code = errno
      var status = stat()
      if stat(folder, &status) == 0 {
        guard status.st_mode & S_IFMT == S_IFDIR else {
          throw FileError(
            path: path, cause: .system(operation: "make the folder", code: ENOTDIR))
        }
      } else {
        throw FileError(path: path, cause: .system(operation: "make the folder", code: code))
      }
    }
  }
}
