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
    // With this signal ignored, a file that exceeds the size limit is an error like any other and does not end the process.
    signal(SIGXFSZ, SIG_IGN)
    // A run that nobody listens to any more goes on and saves; its exit code tells.
    signal(SIGPIPE, SIG_IGN)
    occupyStandardDescriptors()
    let failure = OutputFailure()
    let words = CommandLine.arguments
    let program = Convnet(
      console: .standard(failure: failure), invocation: invocation(of: words.first ?? "convnet"))
    let code = program.run(Array(words.dropFirst()))
    if let message = failure.message { program.console.complain(message) }
    exit(code == 0 && failure.code != nil ? ExitCode.failure : code)
  }

  /// Opens what cannot be written to in the place of standard descriptors that were closed: a file that is opened
  /// would otherwise get their number, and the output.
  private static func occupyStandardDescriptors() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
    where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest number that is free: this one.
      _ = open("/dev/null", O_RDONLY)
    }
  }

  /// What to type to run the program at `path` again: `swift run` where it stands in the folder of this target's
  /// release build, `.build/x86_64-unknown-linux-gnu/release`, which is how `swift run` starts it.
  private static func invocation(of path: String) -> String {
    var local = path[...]
    if path.hasPrefix("/"), let folder = getcwd(nil, 0) {
      defer { free(folder) }
      let prefix = String(cString: folder) + "/"
      if path.hasPrefix(prefix) { local = path.dropFirst(prefix.count) }
    }
    let parts = local.split(separator: "/")
    if parts.count == 4, parts[0] == ".build", parts[2] == "release", parts[3] == "convnet" {
      return "swift run -c release convnet"
    }
    return path.contains("/") ? shellQuoted(path) : "convnet"
  }
}
