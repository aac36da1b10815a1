import TapestryFiles
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

@Suite("Locks and leftovers")
struct FolderLockTests {
  @Test("a folder has one holder at a time, who is named")
  func exclusive() throws {
    let scratch = try Scratch()
    var first: FolderLock? = try FolderLock(folder: scratch.path)
    #expect(first != nil)
    #expect(
      message { try FolderLock(folder: scratch.path) }
        == "\(scratch.path): is in use: another run writes there (process \(getpid())); wait for its end, stop it, "
        + "or choose another folder")
    first = nil
    #expect(scratch.names.isEmpty)
    let second = try FolderLock(folder: scratch.path)
    second.giveUp()
    #expect(scratch.names.isEmpty)
  }

  @Test("what a crashed holder left does not lock")
  func stale() throws {
    let scratch = try Scratch()
    try scratch.file(FolderLock.name, Array("12345".utf8))
    let lock = try FolderLock(folder: scratch.path)
    #expect(scratch.names == [FolderLock.name])
    _ = consume lock
  }

  @Test("temporaries that nobody writes go away with the next file; those being written stay")
  func abandoned() throws {
    let scratch = try Scratch()
    try scratch.file(".tapestry-1234.tmp", [1, 2, 3])
    try scratch.file(".tapestry.tmp", [1])
    var file = try AtomicFile(path: scratch("a"))
    try file.append([1])
    #expect(scratch.names.count == 2)
    try AtomicFile.write("b", to: scratch("b"))
    #expect(scratch.names.count == 3)
    try file.commit()
    #expect(scratch.names == [".tapestry.tmp", "a", "b"])
  }

  @Test("writing through a link that leads nowhere makes its file and leaves the link")
  func dangling() throws {
    let scratch = try Scratch()
    scratch.folder("far")
    #expect(symlink("far/target", scratch("near")) == 0)
    #expect(symlink("near", scratch("nearer")) == 0)
    try AtomicFile.write("text", to: scratch("nearer"))
    #expect(try Scratch.bytes(scratch("far/target")) == Array("text".utf8))
    var status = stat()
    for name in ["near", "nearer"] {
      #expect(lstat(scratch(name), &status) == 0)
      #expect(status.st_mode & S_IFMT == S_IFLNK)
    }
    #expect(symlink("nowhere/target", scratch("lost")) == 0)
    #expect(throws: FileError.self) { try AtomicFile.write("text", to: scratch("lost")) }
    #expect(symlink("circle", scratch("circle")) == 0)
    #expect(throws: FileError.self) { try AtomicFile.write("text", to: scratch("circle")) }
  }
}
