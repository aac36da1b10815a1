import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A directory that goes away, with the files in it, when its owner does.
final class Folder {
  let path: String
  private var files: Set<String> = []

  init() throws {
    var template = Array("/tmp/insight-XXXXXX".utf8CString)
    path = try #require(mkdtemp(&template).map { String(cString: $0) })
  }

  /// The path of a file in it.
  func callAsFunction(_ name: String) -> String {
    files.insert(name)
    return "\(path)/\(name)"
  }

  deinit {
    for file in files { unlink("\(path)/\(file)") }
    rmdir(path)
  }
}
