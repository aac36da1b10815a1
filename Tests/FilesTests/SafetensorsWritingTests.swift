import TapestryFiles
import TestSupport
import Testing

@Suite("Safetensors writing")
struct SafetensorsWritingTests {
  private let items = [
    SafetensorsItem(name: "mask", dtype: .bool, shape: [3], bytes: [1, 0, 1]),
    SafetensorsItem(name: "weight", shape: [2, 2], elements: [0.5, -1, .pi, -0.0] as [Float]),
    SafetensorsItem(name: "steps", shape: [], elements: [7] as [Int64]),
    SafetensorsItem(name: "bias", shape: [1], elements: [1e-300] as [Double]),
    SafetensorsItem(name: "none", shape: [0, 5], elements: [] as [Int32]),
    SafetensorsItem(name: "half", dtype: .float16, shape: [1], bytes: [0, 0x3C]),
  ]

  @Test("what is written is read back")
  func roundTrip() throws {
    let directory = try TemporaryDirectory()
    let path = directory("state.safetensors")
    try SafetensorsFile.write(items, metadata: ["b": "2", "a": "é\n"], to: path)
    let file = try SafetensorsFile(path: path)
    #expect(file.metadata == ["a": "é\n", "b": "2"])
    #expect(file.entries.map(\.name) == ["steps", "bias", "weight", "none", "half", "mask"])
    let weight = try #require(file["weight"])
    #expect(weight.shape == [2, 2])
    let values: [Float] = try #require(file.elements(of: weight))
    #expect(values.map(\.bitPattern) == ([0.5, -1, .pi, -0.0] as [Float]).map(\.bitPattern))
    #expect(file.elements(of: try #require(file["steps"])) == [7] as [Int64])
    #expect(file.elements(of: try #require(file["bias"])) == [1e-300])
    #expect(file.elements(of: try #require(file["none"])) == [] as [Int32])
    #expect(file.elements(of: try #require(file["half"])) == [0x3C00] as [UInt16])
    #expect(file.elements(of: try #require(file["mask"])) == [1, 0, 1] as [UInt8])
    #expect(directory.names == ["state.safetensors"])
  }

  @Test("every array is aligned for its type, and the same items give the same bytes")
  func alignment() throws {
    let directory = try TemporaryDirectory()
    for suffix in 0..<9 {
      let path = directory("\(suffix)")
      let metadata = ["k": String(repeating: "x", count: suffix)]
      try SafetensorsFile.write(items, metadata: metadata, to: path)
      let file = try SafetensorsFile(path: path)
      for entry in file.entries {
        file.withUnsafeBytes(of: entry) { bytes in
          #expect(UInt(bitPattern: bytes.baseAddress) % UInt(entry.dtype.itemSize) == 0)
        }
      }
      try SafetensorsFile.write(items, metadata: metadata, to: directory("again"))
      #expect(try directory.bytes(path) == directory.bytes(directory("again")))
    }
  }

  @Test("bytes may come in pieces while the file is written")
  func pieces() throws {
    let directory = try TemporaryDirectory()
    let path = directory("state")
    let item = SafetensorsItem(name: "a", dtype: .uint8, shape: [6]) { consume throws(FileError) in
      for start in stride(from: UInt8(0), to: 6, by: 2) {
        try [start, start + 1].withUnsafeBufferPointer { piece throws(FileError) in
          try consume(UnsafeRawBufferPointer(piece))
        }
      }
    }
    try SafetensorsFile.write([item], to: path)
    let file = try SafetensorsFile(path: path)
    #expect(file.elements(of: file.entries[0]) == [0, 1, 2, 3, 4, 5] as [UInt8])
  }

  @Test("a file without arrays is written")
  func empty() throws {
    let directory = try TemporaryDirectory()
    try SafetensorsFile.write([], to: directory("state"))
    #expect(try directory.bytes(directory("state")) == [8, 0, 0, 0, 0, 0, 0, 0] + "{}      ".utf8)
  }

  @Test("items that make no valid file are refused together, and the old file stays")
  func refusals() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.file("state", "old")
    let bad = [
      SafetensorsItem(name: "a", dtype: .uint8, shape: [1], bytes: [1]),
      SafetensorsItem(name: "a", dtype: .uint8, shape: [1], bytes: [1]),
      SafetensorsItem(name: "__metadata__", dtype: .uint8, shape: [1], bytes: [1]),
      SafetensorsItem(name: "b", dtype: .uint8, shape: [-1], bytes: [1]),
      SafetensorsItem(name: "c", dtype: .float64, shape: [1 << 62], bytes: [1]),
    ]
    #expect(
      message { try SafetensorsFile.write(bad, to: path) } == """
        \(path): safetensors: 4 problems
          "a" is given twice
          "__metadata__" is reserved and cannot name an array
          "b": shape [-1] is negative or too large
          "c": shape [4611686018427387904] is negative or too large
        """)
    let short = SafetensorsItem(name: "d", dtype: .float32, shape: [2, 2], bytes: [1, 2, 3])
    #expect(
      message { try SafetensorsFile.write([bad[0], short], to: path) }
        == "\(path): safetensors: \"d\": shape [2, 2] of F32 takes 16 bytes, but 3 were given")
    let long = SafetensorsItem(name: "e", dtype: .uint8, shape: [1], bytes: [1, 2])
    #expect(throws: FileError.self) { try SafetensorsFile.write([long], to: path) }
    #expect(try directory.bytes(path) == Array("old".utf8))
    #expect(directory.names == ["state"])
  }
}
