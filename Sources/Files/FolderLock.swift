#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The right to write in a folder, which one holder at a time has; it ends with its owner, at the latest with the process.
///
/// A file in the folder is locked, so that a crash leaves nothing behind that would have to be cleared. File systems
/// that cannot lock are taken to have one user.
package final class FolderLock: Sendable {
  /// The name of the file, which goes away with its holder, or with the next after a crash.
  package static let name = ".tapestry-lock"

  private let path: String
  private let descriptor: FileDescriptor

  /// Takes the lock of the folder at `path`, which must exist.
  ///
  /// - Throws: `FileError`; `.inUse` when another holds it.
  package init(folder: String) throws(FileError) {
    path = folder.hasSuffix("/") ? folder + Self.name : "\(folder)/\(Self.name)"
    while true {
      let file = try FileDescriptor(locking: path)
      if case .taken = file.lock() {
        let text = String(decoding: file.beginning(limit: 20), as: UTF8.self)
        throw FileError(path: folder, cause: .inUse(process: Int(text)))
      }
      // It may have been removed with its folder's content between opening and locking.
      guard file.isAt(path) else { continue }
      try file.replaceContent(Array(String(getpid()).utf8))
      descriptor = file
      return
    }
  }

  // While it is locked: whoever has opened it meanwhile sees that it is not the folder's any more.
  deinit { giveUp() }

  /// Gives the folder up, which becomes empty again if it was.
  package func giveUp() {
    if descriptor.isAt(path) { removeFile(path) }
  }
}
