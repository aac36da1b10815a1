#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension Convnet {
  /// Runs the command line of this process and ends it.
  package static func main() -> Never {
    let words = CommandLine.arguments
    let program = Convnet(
      console: .standard(), invocation: invocation(of: words.first ?? "convnet"))
    exit(program.run(Array(words.dropFirst())))
  }

  /// What to type to run the program at `path` again: `swift run` where it stands in this folder's release build.
  private static func invocation(of path: String) -> String {
    if path.hasPrefix("/"), path.hasSuffix("/release/convnet"), let folder = getcwd(nil, 0) {
      defer { free(folder) }
      if path.hasPrefix(String(cString: folder) + "/.build/") {
        return "swift run -c release convnet"
      }
    }
    return path.contains("/") ? shellQuoted(path) : "convnet"
  }
}
