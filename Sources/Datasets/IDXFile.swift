import TapestryFiles

/// A file in the format of the MNIST database: a big-endian header of sizes, then unsigned bytes.
///
/// The header is the magic number `0x0000_TTRR` (`TT` the element type, `RR` the number of dimensions)
/// and a 32-bit size per dimension. The file may be compressed by gzip.
package struct IDXFile: Equatable, Sendable {
  /// The sizes of the dimensions, all positive: the number of items first.
  package let sizes: [Int]
  /// The elements, row-major: as many as the product of the sizes.
  package let bytes: [UInt8]

  /// What a file is supposed to hold.
  package enum Content: Int, Sendable {
    /// Bytes in three dimensions: items, rows, columns.
    case images = 2051
    /// Bytes in one dimension.
    case labels = 2049

    var rank: Int { self == .images ? 3 : 1 }
    var other: Content { self == .images ? .labels : .images }
  }

  /// More bytes are not read: this is forty times MNIST, and nearly four times EMNIST.
  package static let largestContent = 1 << 31
  /// More items are not read: twenty times EMNIST.
  package static let largestCount = 1 << 24

  /// Reads and checks the file at `path`, plain or compressed.
  ///
  /// Memory is taken for what the file holds, never for what its header claims.
  package init(path: String, content: Content) throws(FileError) {
    let file = try InputFile(path: path)
    func malformed(_ problem: String) -> FileError {
      FileError(path: path, cause: .malformed(format: "IDX", problems: [problem]))
    }
    let magic = try file.readBigEndian()
    guard magic == content.rawValue else {
      throw malformed(Self.wrongMagic(magic, expected: content))
    }
    var sizes: [Int] = []
    for _ in 0..<content.rank { sizes.append(try file.readBigEndian()) }
    let stated = sizes.map(String.init).joined(separator: " x ")
    guard sizes.allSatisfy({ $0 > 0 }) else {
      throw malformed("the header states \(stated) \(content), but no size can be 0")
    }
    guard let byteCount = checkedProduct(of: sizes), byteCount <= Self.largestContent,
      sizes[0] <= Self.largestCount
    else {
      throw malformed(
        "the header states \(stated) \(content), more than the \(Self.largestCount) items of"
          + " \(Self.largestContent) bytes together that are read at most; the header is damaged")
    }
    do throws(ResourceError) {
      // The file's bytes, and those of the sets that are made from them.
      try ResourceLimits.current.requireMemory(
        checkedProduct(byteCount, 3), for: "\(stated) \(content)")
    } catch {
      throw FileError(path: path, cause: .resources(error))
    }
    let bytes = try file.read(exactly: byteCount)
    try file.requireEnd()
    self.sizes = sizes
    self.bytes = bytes
  }

  private static func wrongMagic(_ found: Int, expected: Content) -> String {
    let expectation = "magic number \(expected.rawValue) (\(expected)) expected, found \(found)"
    if found == expected.other.rawValue {
      return expectation + " (\(expected.other)): the file is mislabelled;"
        + " are the image file and the label file exchanged?"
    }
    // 0x08 in the second lowest byte stands for unsigned bytes, the lowest is the number of dimensions.
    let (type, rank) = (found >> 8, found & 0xff)
    if [0x09, 0x0b, 0x0c, 0x0d, 0x0e].contains(type) {
      return expectation + ": elements of type \(type), but only unsigned bytes (type 8) are read"
    }
    if type == 0x08 {
      return expectation + ": \(rank) dimensions, but \(expected) have \(expected.rank)"
    }
    return expectation + ": not a file of the MNIST format"
  }
}

extension InputFile {
  /// The next four bytes, the most significant first.
  fileprivate func readBigEndian() throws(FileError) -> Int {
    try read(exactly: 4).reduce(0) { $0 << 8 | Int($1) }
  }
}
