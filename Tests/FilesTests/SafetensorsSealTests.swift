import CTapestryKernels
import TapestryFiles
import TestSupport
import Testing

@Suite("Checksums of safetensors files")
struct SafetensorsSealTests {
  private func sample(_ scratch: Scratch) throws -> [UInt8] {
    let path = scratch("sample.safetensors")
    try SafetensorsFile.write(
      [
        SafetensorsItem(name: "conv.weight", shape: [2, 3], elements: (0..<6).map(Float.init)),
        SafetensorsItem(name: "empty", shape: [0], elements: [Float]()),
        SafetensorsItem(name: "step", shape: [], elements: [Int64(41)]),
      ], metadata: ["model": "lenet5", "tapestry_crc32d": "\"tapestry_crc32c\":\""], to: path)
    return try Scratch.bytes(path)
  }

  @Test("CRC-32C gives the published values, by instruction and by table, in pieces too")
  func published() {
    let check = Array("123456789".utf8)
    // RFC 3720, appendix B.4.
    let cases: [([UInt8], UInt32)] = [
      (check, 0xE306_9283), ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
      ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43), (Array(0..<32), 0x46DD_794E), ([], 0),
    ]
    for (bytes, expected) in cases {
      #expect(tapestry_crc32c(0, bytes, bytes.count) == expected)
      #expect(tapestry_crc32c_by_table(0, bytes, bytes.count) == expected)
    }
    for cut in 0...check.count {
      let first = tapestry_crc32c(0, check, cut)
      let rest = Array(check[cut...])
      #expect(tapestry_crc32c(first, rest, rest.count) == 0xE306_9283)
    }
  }

  @Test("every flipped bit is noticed, in the header and in the arrays")
  func everyBit() throws {
    let scratch = try Scratch()
    let bytes = try sample(scratch)
    let intact = try SafetensorsFile(bytes: bytes)
    #expect(intact.hasChecksums)
    #expect(intact.metadata == ["model": "lenet5", "tapestry_crc32d": "\"tapestry_crc32c\":\""])
    #expect(throws: Never.self) { try intact.verify() }
    var unnoticed: [Int] = []
    for bit in 0..<8 * bytes.count {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      do {
        let file = try SafetensorsFile(bytes: flipped)
        try file.verify()
        unnoticed.append(bit)
      } catch {
        continue
      }
    }
    #expect(unnoticed.isEmpty, "bits \(unnoticed)")
  }

  @Test("damaged arrays are named")
  func named() throws {
    let scratch = try Scratch()
    var bytes = try sample(scratch)
    bytes[bytes.count - 1] ^= 1
    let file = try SafetensorsFile(bytes: bytes)
    #expect(
      message { try file.verify() }.hasPrefix(
        "\"conv.weight\" is damaged: its checksum should be "))
  }

  @Test("files without checksums open, and those whose header another program wrote anew")
  func foreign() throws {
    let scratch = try Scratch()
    let bytes = try sample(scratch)
    let header = Int(bytes[0]) + Int(bytes[1]) << 8
    // Written anew: another metadata, the old checksums, no space behind the brace.
    var text = String(decoding: bytes[8..<8 + header], as: UTF8.self)
    text = text.replacing("lenet5", with: "alexnet").replacing("{ ", with: "{")
    var length = UInt64(text.utf8.count).littleEndian
    let again =
      withUnsafeBytes(of: &length) { Array($0) } + Array(text.utf8) + bytes[(8 + header)...]
    let file = try SafetensorsFile(bytes: again)
    #expect(!file.hasChecksums)
    #expect(file.metadata["model"] == "alexnet")
    #expect(file.metadata.count == 2)
    #expect(throws: Never.self) { try file.verify() }
  }

  @Test("the same arrays give the same bytes")
  func deterministic() throws {
    let scratch = try Scratch()
    #expect(try sample(scratch) == sample(scratch))
  }
}
