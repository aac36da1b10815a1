import TapestryFiles

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The weights that were saved last below `runs`, where 'convnet train' puts them unless told otherwise.
///
/// - Throws: ``CommandError`` with the remedy when there are none.
func recentWeights(in folder: String = "runs") throws(CommandError) -> String {
  let names = (try? namesInDirectory(folder)) ?? []
  var newest: (path: String, seconds: Int, nanoseconds: Int)?
  for name in names.sorted() {
    let path = "\(folder)/\(name)/weights.safetensors"
    var status = stat()
    guard stat(path, &status) == 0 else { continue }
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    let (seconds, nanoseconds) = (Int(time.tv_sec), Int(time.tv_nsec))
    if let newest, (newest.seconds, newest.nanoseconds) >= (seconds, nanoseconds) { continue }
    newest = (path, seconds, nanoseconds)
  }
  guard let newest else {
    throw CommandError(
      "no weights: '\(folder)' has none yet; train a net with 'convnet train', or name a file with --weights FILE"
    )
  }
  return newest.path
}
