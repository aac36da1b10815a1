import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A directory that is removed, with the files in it, when its owner goes away.
final class TemporaryDirectory {
  let path: String

  init() throws {
    var template = Array("/tmp/tapestry-XXXXXX".utf8CString)
    path = try #require(mkdtemp(&template).map { String(cString: $0) })
  }

  deinit {
    for name in names { _ = unlink("\(path)/\(name)") }
    _ = rmdir(path)
  }

  /// The names in the directory, sorted.
  var names: [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  func callAsFunction(_ name: String) -> String {
    "\(path)/\(name)"
  }

  /// Writes `bytes` without any of the functions under test, and returns the path.
  func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    let path = self(name)
    let file = try #require(fopen(path, "w"))
    #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    #expect(fclose(file) == 0)
    return path
  }

  func file(_ name: String, _ text: String) throws -> String {
    try file(name, Array(text.utf8))
  }

  /// The bytes at `path`, read without any of the functions under test.
  func bytes(_ path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "r"))
    defer { fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = getc(file), byte >= 0 { bytes.append(UInt8(byte)) }
    return bytes
  }

  func permissions(_ path: String) -> UInt32 {
    var status = stat()
    return stat(path, &status) == 0 ? UInt32(status.st_mode) & 0o777 : 0
  }

  func setPermissions(_ path: String, _ mode: UInt32) {
    #expect(chmod(path, mode_t(mode)) == 0)
  }

  func link(_ path: String, to target: String) {
    #expect(symlink(target, path) == 0)
  }

  func makeDirectory(_ path: String) {
    #expect(mkdir(path, 0o755) == 0)
  }

  func removeDirectory(_ path: String) {
    #expect(rmdir(path) == 0)
  }
}

/// The text of the error that `body` throws; a failure when it throws none.
func message<Result>(
  _ sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Result
) -> String {
  do {
    _ = try body()
    Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    return ""
  } catch {
    return "\(error)"
  }
}
