import TapestryFiles
import TestSupport
import Testing

/// A file with `header` and `dataCount` bytes of data counting up from 0.
func safetensors(_ header: String, dataCount: Int = 0) -> [UInt8] {
  let text = Array(header.utf8)
  let length = withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init)
  return length + text + (0..<dataCount).map { UInt8(truncatingIfNeeded: $0) }
}

@Suite("Safetensors file")
struct SafetensorsFileTests {
  @Test("entries come in the order of their bytes, with metadata")
  func entries() throws {
    let file = try SafetensorsFile(
      bytes: safetensors(
        """
        {"b":{"dtype":"I16","shape":[2,1],"data_offsets":[4,8]},"__metadata__":{"k":"v"},
        "none":{"dtype":"F64","shape":[3,0],"data_offsets":[4,4]},
        "a":{"data_offsets":[0,4],"shape":[],"dtype":"U32"}}
        """ + "   ", dataCount: 8))
    #expect(file.entries.map(\.name) == ["a", "none", "b"])
    #expect(file.entries.map(\.dtype) == [.uint32, .float64, .int16])
    #expect(file.entries.map(\.shape) == [[], [3, 0], [2, 1]])
    #expect(file.entries.map(\.elementCount) == [1, 0, 2])
    #expect(file.metadata == ["k": "v"])
    #expect(file["c"] == nil)
    let entry = try #require(file["b"])
    #expect(entry.byteRange == 4..<8)
    #expect(file.withUnsafeBytes(of: entry) { Array($0) } == [4, 5, 6, 7])
  }

  @Test("elements are read from bytes that are not aligned")
  func unaligned() throws {
    let file = try SafetensorsFile(
      bytes: safetensors(
        """
        {"byte":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
        "long":{"dtype":"I64","shape":[2],"data_offsets":[1,17]}}
        """, dataCount: 17))
    let long = try #require(file["long"])
    let values: [Int64]? = file.elements(of: long)
    #expect(values == [0x0807_0605_0403_0201, 0x100F_0E0D_0C0B_0A09])
    #expect(file.elements(of: long, as: Double.self) == nil)
    #expect(file.elements(of: long, as: Int32.self) == nil)
    #expect(file.elements(of: try #require(file["byte"]), as: UInt8.self) == [0])
  }

  @Test("a file without entries is one")
  func empty() throws {
    let file = try SafetensorsFile(bytes: safetensors("{}"))
    #expect(file.entries.isEmpty && file.metadata.isEmpty)
  }

  @Test("every dtype has its size", arguments: SafetensorsDType.allCases)
  func sizes(dtype: SafetensorsDType) throws {
    let count = 3 * dtype.itemSize
    let header =
      #"{"x":{"dtype":"\#(dtype.rawValue)","shape":[3],"data_offsets":[0,\#(count)]}}"#
    let file = try SafetensorsFile(bytes: safetensors(header, dataCount: count))
    #expect(file.entries.first?.dtype == dtype)
    #expect(throws: SafetensorsError.self) {
      try SafetensorsFile(bytes: safetensors(header, dataCount: count + 1))
    }
  }

  @Test(
    "a file whose header cannot be read is refused",
    arguments: [
      ([], "has 0 bytes, but the length of the header alone takes 8"),
      ([2, 0, 0, 0, 0, 0, 0], "has 7 bytes, but the length of the header alone takes 8"),
      (
        [3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D],
        "claims a header of 3 bytes, but only 2 follow; "
          + "the file is truncated: copy or download it again"
      ),
      (
        [0, 0, 0, 0, 0, 0, 0, 0x80],
        "claims a header of 9223372036854775808 bytes, but at most 100000000 are allowed; "
          + "is it really a safetensors file?"
      ),
      (safetensors(""), "the header does not begin with '{'"),
      (safetensors(" {}"), "the header does not begin with '{'"),
      (safetensors("[]"), "the header does not begin with '{'"),
      (
        safetensors("{"),
        "the header is not valid JSON: expected a key in double quotes, found the end of the text "
          + "(line 1, column 2, byte 1)"
      ),
      (
        safetensors("{}\0"),
        "the header is not valid JSON: expected the end of the text, found byte 0x00 "
          + "(line 1, column 3, byte 2)"
      ),
      (
        safetensors(#"{"a":1,"a":2}"#),
        "the header is not valid JSON: repeated key \"a\" (line 1, column 8, byte 7)"
      ),
    ] as [([UInt8], String)])
  func unreadable(bytes: [UInt8], expected: String) {
    #expect(message { try SafetensorsFile(bytes: bytes) } == expected)
  }

  @Test(
    "an entry that is wrong is refused",
    arguments: [
      (#"{"a":[]}"#, #""a": is an array, but must be an object"#),
      (
        #"{"a":{"shape":[],"data_offsets":[0,8]}}"#,
        #""a": dtype is missing, but must be one of F64 F32 F16 BF16 F8_E4M3 F8_E5M2 F8_E8M0 C64 "#
          + "I64 I32 I16 I8 U64 U32 U16 U8 BOOL"
      ),
      (
        #"{"a":{"dtype":"F4","shape":[],"data_offsets":[0,8]}}"#,
        #""a": dtype is "F4", but must be one of F64 F32 F16 BF16 F8_E4M3 F8_E5M2 F8_E8M0 C64 "#
          + "I64 I32 I16 I8 U64 U32 U16 U8 BOOL"
      ),
      (
        #"{"a":{"dtype":"U8","data_offsets":[0,8]}}"#,
        #""a": shape is missing, but must be an array of sizes"#
      ),
      (
        #"{"a":{"dtype":"U8","shape":[8,-1],"data_offsets":[0,8]}}"#,
        #""a": shape is [8,-1], but must be an array of sizes"#
      ),
      (
        #"{"a":{"dtype":"U8","shape":[8.0],"data_offsets":[0,8]}}"#,
        #""a": shape is [8.0], but must be an array of sizes"#
      ),
      (
        #"{"a":{"dtype":"U8","shape":[8]}}"#,
        #""a": data_offsets is missing, but must be [begin, end]"#
      ),
      (
        #"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8,8]}}"#,
        #""a": data_offsets is [0,8,8], but must be [begin, end]"#
      ),
      (
        #"{"a":{"dtype":"U8","shape":[8],"data_offsets":[8,0]}}"#,
        #""a": data_offsets [8, 0] end before they begin"#
      ),
      (
        #"{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}"#,
        #""a": data_offsets [0, 9] exceed the 8 bytes of data"#
      ),
      (
        #"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#,
        #""a": shape [4294967296,4294967296] is too large"#
      ),
      (
        #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
        #""a": shape [3] of F32 takes 12 bytes, but data_offsets [0, 8] hold 8"#
      ),
      (
        #"{"a":{"dtype":"U8","shape":[7],"data_offsets":[0,7]}}"#,
        "bytes 7..<8 of the data, at the end, belong to no entry"
      ),
      (
        #"{"a":{"dtype":"U8","shape":[7],"data_offsets":[1,8]}}"#,
        #"bytes 0..<1 of the data, before "a", belong to no entry"#
      ),
      ("{}", "bytes 0..<8 of the data, at the end, belong to no entry"),
      (
        #"{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},"#
          + #""b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#,
        #""b" begins at byte 4, inside "a""#
      ),
      (
        #"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"__metadata__":[]}"#,
        "__metadata__ is an array, but must be an object of strings"
      ),
      (
        #"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"__metadata__":{"k":1}}"#,
        #"__metadata__ "k" is an integer, but must be a string"#
      ),
    ])
  func wrongEntries(header: String, expected: String) {
    #expect(message { try SafetensorsFile(bytes: safetensors(header, dataCount: 8)) } == expected)
  }

  @Test("all problems are listed at once, behind the path")
  func allProblems() throws {
    let directory = try TemporaryDirectory()
    let header =
      #"{"a":1,"b":{"dtype":"U8","shape":[2],"data_offsets":[0,3]},"c":{"dtype":"I8"}}"#
    let path = try directory.file("bad.safetensors", safetensors(header, dataCount: 3))
    #expect(
      message { try SafetensorsFile(path: path) } == """
        \(path): safetensors: 4 problems
          "a": is an integer, but must be an object
          "b": shape [2] of U8 takes 2 bytes, but data_offsets [0, 3] hold 3
          "c": shape is missing, but must be an array of sizes
          "c": data_offsets is missing, but must be [begin, end]
        """)
  }

  @Test("an entry of another file is a mistake of the program")
  func foreignEntry() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let header = #"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}"#
      let entry = try SafetensorsFile(bytes: safetensors(header, dataCount: 8)).entries[0]
      let empty = try SafetensorsFile(bytes: safetensors("{}"))
      empty.withUnsafeBytes(of: entry) { _ in }
    }
    let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(text.contains("SafetensorsFile: entry a is of another file"))
  }

  @Test("ten thousand damaged files are read or refused, never a crash")
  func damaged() throws {
    let header = """
      {"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},\
      "b":{"dtype":"I64","shape":[],"data_offsets":[24,32]},\
      "c":{"dtype":"BOOL","shape":[0,4],"data_offsets":[32,32]}}
      """
    let good = safetensors(header, dataCount: 32)
    var mutations = Mutations(seed: 5)
    var refused = 0
    for _ in 0..<10_000 {
      do throws(SafetensorsError) {
        let file = try SafetensorsFile(bytes: mutations.damaged(good))
        var covered = 0
        for entry in file.entries {
          #expect(entry.byteRange.lowerBound == covered)
          covered = entry.byteRange.upperBound
          let bytes = file.withUnsafeBytes(of: entry) { Array($0) }
          #expect(bytes.count == entry.elementCount * entry.dtype.itemSize)
        }
      } catch {
        refused += 1
      }
    }
    #expect((5000..<10_000).contains(refused))
  }
}
