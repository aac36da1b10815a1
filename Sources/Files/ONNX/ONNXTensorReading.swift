extension ONNX.Tensor {
  /// The message that `reader` reads. Numbers stored in the file as they are in memory stay there.
  init(_ reader: ProtocolBufferReader) throws(ProtocolBufferError) {
    self.init(
      name: "", dimensions: [], type: ONNX.DataType(rawValue: 0), content: .unread)
    var reader = reader
    var raw: Range<Int>?
    var stored = StoredElements()
    var (isExternal, location) = (false, "")
    var offset = 0
    while let field = try reader.next() {
      switch field.number {
      case 1: try reader.append(field, to: &dimensions)
      case 2: type = ONNX.DataType(rawValue: try reader.integer(field))
      case 4: try reader.append(field, to: &stored.bits32)
      case 5: try reader.append(field, to: &stored.integers32)
      case 7: try reader.append(field, to: &stored.integers64)
      case 8: name = try reader.text(field)
      case 9: raw = try reader.range(field)
      case 10: try reader.append(field, to: &stored.bits64)
      case 11: try reader.append(field, to: &stored.unsigned64)
      case 13:
        let entry = try ONNX.Model.entry(reader.message(field))
        if entry.key == "location" { location = entry.value }
      case 14: isExternal = try reader.integer(field) == 1
      default: break
      }
      offset = field.offset
    }
    if isExternal {
      content = .external(location)
    } else if let itemSize = type.itemSize {
      try take(raw, stored, itemSize, offset)
    }
  }

  /// The number of elements of the dimensions, or nil when one is negative or the bytes of all
  /// elements do not fit an `Int`.
  package var elementCount: Int? {
    var count = 1
    for size in dimensions {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow, product < 1 << 58 else { return nil }
      count = product
    }
    return count
  }

  private mutating func take(
    _ raw: Range<Int>?, _ stored: StoredElements, _ itemSize: Int, _ offset: Int
  ) throws(ProtocolBufferError) {
    func refused(_ reason: String) -> ProtocolBufferError {
      ProtocolBufferError(reason: "tensor \(quoted(name)): \(reason)", offset: offset)
    }
    guard let elementCount else {
      throw refused("the dimensions \(dimensions) are negative or too large")
    }
    let byteCount: Int
    if let raw {
      byteCount = raw.count
      content = .file(raw)
    } else {
      guard let bytes = stored.bytes(of: type) else {
        throw refused("a number does not fit its type, \(type)")
      }
      byteCount = bytes.count
      content = .memory(bytes)
    }
    guard byteCount == elementCount * itemSize else {
      throw refused(
        "\(dimensions) of \(type) takes \(elementCount * itemSize) bytes, but there are \(byteCount)"
      )
    }
  }
}

/// The elements of a tensor that are stored as numbers of the wire format.
private struct StoredElements {
  var bits32: [UInt32] = []
  var bits64: [UInt64] = []
  var integers32: [Int] = []
  var integers64: [Int] = []
  var unsigned64: [Int] = []

  /// The elements as they are in memory; nil when one does not fit.
  func bytes(of type: ONNX.DataType) -> [UInt8]? {
    switch type {
    case .float: Self.bytes(bits32)
    case .double: Self.bytes(bits64)
    case .int64: Self.narrowed(integers64, Int64.self)
    case .uint32: Self.narrowed(unsigned64, UInt32.self)
    case .uint64: Self.bytes(unsigned64.map { UInt64(bitPattern: Int64($0)) })
    case .int32: Self.narrowed(integers32, Int32.self)
    case .int16: Self.narrowed(integers32, Int16.self)
    case .int8: Self.narrowed(integers32, Int8.self)
    case .uint16, .float16, .bfloat16: Self.narrowed(integers32, UInt16.self)
    case .uint8, .bool: Self.narrowed(integers32, UInt8.self)
    default: nil
    }
  }

  private static func narrowed<Number: FixedWidthInteger>(
    _ numbers: [Int], _ type: Number.Type
  ) -> [UInt8]? {
    let narrow = numbers.compactMap { Number(exactly: $0) }
    return narrow.count == numbers.count ? bytes(narrow) : nil
  }

  private static func bytes<Number: FixedWidthInteger>(_ numbers: [Number]) -> [UInt8] {
    numbers.map(\.littleEndian).withUnsafeBytes { Array($0) }
  }
}
