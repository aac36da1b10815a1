/// An array to be written to a safetensors file.
public struct SafetensorsItem {
  /// Passes the bytes of an array to a closure, in one piece or in several in order.
  public typealias Bytes =
    (_ consume: (UnsafeRawBufferPointer) throws(FileError) -> Void) throws(FileError) -> Void

  /// The name.
  public let name: String
  /// The type of the elements.
  public let dtype: SafetensorsDType
  /// The sizes, outermost first; empty for a single number.
  public let shape: [Int]
  /// Gives the bytes, little-endian and row-major. Called once, while the file is written, so that
  /// a large state is written without a copy.
  public let bytes: Bytes

  /// An array whose bytes are given when they are written.
  public init(
    name: String, dtype: SafetensorsDType, shape: [Int], bytes: @escaping Bytes
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
  }

  /// An array whose bytes are in memory.
  public init(name: String, dtype: SafetensorsDType, shape: [Int], bytes: [UInt8]) {
    self.init(name: name, dtype: dtype, shape: shape) { consume throws(FileError) in
      try bytes.withUnsafeBufferPointer { buffer throws(FileError) in
        try consume(UnsafeRawBufferPointer(buffer))
      }
    }
  }

  /// An array of numbers in memory, of the first dtype that `Element` stands for.
  public init<Element: SafetensorsElement>(name: String, shape: [Int], elements: [Element]) {
    let dtype = Element.safetensorsDTypes[0]
    self.init(name: name, dtype: dtype, shape: shape) { consume throws(FileError) in
      try elements.withUnsafeBufferPointer { buffer throws(FileError) in
        try consume(UnsafeRawBufferPointer(buffer))
      }
    }
  }
}

extension SafetensorsFile {
  /// Puts a safetensors file of `items` at `path`, all or nothing.
  ///
  /// The data is ordered by the size of its elements, largest first, and otherwise as given, and
  /// begins at a multiple of eight bytes: every array is aligned for its type. The same items give
  /// the same bytes. The metadata gets checksums of the header and of each array, which ``SafetensorsFile`` compares.
  /// - Parameter metadata: Texts to be stored with the arrays.
  /// - Throws: `FileError`: a name twice, a shape that does not fit its bytes, or trouble in
  ///   writing. What was at `path` is then unchanged.
  public static func write(
    _ items: [SafetensorsItem], metadata: [String: String] = [:], to path: String
  ) throws(FileError) {
    func refused(_ problems: [String]) -> FileError {
      FileError(path: path, cause: .safetensors(SafetensorsError(problems: problems)))
    }
    let layout: SafetensorsLayout
    do throws(SafetensorsError) {
      layout = try SafetensorsLayout(items, metadata: metadata)
    } catch {
      throw refused(error.problems)
    }
    var file = try AtomicFile(path: path)
    try file.append(layout.header(sealedWith: nil))
    var checksums: [UInt32] = []
    for (item, expected) in layout.items {
      let start = file.byteCount
      var checksum: UInt32 = 0
      try item.bytes { piece throws(FileError) in
        checksum = SafetensorsSeal.checksum(piece, after: checksum)
        try file.append(piece)
      }
      checksums.append(checksum)
      let actual = file.byteCount - start
      guard actual == expected else {
        throw refused([SafetensorsLayout.mismatch(item, expected: expected, actual: actual)])
      }
    }
    try file.rewrite(layout.header(sealedWith: checksums), at: 0)
    try file.commit()
  }
}

/// The header of a file to be written, and its items in the order of their data.
struct SafetensorsLayout {
  /// The header with zeros for checksums, without its length.
  private var text: [UInt8] = []
  private var isSealed = true
  private(set) var items: [(item: SafetensorsItem, byteCount: Int)] = []

  init(_ given: [SafetensorsItem], metadata: [String: String]) throws(SafetensorsError) {
    try collect(given)
    var object = JSONObject()
    isSealed = !items.isEmpty || !metadata.isEmpty
    var all = metadata
    all[SafetensorsSeal.headerKey] = SafetensorsSeal.zero
    all[SafetensorsSeal.arraysKey] = String(repeating: SafetensorsSeal.zero, count: items.count)
    var texts = JSONObject()
    for (key, value) in all.sorted(by: { $0.key < $1.key }) { texts[key] = .string(value) }
    // A file of nothing has nothing to protect.
    if isSealed { object[SafetensorsHeader.metadataKey] = .object(texts) }
    var offset = 0
    for (item, byteCount) in items {
      let end = offset + byteCount
      object[item.name] = [
        "dtype": .string(item.dtype.rawValue),
        "shape": .array(item.shape.map(JSONValue.integer)),
        "data_offsets": [.integer(offset), .integer(end)],
      ]
      offset = end
    }
    try encode(.object(object))
  }

  /// The header with its length in front, and these checksums of the arrays.
  func header(sealedWith checksums: [UInt32]?) -> [UInt8] {
    var text = text
    let digits = (checksums ?? []).map(SafetensorsSeal.digits).joined()
    if checksums != nil,
      let place = SafetensorsSeal.place(
        of: SafetensorsSeal.arraysKey, count: digits.utf8.count, in: text)
    {
      text.replaceSubrange(place, with: digits.utf8)
    }
    if let checksum = SafetensorsSeal.headerChecksum(text),
      let place = SafetensorsSeal.place(
        of: SafetensorsSeal.headerKey, count: SafetensorsSeal.zero.utf8.count, in: text)
    {
      text.replaceSubrange(place, with: SafetensorsSeal.digits(checksum).utf8)
    }
    return withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init) + text
  }

  static func mismatch(_ item: SafetensorsItem, expected: Int, actual: Int) -> String {
    "\(quoted(item.name)): shape \(item.shape) of \(item.dtype.rawValue) takes \(expected) bytes, "
      + "but \(actual) were given"
  }

  private mutating func collect(_ given: [SafetensorsItem]) throws(SafetensorsError) {
    var problems: [String] = []
    var names = ExactNameSet()
    var total = 0
    for item in given {
      if item.name == SafetensorsHeader.metadataKey {
        problems.append("\(quoted(item.name)) is reserved and cannot name an array")
      } else if !names.insert(item.name) {
        problems.append("\(quoted(item.name)) is given twice")
      }
      let byteCount = item.dtype.byteCount(of: item.shape)
      let sum = byteCount.map { total.addingReportingOverflow($0) }
      guard let byteCount, let sum, !sum.overflow else {
        problems.append("\(quoted(item.name)): shape \(item.shape) is negative or too large")
        continue
      }
      total = sum.partialValue
      items.append((item, byteCount))
    }
    guard problems.isEmpty else { throw SafetensorsError(problems: problems) }
    // sort(by:) is stable, so that items of one size stay in the order given.
    items.sort { $0.item.dtype.itemSize > $1.item.dtype.itemSize }
  }

  private mutating func encode(_ object: JSONValue) throws(SafetensorsError) {
    do throws(JSONWritingError) {
      text = Array(try object.text().utf8)
      // What tells that the checksums are of this header.
      if isSealed { text.insert(UInt8(ascii: " "), at: 1) }
    } catch {
      throw SafetensorsError(problems: ["the header cannot be written: \(error)"])
    }
    let space = UInt8(ascii: " ")
    text.append(contentsOf: repeatElement(space, count: (8 - text.count % 8) % 8))
    guard text.count <= SafetensorsHeader.maximumByteCount else {
      throw SafetensorsError(problems: [
        "the header has \(text.count) bytes, but at most "
          + "\(SafetensorsHeader.maximumByteCount) are allowed"
      ])
    }
  }
}
