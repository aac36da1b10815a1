import TapestryFiles
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A folder of files in MNIST's format, removed when its owner goes away.
final class TestFolder {
  let path: String

  init(_ name: String = "numbers", _ files: [String: [UInt8]] = [:]) throws {
    var template = Array("/tmp/tapestry-XXXXXX".utf8CString)
    path = try #require(mkdtemp(&template).map { String(cString: $0) }) + "/" + name
    #expect(mkdir(path, 0o755) == 0)
    for (name, bytes) in files { try write(name, bytes) }
  }

  deinit {
    Self.removeContents(of: path)
    _ = rmdir(path)
    _ = rmdir(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
  }

  private static func removeContents(of path: String) {
    for name in (try? namesInDirectory(path)) ?? [] {
      let inner = "\(path)/\(name)"
      if unlink(inner) == 0 { continue }
      removeContents(of: inner)
      _ = rmdir(inner)
    }
  }

  /// Makes a folder in the folder, with those above it.
  func folder(_ name: String) {
    var made = path
    for part in name.split(separator: "/") {
      made += "/\(part)"
      _ = mkdir(made, 0o755)
    }
  }

  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    // Writing over a file would wait for the disk on some file systems; a new one does not.
    _ = unlink("\(path)/\(name)")
    let file = try #require(fopen("\(path)/\(name)", "w"))
    #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    #expect(fclose(file) == 0)
    return "\(path)/\(name)"
  }

  func remove(_ name: String) {
    #expect(unlink("\(path)/\(name)") == 0)
  }
}

/// The bytes of a file in MNIST's format.
func idx(_ magic: UInt32, _ sizes: [UInt32], _ content: [UInt8]) -> [UInt8] {
  let header = [magic] + sizes
  return header.flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } } + content
}

/// A file of images whose pixels count up from `first`.
func idxImages(_ count: Int, _ height: Int, _ width: Int, first: Int = 0) -> [UInt8] {
  idx(
    2051, [UInt32(count), UInt32(height), UInt32(width)],
    (0..<count * height * width).map { UInt8(truncatingIfNeeded: first + $0) })
}

/// A file of labels.
func idxLabels(_ labels: [UInt8]) -> [UInt8] {
  idx(2049, [UInt32(labels.count)], labels)
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
