import TapestryDatasets
import TapestryFiles
import TapestryGraph
import TestSupport
import Testing

@Suite("IDX files")
struct IDXFileTests {
  let folder: TestFolder

  init() throws { folder = try TestFolder() }

  /// What reading a file of these bytes says, without its path.
  private func refusal(
    _ bytes: [UInt8], as content: IDXFile.Content = .images,
    _ sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    let path = try folder.write("file", bytes)
    let text = message(sourceLocation) { try IDXFile(path: path, content: content) }
    #expect(text.hasPrefix(path + ": "), sourceLocation: sourceLocation)
    return String(text.dropFirst(path.count + 2))
  }

  @Test("images and labels are read, plain and compressed", arguments: [false, true])
  func reads(compressed: Bool) throws {
    func stored(_ bytes: [UInt8]) throws -> String {
      try folder.write("file", compressed ? Gzip.compress(bytes) : bytes)
    }
    let images = try IDXFile(path: stored(idxImages(3, 2, 5)), content: .images)
    #expect(images.sizes == [3, 2, 5])
    #expect(images.bytes == Array(0..<30))
    let labels = try IDXFile(path: stored(idxLabels([7, 0, 9])), content: .labels)
    #expect(labels.sizes == [3])
    #expect(labels.bytes == [7, 0, 9])
  }

  @Test("every truncation says how much is there and how much is needed")
  func truncation() throws {
    let whole = idxImages(2, 3, 4)
    for count in 0..<whole.count {
      let needed = count < 16 ? (count / 4 + 1) * 4 : 40
      #expect(
        try refusal(Array(whole.prefix(count)))
          == "ends after \(count) bytes, but its content needs \(needed); "
          + "the file is truncated: copy or download it again")
    }
  }

  @Test("a label file in the place of an image file is called mislabelled, and the reverse")
  func exchanged() throws {
    #expect(
      try refusal(idxLabels([1, 2]))
        == "IDX: magic number 2051 (images) expected, found 2049 (labels): the file is mislabelled;"
        + " are the image file and the label file exchanged?")
    #expect(
      try refusal(idxImages(1, 1, 1), as: .labels)
        == "IDX: magic number 2049 (labels) expected, found 2051 (images): the file is mislabelled;"
        + " are the image file and the label file exchanged?")
  }

  @Test("another magic number is told with what it means")
  func magic() throws {
    #expect(
      try refusal(Array("GIF89a, or so".utf8))
        == "IDX: magic number 2051 (images) expected, found 1195984440:"
        + " not a file of the MNIST format")
    #expect(
      try refusal(idx(0x0d03, [1, 1, 1], [0, 0, 0, 0]))
        == "IDX: magic number 2051 (images) expected, found 3331:"
        + " elements of type 13, but only unsigned bytes (type 8) are read")
    #expect(
      try refusal(idx(0x0804, [1, 1, 1, 1], [0]))
        == "IDX: magic number 2051 (images) expected, found 2052: 4 dimensions, but images have 3")
  }

  @Test("a size of zero is refused")
  func zeroSizes() throws {
    #expect(
      try refusal(idx(2051, [0, 28, 28], []))
        == "IDX: the header states 0 x 28 x 28 images, but no size can be 0")
    #expect(
      try refusal(idx(2051, [5, 28, 0], []))
        == "IDX: the header states 5 x 28 x 0 images, but no size can be 0")
    #expect(
      try refusal(idx(2049, [0], []), as: .labels)
        == "IDX: the header states 0 labels, but no size can be 0")
  }

  @Test("bytes after the end are refused")
  func trailing() throws {
    #expect(
      try refusal(idxImages(2, 2, 2) + [0]) == "goes on after byte 24, where its content ends")
    #expect(
      try refusal(Gzip.compress(idxLabels([1, 2]) + [3]), as: .labels)
        == "goes on after byte 10, where its content ends")
  }

  @Test("a header that claims more than any set has is refused, however large the numbers")
  func hostileHeaders() throws {
    let most: UInt32 = .max
    for sizes: [UInt32] in [
      [1 << 31, 28, 28], [most, most, most], [1, most, most], [1 << 25, 1, 1],
      [2, 1 << 15, 1 << 16],
    ] {
      let stated = sizes.map { "\($0)" }.joined(separator: " x ")
      let bytes = idx(2051, sizes, [1, 2, 3])
      for stored in [bytes, try Gzip.compress(bytes)] {
        #expect(
          try refusal(stored)
            == "IDX: the header states \(stated) images, more than the 16777216 items of"
            + " 2147483648 bytes together that are read at most; the header is damaged")
      }
    }
  }

  @Test(
    "a claim within the limits takes no more memory than the file has bytes",
    arguments: [false, true])
  func unfoundedClaims(compressed: Bool) throws {
    // A gigabyte is claimed, again and again; were it taken, this would take minutes.
    let bytes = idx(2051, [1 << 20, 32, 32], [1, 2, 3])
    let stored = try compressed ? Gzip.compress(bytes) : bytes
    for _ in 0..<200 {
      #expect(
        try refusal(stored)
          == "ends after 19 bytes, but its content needs 1073741840; "
          + "the file is truncated: copy or download it again")
    }
  }

  @Test("damaged compression is told apart from a damaged header")
  func gzip() throws {
    let compressed = try Gzip.compress(idxImages(4, 8, 8))
    #expect(
      try refusal(Array(compressed.dropLast(20)))
        .hasPrefix("gzip: the compressed data is truncated: it ends after"))
    var checksum = compressed
    checksum[compressed.count - 8] ^= 1
    #expect(
      try refusal(checksum).hasPrefix("gzip: the inflated data does not match its checksum"))
    #expect(
      try refusal([0x1f, 0x8b, 7, 0]).hasPrefix("gzip: the compressed data is corrupt near byte"))
  }

  @Test("a path without a file and a folder are refused")
  func paths() throws {
    #expect(
      message { try IDXFile(path: folder.path + "/none", content: .images) }
        == "\(folder.path)/none: cannot open the file: No such file or directory; check the path")
    #expect(
      message { try IDXFile(path: folder.path, content: .images) }
        == "\(folder.path): is a directory, but a file is needed; give the path of a file in it")
  }

  @Test("four thousand damaged files are read or refused, never a crash")
  func damaged() throws {
    let random = RandomSource(seed: 11)
    let plain = idxImages(3, 4, 5)
    let originals = [plain, try Gzip.compress(plain), idxLabels([1, 2, 3, 4])]
    var refused = 0
    for round in 0..<4000 {
      var bytes = originals[round % originals.count]
      if random.integer(below: 3) == 0 { bytes.removeLast(random.integer(below: bytes.count)) }
      for _ in 0...random.integer(below: 3) where !bytes.isEmpty {
        // Most damage goes to the header.
        let reach = random.integer(below: 2) == 0 ? min(16, bytes.count) : bytes.count
        let place = random.integer(below: reach)
        switch random.integer(below: 4) {
        case 0: bytes[place] ^= 1 << UInt8(random.integer(below: 8))
        case 1: bytes[place] = [0, 1, 127, 128, 255][random.integer(below: 5)]
        case 2: bytes.remove(at: place)
        default: bytes.insert(UInt8(random.integer(below: 256)), at: place)
        }
      }
      let path = try folder.write("file", bytes)
      do throws(FileError) {
        let content: IDXFile.Content = round % originals.count == 2 ? .labels : .images
        let file = try IDXFile(path: path, content: content)
        #expect(file.sizes.reduce(1, *) == file.bytes.count)
      } catch {
        #expect("\(error)".count > path.count + 10)
        refused += 1
      }
    }
    #expect(refused > 2000 && refused < 4000)
  }
}
