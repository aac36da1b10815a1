/// The checked header of a safetensors file:
///
///     8 bytes      n, the length of the header, little-endian
///     n bytes      {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
///     the rest     the data, covered by the entries without holes or overlaps
struct SafetensorsHeader {
  /// The longest header that the format allows.
  static let maximumByteCount = 100_000_000
  /// The name that is no array, but an object of texts.
  static let metadataKey = "__metadata__"

  /// The entries in the order of their bytes.
  private(set) var entries: [SafetensorsEntry] = []
  private(set) var metadata: [String: String] = [:]
  /// Of the arrays in their order; nil where the file has none.
  private(set) var checksums: [UInt32]?
  let dataStart: Int
  private let dataCount: Int
  private var problems: [String] = []

  init(_ source: ByteSource) throws(SafetensorsError) {
    let headerCount = try Self.headerByteCount(source)
    dataStart = 8 + headerCount
    dataCount = source.count - dataStart
    let header = source.copy(8..<dataStart)
    guard header.first == UInt8(ascii: "{") else {
      throw SafetensorsError(problems: ["the header does not begin with '{'"])
    }
    let json: JSONValue
    do throws(JSONError) {
      json = try JSONValue(parsing: header)
    } catch {
      throw SafetensorsError(problems: ["the header is not valid JSON: \(error)"])
    }
    for member in json.object?.members ?? [] {
      if member.key == Self.metadataKey {
        readMetadata(member.value)
      } else {
        readEntry(member.key, member.value)
      }
    }
    // Only entries that are right by themselves can be compared with each other.
    if problems.isEmpty { checkCover() }
    guard problems.isEmpty else { throw SafetensorsError(problems: problems) }
    checksums = try SafetensorsSeal.arrayChecksums(
      header: header, texts: metadata, count: entries.count)
    metadata = metadata.filter { !SafetensorsSeal.isOwn($0.key) }
  }

  private static func headerByteCount(_ source: ByteSource) throws(SafetensorsError) -> Int {
    guard source.count >= 8 else {
      throw SafetensorsError(problems: [
        "has \(source.count) bytes, but the length of the header alone takes 8"
      ])
    }
    let count = source.withUnsafeBytes { bytes in
      UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    }
    guard count <= UInt64(maximumByteCount) else {
      throw SafetensorsError(problems: [
        "claims a header of \(count) bytes, but at most \(maximumByteCount) are allowed; "
          + "is it really a safetensors file?"
      ])
    }
    guard count <= UInt64(source.count - 8) else {
      throw SafetensorsError(problems: [
        "claims a header of \(count) bytes, but only \(source.count - 8) follow; "
          + "the file is truncated: copy or download it again"
      ])
    }
    return Int(count)
  }

  private mutating func readMetadata(_ value: JSONValue) {
    guard let object = value.object else {
      problems.append("\(Self.metadataKey) is \(value.kind), but must be an object of strings")
      return
    }
    for member in object.members {
      if let text = member.value.string {
        metadata[member.key] = text
      } else {
        problems.append(
          "\(Self.metadataKey) \(quoted(member.key)) is \(member.value.kind), "
            + "but must be a string")
      }
    }
  }

  private mutating func readEntry(_ name: String, _ value: JSONValue) {
    let problemCount = problems.count
    func wrong(_ reason: String) { problems.append("\(quoted(name)): \(reason)") }

    guard value.object != nil else { return wrong("is \(value.kind), but must be an object") }
    let dtype = value["dtype"]?.string.flatMap(SafetensorsDType.init(rawValue:))
    if dtype == nil {
      let names = SafetensorsDType.allCases.map(\.rawValue).joined(separator: " ")
      wrong("dtype is \(shown(value["dtype"])), but must be one of \(names)")
    }
    let shape = sizes(value["shape"])
    if shape == nil {
      wrong("shape is \(shown(value["shape"])), but must be an array of sizes")
    }
    let offsets = sizes(value["data_offsets"])
    if offsets?.count != 2 {
      wrong("data_offsets is \(shown(value["data_offsets"])), but must be [begin, end]")
    }
    guard problems.count == problemCount, let dtype, let shape, let offsets else { return }

    let (begin, end) = (offsets[0], offsets[1])
    guard begin <= end else {
      return wrong("data_offsets [\(begin), \(end)] end before they begin")
    }
    guard end <= dataCount else {
      return wrong("data_offsets [\(begin), \(end)] exceed the \(dataCount) bytes of data")
    }
    guard let byteCount = dtype.byteCount(of: shape) else {
      return wrong("shape \(shown(value["shape"])) is too large")
    }
    guard byteCount == end - begin else {
      return wrong(
        "shape \(shown(value["shape"])) of \(dtype.rawValue) takes \(byteCount) bytes, but "
          + "data_offsets [\(begin), \(end)] hold \(end - begin)")
    }
    entries.append(
      SafetensorsEntry(name: name, dtype: dtype, shape: shape, byteRange: begin..<end))
  }

  /// Puts the entries in the order of their bytes, which must follow each other without a hole.
  private mutating func checkCover() {
    entries.sort { left, right in
      let (a, b) = (left.byteRange, right.byteRange)
      return (a.lowerBound, a.upperBound) < (b.lowerBound, b.upperBound)
    }
    var covered = 0
    var previous = "the beginning"
    for entry in entries {
      let name = quoted(entry.name)
      let begin = entry.byteRange.lowerBound
      if begin > covered {
        problems.append(
          "bytes \(covered)..<\(begin) of the data, before \(name), belong to no entry")
      } else if begin < covered {
        problems.append("\(name) begins at byte \(begin), inside \(previous)")
      }
      covered = max(covered, entry.byteRange.upperBound)
      previous = name
    }
    if covered < dataCount {
      problems.append("bytes \(covered)..<\(dataCount) of the data, at the end, belong to no entry")
    }
  }

  /// The sizes in an array of non-negative integers, or nil for anything else.
  private func sizes(_ value: JSONValue?) -> [Int]? {
    guard let elements = value?.array else { return nil }
    let sizes = elements.compactMap(\.int).filter { $0 >= 0 }
    return sizes.count == elements.count ? sizes : nil
  }

  private func shown(_ value: JSONValue?) -> String {
    guard let value else { return "missing" }
    if case .string(let text) = value { return quoted(text) }
    let longest = 60
    guard let text = try? value.text() else { return value.kind }
    return text.count > longest ? text.prefix(longest) + "..." : text
  }
}
