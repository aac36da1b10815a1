import TapestryFiles
import TestSupport
import Testing

/// All fields of the message that `bytes` are, inner ones not looked into.
private func fields(_ bytes: [UInt8]) throws(ProtocolBufferError) -> [ProtocolBufferField] {
  try bytes.withUnsafeBufferPointer { buffer throws(ProtocolBufferError) in
    var reader = ProtocolBufferReader(UnsafeRawBufferPointer(buffer))
    var fields: [ProtocolBufferField] = []
    while let field = try reader.next() { fields.append(field) }
    return fields
  }
}

/// What is wrong with `bytes`, or nil.
private func problem(_ bytes: [UInt8]) -> String? {
  do throws(ProtocolBufferError) {
    _ = try fields(bytes)
    return nil
  } catch {
    return "\(error)"
  }
}

@Suite("Protocol buffers")
struct ProtocolBufferTests {
  @Test("fields of every wire type are read with their offsets, groups skipped")
  func wireTypes() throws {
    let bytes: [UInt8] = [
      0x08, 0x96, 0x01,  // 1: varint 150
      0x15, 0, 0, 0x80, 0x3F,  // 2: fixed32, 1.0
      0x19, 1, 0, 0, 0, 0, 0, 0, 0x80,  // 3: fixed64
      0x22, 2, 0x68, 0x69,  // 4: "hi"
      0x2B, 0x0B, 0x0C, 0x08, 0x01, 0x2C,  // 5: a group with another, of number 1, in it
      0xF8, 0xFF, 0xFF, 0xFF, 0x0F, 0x00,  // the largest field number
    ]
    let read = try fields(bytes)
    #expect(read.map(\.number) == [1, 2, 3, 4, 5, (1 << 29) - 1])
    #expect(read.map(\.offset) == [0, 3, 8, 17, 21, 27])
    #expect(
      read.map(\.content) == [
        .varint(150), .fixed32(0x3F80_0000), .fixed64(0x8000_0000_0000_0001), .bytes(19..<21),
        .group, .varint(0),
      ])
  }

  @Test("the largest number of the format is read, and one bit more refused")
  func largest() throws {
    let ones = [UInt8](repeating: 0xFF, count: 9)
    #expect(try fields([0x08] + ones + [0x01]).first?.content == .varint(.max))
    #expect(problem([0x08] + ones + [0x02]) == "a number does not fit 64 bits (byte 1)")
    #expect(problem([0x08] + ones + [0x81, 0x00]) == "a number does not fit 64 bits (byte 1)")
    #expect(
      problem([UInt8](repeating: 0x80, count: 100)) == "a number does not fit 64 bits (byte 0)")
  }

  @Test(
    "bytes that are no message are refused with their offset",
    arguments: [
      ([0x08], "the message ends inside a number (byte 1)"),
      ([0x08, 0x80], "the message ends inside a number (byte 1)"),
      ([0x15, 0, 0, 0], "the message ends inside a number (byte 1)"),
      ([0x19, 0, 0, 0], "the message ends inside a number (byte 1)"),
      (
        [0x08, 1, 0x22, 3, 0, 0], "field 4 claims 3 bytes, but its message has only 2 left (byte 3)"
      ),
      (
        [0x22, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        "field 4 claims 18446744073709551615 bytes, but its message has only 0 left (byte 1)"
      ),
      ([0x00, 0x00], "0 is no field number (byte 0)"),
      ([0x80, 0x80, 0x80, 0x80, 0x10, 0x00], "536870912 is no field number (byte 0)"),
      ([0x0E], "field 1 has the unknown wire type 6 (byte 0)"),
      ([0x0F], "field 1 has the unknown wire type 7 (byte 0)"),
      ([0x0C], "a group ends that did not begin (byte 0)"),
      ([0x0B, 0x08, 0x01], "the group 1 does not end (byte 0)"),
      ([0x0B, 0x14], "group 2 ends inside group 1 (byte 1)"),
    ] as [([UInt8], String)])
  func refused(bytes: [UInt8], reason: String) {
    #expect(problem(bytes) == reason)
  }

  @Test("groups in each other have a limit")
  func nestedGroups() {
    let limit = ProtocolBufferReader.maximumDepth
    func nested(_ depth: Int) -> [UInt8] {
      [UInt8](repeating: 0x0B, count: depth) + [UInt8](repeating: 0x0C, count: depth)
    }
    #expect(problem(nested(limit)) == nil)
    #expect(
      problem(nested(limit + 1)) == "messages lie in each other more than 64 deep (byte 64)")
    #expect(
      problem([UInt8](repeating: 0x0B, count: 1_000_000))?.contains("more than 64 deep") == true)
  }

  @Test("messages in each other have a limit")
  func nestedMessages() throws {
    var bytes: [UInt8] = []
    for _ in 0..<100 {
      var writer = ProtocolBufferWriter()
      writer.data(1, bytes)
      bytes = writer.bytes
    }
    let depth = bytes.withUnsafeBytes { buffer in
      var reader = ProtocolBufferReader(buffer)
      var depth = 0
      while let field = try? reader.next(), let inner = try? reader.message(field) {
        reader = inner
        depth += 1
      }
      return depth
    }
    #expect(depth == ProtocolBufferReader.maximumDepth)
  }

  @Test("numbers are read packed and one by one, and back from what was written")
  func numbers() throws {
    var writer = ProtocolBufferWriter()
    writer.integers(1, [0, -1, 300])
    writer.data(1, [0x05, 0xAC, 0x02])
    writer.float(2, 1.5)
    writer.data(2, [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0])
    writer.text(3, "Größe")
    writer.message(4) { $0.integer(1, .min) }
    try writer.bytes.withUnsafeBytes { buffer in
      var reader = ProtocolBufferReader(buffer)
      var (integers, bits): ([Int], [UInt32]) = ([], [])
      var (text, inner) = ("", 0)
      while let field = try reader.next() {
        switch field.number {
        case 1: try reader.append(field, to: &integers)
        case 2: try reader.append(field, to: &bits)
        case 3: text = try reader.text(field)
        default:
          var message = try reader.message(field)
          if let field = try message.next() { inner = try message.integer(field) }
        }
      }
      #expect(integers == [0, -1, 300, 5, 300])
      #expect(bits.map(Float.init(bitPattern:)) == [1.5, 1, -2])
      #expect(text == "Größe")
      #expect(inner == .min)
    }
  }

  @Test("a field that holds something else than is asked for is refused")
  func kinds() throws {
    let bytes: [UInt8] = [0x08, 0x01, 0x12, 0x01, 0xFF]
    try bytes.withUnsafeBytes { buffer in
      var reader = ProtocolBufferReader(buffer)
      let number = try reader.next()!
      let text = try reader.next()!
      func reason(_ body: () throws -> Void) -> String? {
        do {
          try body()
          return nil
        } catch {
          return "\(error)"
        }
      }
      #expect(
        reason { _ = try reader.text(number) }
          == "field 1 must hold bytes, but holds something else (byte 0)")
      #expect(
        reason { _ = try reader.integer(text) }
          == "field 2 must hold a whole number, but holds something else (byte 2)")
      #expect(
        reason { _ = try reader.float(text) }
          == "field 2 must hold four bytes, but holds something else (byte 2)")
      #expect(reason { _ = try reader.text(text) } == "field 2 is a text, but not UTF-8 (byte 4)")
      var words: [UInt64] = []
      #expect(
        reason { try reader.append(number, to: &words) }
          == "field 1 must hold numbers of 64 bits, but holds something else (byte 0)")
      #expect(
        reason { try reader.append(text, to: &words) }
          == "the message ends inside a number (byte 4)")
    }
  }

  @Test("whatever the bytes are, reading ends with fields that lie inside or an error")
  func randomBytes() {
    var random = Mutations(seed: 4)
    for _ in 0..<20_000 {
      let count = Int.random(in: 0..<40, using: &random)
      let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
      do throws(ProtocolBufferError) {
        for field in try fields(bytes) {
          if case .bytes(let range) = field.content { #expect(range.upperBound <= count) }
        }
      } catch {
        #expect((0...count).contains(error.offset))
      }
    }
  }
}
