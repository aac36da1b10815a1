import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A directory that goes away, with all that is in it, when its owner does. It uses none of the functions under test.
package final class Scratch {
  package let path: String

  package init() throws {
    var template = Array("/tmp/tapestry-XXXXXX".utf8CString)
    path = try #require(mkdtemp(&template).map { String(cString: $0) })
  }

  deinit { Self.remove(path) }

  /// The path of `name` in the directory.
  package func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

  /// The names of what is in it, sorted, `.` and `..` left out.
  package var names: [String] { Self.names(path) }

  /// The same for any directory; empty for what is none.
  package static func names(_ path: String) -> [String] {
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

  /// Writes a file and returns its path.
  @discardableResult
  package func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    // Writing over a file would wait for the disk on some file systems; a new one does not.
    _ = unlink(self(name))
    let file = try #require(fopen(self(name), "w"))
    #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    #expect(fclose(file) == 0)
    return self(name)
  }

  /// Makes a folder, with those above it, and returns its path.
  @discardableResult
  package func folder(_ name: String) -> String {
    var made = path
    for part in name.split(separator: "/") {
      made += "/\(part)"
      _ = mkdir(made, 0o755)
    }
    return made
  }

  /// The bytes of a file.
  package func bytes(_ name: String) throws -> [UInt8] { try Self.bytes(self(name)) }

  /// The bytes of the file at any path.
  package static func bytes(_ path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "r"))
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&block, 1, block.count, file), count > 0 {
      bytes += block.prefix(count)
    }
    return bytes
  }

  private static func remove(_ path: String) {
    // A link is removed, not followed.
    if unlink(path) == 0 { return }
    for name in names(path) { remove("\(path)/\(name)") }
    _ = rmdir(path)
  }
}

/// The text of the error that `body` throws; a failure when it throws none.
package func message<Result>(
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
