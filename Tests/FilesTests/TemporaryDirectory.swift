import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A directory for files whose permissions and links matter, too.
final class TemporaryDirectory {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  var path: String { scratch.path }

  /// The names in the directory, sorted.
  var names: [String] { scratch.names }

  func callAsFunction(_ name: String) -> String { scratch(name) }

  /// Writes a file and returns its path.
  func file(_ name: String, _ bytes: [UInt8]) throws -> String { try scratch.file(name, bytes) }

  func file(_ name: String, _ text: String) throws -> String {
    try file(name, Array(text.utf8))
  }

  /// The bytes at `path`.
  func bytes(_ path: String) throws -> [UInt8] { try Scratch.bytes(path) }

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
