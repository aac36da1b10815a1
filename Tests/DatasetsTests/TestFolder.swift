import TestSupport
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
  private let scratch: Scratch
  private let name: String

  init(_ name: String = "numbers", _ files: [String: [UInt8]] = [:]) throws {
    scratch = try Scratch()
    self.name = name
    path = scratch.folder(name)
    for (name, bytes) in files { try write(name, bytes) }
  }

  /// Makes a folder in the folder, with those above it.
  func folder(_ inner: String) { scratch.folder("\(name)/\(inner)") }

  @discardableResult
  func write(_ file: String, _ bytes: [UInt8]) throws -> String {
    try scratch.file("\(name)/\(file)", bytes)
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
