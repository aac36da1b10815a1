/// Why bytes are not a protocol-buffer message, and where.
public struct ProtocolBufferError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong there.
  public let reason: String
  /// The offset of the offending byte, from 0.
  public let offset: Int

  /// The reason and the place.
  public var description: String { "\(reason) (byte \(offset))" }
}

/// A field of a message: its number, and what it holds.
package struct ProtocolBufferField: Equatable, Sendable {
  /// What is on the wire.
  package enum Content: Equatable, Sendable {
    /// A whole number of variable length.
    case varint(UInt64)
    /// Four bytes.
    case fixed32(UInt32)
    /// Eight bytes.
    case fixed64(UInt64)
    /// Bytes, which may be a text, a message or packed numbers: where they are in the file.
    case bytes(Range<Int>)
    /// A group, which nothing uses any more; it has been skipped.
    case group
  }

  package let number: Int
  package let content: Content
  /// Where the field begins in the file.
  package let offset: Int
}

/// Reads the fields of one message, one after the other; those of inner messages through readers of
/// their own.
///
/// The wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding), nothing
/// generated. Whatever the bytes are, reading ends: with a field that lies inside its message, or
/// with a `ProtocolBufferError`.
package struct ProtocolBufferReader {
  /// How deep messages and groups may lie in each other.
  package static let maximumDepth = 64

  private let bytes: UnsafeRawBufferPointer
  private var offset: Int
  private let end: Int
  private let depth: Int

  /// A reader of the message that `bytes` are; they must stay valid while it is used.
  package init(_ bytes: UnsafeRawBufferPointer) {
    self.init(bytes, 0..<bytes.count, depth: 0)
  }

  private init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, depth: Int) {
    self.bytes = bytes
    self.depth = depth
    offset = range.lowerBound
    end = range.upperBound
  }

  /// The next field, or nil at the end of the message.
  package mutating func next() throws(ProtocolBufferError) -> ProtocolBufferField? {
    guard offset < end else { return nil }
    let start = offset
    let (number, wireType) = try tag()
    guard wireType != 4 else { throw error("a group ends that did not begin", start) }
    let content = try content(wireType, number, start)
    return ProtocolBufferField(number: number, content: content, offset: start)
  }

  private mutating func tag() throws(ProtocolBufferError) -> (number: Int, wireType: Int) {
    let start = offset
    let tag = try varint()
    let number = tag >> 3
    guard number > 0, number < 1 << 29 else {
      throw error("\(number) is no field number", start)
    }
    return (Int(number), Int(tag & 7))
  }

  private mutating func content(
    _ wireType: Int, _ number: Int, _ start: Int
  ) throws(ProtocolBufferError) -> ProtocolBufferField.Content {
    switch wireType {
    case 0: return .varint(try varint())
    case 1: return .fixed64(UInt64(littleEndian: try load(UInt64.self)))
    case 2:
      let lengthOffset = offset
      let length = try varint()
      guard length <= UInt64(end - offset) else {
        throw error(
          "field \(number) claims \(length) bytes, but its message has only \(end - offset) left",
          lengthOffset)
      }
      let range = offset..<offset + Int(length)
      offset = range.upperBound
      return .bytes(range)
    case 3:
      try skipGroup(number, start)
      return .group
    case 5: return .fixed32(UInt32(littleEndian: try load(UInt32.self)))
    default: throw error("field \(number) has the unknown wire type \(wireType)", start)
    }
  }

  /// Goes on behind the end of a group, with the groups inside it on a stack of our own.
  private mutating func skipGroup(_ number: Int, _ start: Int) throws(ProtocolBufferError) {
    var open = [number]
    while let innermost = open.last {
      guard offset < end else { throw error("the group \(number) does not end", start) }
      let place = offset
      let (number, wireType) = try tag()
      switch wireType {
      case 3:
        guard depth + open.count < Self.maximumDepth else { throw tooDeep(place) }
        open.append(number)
      case 4:
        guard number == innermost else {
          throw error("group \(number) ends inside group \(innermost)", place)
        }
        open.removeLast()
      default: _ = try content(wireType, number, place)
      }
    }
  }

  /// Seven bits a byte, the lowest first; a set eighth bit says that more follow.
  private mutating func varint() throws(ProtocolBufferError) -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard offset < end else { throw error("the message ends inside a number", start) }
      let byte = bytes[offset]
      offset += 1
      if shift == 63, byte > 1 { throw error("a number does not fit 64 bits", start) }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw error("a number does not fit 64 bits", start)
  }

  private mutating func load<Number: FixedWidthInteger>(
    _ type: Number.Type
  ) throws(ProtocolBufferError) -> Number {
    let size = MemoryLayout<Number>.size
    guard end - offset >= size else { throw error("the message ends inside a number", offset) }
    defer { offset += size }
    return bytes.loadUnaligned(fromByteOffset: offset, as: Number.self)
  }

  private func error(_ reason: String, _ offset: Int) -> ProtocolBufferError {
    ProtocolBufferError(reason: reason, offset: offset)
  }

  private func tooDeep(_ offset: Int) -> ProtocolBufferError {
    error("messages lie in each other more than \(Self.maximumDepth) deep", offset)
  }
}

// MARK: - What fields hold

extension ProtocolBufferReader {
  /// The number in `field`, which is one.
  package func integer(_ field: ProtocolBufferField) throws(ProtocolBufferError) -> Int {
    guard case .varint(let value) = field.content else { throw unexpected(field, "a whole number") }
    return Int(Int64(bitPattern: value))
  }

  /// The number in `field`, which has four bytes.
  package func float(_ field: ProtocolBufferField) throws(ProtocolBufferError) -> Float {
    guard case .fixed32(let bits) = field.content else { throw unexpected(field, "four bytes") }
    return Float(bitPattern: bits)
  }

  /// Where the bytes in `field` are.
  package func range(_ field: ProtocolBufferField) throws(ProtocolBufferError) -> Range<Int> {
    guard case .bytes(let range) = field.content else { throw unexpected(field, "bytes") }
    return range
  }

  /// The text in `field`.
  package func text(_ field: ProtocolBufferField) throws(ProtocolBufferError) -> String {
    let range = try range(field)
    guard let text = String(validating: bytes[range], as: UTF8.self) else {
      throw error("field \(field.number) is a text, but not UTF-8", range.lowerBound)
    }
    return text
  }

  /// The message in `field`.
  package func message(
    _ field: ProtocolBufferField
  ) throws(ProtocolBufferError) -> ProtocolBufferReader {
    guard depth < Self.maximumDepth else { throw tooDeep(field.offset) }
    return ProtocolBufferReader(bytes, try range(field), depth: depth + 1)
  }

  /// Adds the whole numbers in `field` to `numbers`: one, or several packed.
  package func append(
    _ field: ProtocolBufferField, to numbers: inout [Int]
  ) throws(ProtocolBufferError) {
    guard case .bytes(let range) = field.content else {
      numbers.append(try integer(field))
      return
    }
    var packed = ProtocolBufferReader(bytes, range, depth: depth)
    while packed.offset < packed.end {
      numbers.append(Int(Int64(bitPattern: try packed.varint())))
    }
  }

  /// Adds the numbers in `field`, as many bytes each as `Number` has, to `numbers`: one, or several packed.
  package func append<Number: FixedWidthInteger>(
    _ field: ProtocolBufferField, to numbers: inout [Number]
  ) throws(ProtocolBufferError) {
    switch field.content {
    case .fixed32(let bits) where Number.bitWidth == 32: numbers.append(Number(bits))
    case .fixed64(let bits) where Number.bitWidth == 64: numbers.append(Number(bits))
    case .bytes(let range):
      var packed = ProtocolBufferReader(bytes, range, depth: depth)
      while packed.offset < packed.end {
        numbers.append(Number(littleEndian: try packed.load(Number.self)))
      }
    default: throw unexpected(field, "numbers of \(Number.bitWidth) bits")
    }
  }

  private func unexpected(_ field: ProtocolBufferField, _ needed: String) -> ProtocolBufferError {
    error("field \(field.number) must hold \(needed), but holds something else", field.offset)
  }
}

/// Writes the fields of a message.
package struct ProtocolBufferWriter {
  /// What has been written.
  package private(set) var bytes: [UInt8] = []

  package init() {}

  /// A whole number; a negative one takes ten bytes.
  package mutating func integer(_ number: Int, _ value: Int) {
    varint(UInt64(number) << 3)
    varint(UInt64(bitPattern: Int64(value)))
  }

  /// Whole numbers, each a field of its own.
  package mutating func integers(_ number: Int, _ values: [Int]) {
    for value in values { integer(number, value) }
  }

  /// Four bytes.
  package mutating func float(_ number: Int, _ value: Float) {
    varint(UInt64(number) << 3 | 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Eight bytes.
  package mutating func double(_ number: Int, _ value: Double) {
    varint(UInt64(number) << 3 | 1)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// A text.
  package mutating func text(_ number: Int, _ value: String) {
    data(number, Array(value.utf8))
  }

  /// Bytes.
  package mutating func data(_ number: Int, _ value: [UInt8]) {
    header(number, byteCount: value.count)
    bytes.append(contentsOf: value)
  }

  /// A message, which `body` writes.
  package mutating func message(_ number: Int, _ body: (inout ProtocolBufferWriter) -> Void) {
    var inner = ProtocolBufferWriter()
    body(&inner)
    header(number, byteCount: inner.bytes.count)
    bytes.append(contentsOf: inner.bytes)
  }

  /// The head of a field of bytes, which are to follow.
  package mutating func header(_ number: Int, byteCount: Int) {
    varint(UInt64(number) << 3 | 2)
    varint(UInt64(byteCount))
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
