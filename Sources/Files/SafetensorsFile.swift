/// A named array in a safetensors file.
public struct SafetensorsEntry: Equatable, Sendable {
  /// The name.
  public let name: String
  /// The type of the elements.
  public let dtype: SafetensorsDType
  /// The sizes, outermost first; empty for a single number.
  public let shape: [Int]
  /// Where its bytes are, counted from the end of the header.
  public let byteRange: Range<Int>

  /// The number of elements.
  public var elementCount: Int {
    byteRange.count / dtype.itemSize
  }
}

/// A safetensors file: named arrays of numbers, little-endian and row-major, behind a JSON header.
///
/// Opening checks the whole structure (https://huggingface.co/docs/safetensors, format section) and
/// reads no numbers; they are mapped into memory and read when they are used. Where the file carries checksums, that
/// of the header is compared at once, those of the arrays by ``verify()`` and by whatever loads them into a model.
/// This type knows dtypes and shapes, but no tensors.
public struct SafetensorsFile: Sendable {
  /// The arrays, in the order of their bytes.
  public let entries: [SafetensorsEntry]
  /// The texts stored with them (`__metadata__`).
  public let metadata: [String: String]

  private let source: ByteSource
  private let dataStart: Int
  private let places: ExactNames<Int>
  private let checksums: [UInt32]?

  /// Whether the file carries checksums, as those written by this library do.
  public var hasChecksums: Bool { checksums != nil }

  /// Opens the file at `path`, which must not be shortened while this value exists.
  ///
  /// - Throws: `FileError` with everything that is wrong with the file.
  public init(path: String) throws(FileError) {
    let file = try MappedFile(path: path)
    do throws(SafetensorsError) {
      try self.init(.mapped(file))
    } catch {
      throw FileError(path: path, cause: .safetensors(error))
    }
  }

  /// Reads a file's content from memory.
  ///
  /// - Throws: `SafetensorsError` with everything that is wrong with it.
  public init(bytes: [UInt8]) throws(SafetensorsError) {
    try self.init(.memory(bytes))
  }

  private init(_ source: ByteSource) throws(SafetensorsError) {
    let header = try SafetensorsHeader(source)
    entries = header.entries
    metadata = header.metadata
    dataStart = header.dataStart
    checksums = header.checksums
    self.source = source
    places = ExactNames(zip(entries.map(\.name), entries.indices))
  }

  /// The entry called `name`, or nil when there is none.
  public subscript(name: String) -> SafetensorsEntry? {
    places[name].map { entries[$0] }
  }

  /// What is wrong with the bytes of `entry`, by its checksum; nil where they are intact or there is none.
  package func damage(of entry: SafetensorsEntry) -> String? {
    guard let checksums, let place = places[entry.name], entries[place] == entry else { return nil }
    let actual = withUnsafeBytes(of: entry) { SafetensorsSeal.checksum($0) }
    guard actual != checksums[place] else { return nil }
    return
      "\(quoted(entry.name)) is damaged: its checksum should be \(SafetensorsSeal.digits(checksums[place])),"
      + " but is \(SafetensorsSeal.digits(actual)); copy or download the file again"
  }

  /// Compares all arrays with their checksums, as far as the file has some; reads every byte.
  ///
  /// - Throws: `SafetensorsError` that names every array that is damaged.
  public func verify() throws(SafetensorsError) {
    let problems = entries.compactMap { damage(of: $0) }
    if !problems.isEmpty { throw SafetensorsError(problems: problems) }
  }

  /// Calls `body` with the bytes of `entry`, which are valid during the call only.
  ///
  /// They need not be aligned for their type: copy them, or load with `loadUnaligned`.
  /// - Precondition: `entry` is of this file.
  public func withUnsafeBytes<Result, Failure: Error>(
    of entry: SafetensorsEntry, file: StaticString = #fileID, line: UInt = #line,
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard let place = places[entry.name], entries[place] == entry else {
      fatalError("SafetensorsFile: entry \(entry.name) is of another file", file: file, line: line)
    }
    let start = dataStart + entry.byteRange.lowerBound
    let range = start..<start + entry.byteRange.count
    return try source.withUnsafeBytes { bytes throws(Failure) in
      try body(UnsafeRawBufferPointer(rebasing: bytes[range]))
    }
  }

  /// A copy of the elements of `entry` as numbers of Swift's type `type`, or nil when the dtype is
  /// not stored in the way of that type (floats are not integers, and sizes must agree).
  ///
  /// - Precondition: `entry` is of this file.
  public func elements<Element: SafetensorsElement>(
    of entry: SafetensorsEntry, as type: Element.Type = Element.self,
    file: StaticString = #fileID, line: UInt = #line
  ) -> [Element]? {
    guard Element.safetensorsDTypes.contains(entry.dtype) else { return nil }
    return withUnsafeBytes(of: entry, file: file, line: line) { bytes in
      [Element](unsafeUninitializedCapacity: entry.elementCount) { buffer, count in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
        count = entry.elementCount
      }
    }
  }
}

/// A number of Swift that a safetensors file can hold.
public protocol SafetensorsElement: BitwiseCopyable {
  /// The dtypes stored as this type is.
  static var safetensorsDTypes: [SafetensorsDType] { get }
}

extension Double: SafetensorsElement {
  /// `F64`.
  public static var safetensorsDTypes: [SafetensorsDType] { [.float64] }
}

extension Float: SafetensorsElement {
  /// `F32`.
  public static var safetensorsDTypes: [SafetensorsDType] { [.float32] }
}

extension Int64: SafetensorsElement {
  /// `I64`.
  public static var safetensorsDTypes: [SafetensorsDType] { [.int64] }
}

extension Int32: SafetensorsElement {
  /// `I32`.
  public static var safetensorsDTypes: [SafetensorsDType] { [.int32] }
}

extension UInt16: SafetensorsElement {
  /// `U16`, and the bits of `F16` and `BF16`.
  public static var safetensorsDTypes: [SafetensorsDType] { [.uint16, .float16, .bfloat16] }
}

extension UInt8: SafetensorsElement {
  /// `U8`, and the bytes of `BOOL`.
  public static var safetensorsDTypes: [SafetensorsDType] { [.uint8, .bool] }
}
