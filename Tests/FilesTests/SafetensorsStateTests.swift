import TapestryFiles
import Testing

@Suite("Safetensors files with an index")
struct SafetensorsStateTests {
  private let folder: TemporaryDirectory

  init() throws {
    folder = try TemporaryDirectory()
    try SafetensorsFile.write(
      [item("a", [1, 2]), item("b", [3])], metadata: ["format": "pt", "part": "1"],
      to: folder("one.safetensors"))
    try SafetensorsFile.write(
      [item("c", [4, 5, 6])], metadata: ["part": "2", "more": "x"], to: folder("two.safetensors"))
  }

  private func item(_ name: String, _ values: [Float]) -> SafetensorsItem {
    SafetensorsItem(name: name, shape: [values.count], elements: values)
  }

  private func index(_ map: String, name: String = "model.safetensors.index.json") throws -> String
  {
    try folder.file(name, #"{"metadata": {"total_size": 24, "by": "me"}, "weight_map": {\#(map)}}"#)
  }

  private func problems(_ map: String) throws -> [String] {
    let path = try index(map)
    let error = #expect(throws: FileError.self) { try SafetensorsState(path: path) }
    guard case .malformed("safetensors index", let problems)? = error?.cause else {
      Issue.record("\(String(describing: error))")
      return []
    }
    return problems
  }

  private static let one = #""a": "one.safetensors", "b": "one.safetensors""#

  @Test("arrays come from all files, texts from the index and then the files in order")
  func sharded() throws {
    let path = try index(#"\#(Self.one), "c": "two.safetensors""#)
    let state = try SafetensorsState(path: path)
    #expect(state.entries.map(\.name) == ["a", "b", "c"])
    #expect(state.metadata == ["by": "me", "format": "pt", "part": "1", "more": "x"])
    let sums = state.entries.map { entry in
      state.withUnsafeBytes(of: entry) { bytes in
        (0..<bytes.count / 4).reduce(Float(0)) {
          $0 + bytes.loadUnaligned(fromByteOffset: 4 * $1, as: Float.self)
        }
      }
    }
    #expect(sums == [3, 3, 15])
    #expect(state["c"]?.shape == [3] && state["d"] == nil)
    let single = try SafetensorsState(path: folder("two.safetensors"))
    #expect(single.entries.map(\.name) == ["c"])
  }

  @Test("the arrays under a prefix go by the rest of their names")
  func prefix() throws {
    let path = folder("parts.safetensors")
    try SafetensorsFile.write(
      [item("net.a", [1, 2]), item("other", [3]), item("net.b.a", [4])], metadata: ["x": "y"],
      to: path)
    let net = try SafetensorsState(path: path).under("net.")
    #expect(net.entries.map(\.name) == ["a", "b.a"] && net.metadata == ["x": "y"])
    let deeper = net.under("b.")
    let entry = try #require(deeper["a"])
    #expect(
      deeper.withUnsafeBytes(of: entry) { $0.loadUnaligned(as: Float.self) } == 4)
    #expect(net["other"] == nil && net.under("none").entries.isEmpty)
  }

  @Test(
    "a file name that leads out of the folder is refused",
    arguments: [
      "../one.safetensors", "/etc/passwd", "sub/one.safetensors", "..", ".", "", #"..\\one"#,
      #"one\u0000.safetensors"#,
    ])
  func outside(name: String) throws {
    let found = try problems(#"\#(Self.one), "c": "\#(name)""#)
    #expect(found.count == 1)
    #expect(found.first?.hasPrefix("\"c\" is in \"") == true)
    #expect(found.first?.hasSuffix("which is no file name of this folder") == true)
  }

  @Test("missing files, names in another file, in none and in two are all listed")
  func wrongMaps() throws {
    #expect(
      try problems(#"\#(Self.one), "c": "three.safetensors", "d": "four.safetensors""#) == [
        "\"four.safetensors\" cannot open the file: No such file or directory; check the path",
        "\"three.safetensors\" cannot open the file: No such file or directory; check the path",
      ])
    #expect(
      try problems(#""a": "two.safetensors", "b": "one.safetensors", "c": "two.safetensors""#) == [
        "\"a\" is not in \"two.safetensors\"; it is in \"one.safetensors\""
      ])
    #expect(
      try problems(#"\#(Self.one), "c": "two.safetensors", "d": "two.safetensors""#) == [
        "\"d\" is not in \"two.safetensors\""
      ])
    #expect(
      try problems(#""a": "one.safetensors", "c": "two.safetensors""#) == [
        "\"b\" of \"one.safetensors\" is not in the weight_map"
      ])
    try SafetensorsFile.write([item("a", [9])], to: folder("twice.safetensors"))
    #expect(
      try problems(#"\#(Self.one), "c": "two.safetensors", "d": "twice.safetensors""#) == [
        "\"d\" is not in \"twice.safetensors\"",
        "\"a\" is in \"one.safetensors\" and in \"twice.safetensors\"",
      ])
    #expect(try problems(#""a": 3, "b": null"#).count == 2)
    #expect(try problems("") == ["weight_map is empty"])
  }

  @Test(
    "what is no index is refused",
    arguments: [
      "", "[]", "{", "{}", #"{"weight_map": []}"#, #"{"weight_map": {"a": "a", "a": "b"}}"#,
      String(repeating: "[", count: 100_000),
    ])
  func noIndex(text: String) throws {
    let path = try folder.file("bad.json", text)
    #expect(throws: FileError.self) { try SafetensorsState(path: path) }
  }

  @Test("a shard that is cut off is refused, and no mutation of an index crashes")
  func mutations() throws {
    let good = #"\#(Self.one), "c": "two.safetensors""#
    let path = try index(good)
    let bytes = try folder.bytes(path)
    for place in bytes.indices {
      for value in [UInt8(0), 34, 47, 123, 255] {
        var changed = bytes
        changed[place] = value
        let file = try folder.file("changed.json", changed)
        if let state = try? SafetensorsState(path: file) {
          #expect(state.entries.map(\.name) == ["a", "b", "c"])
        }
      }
    }
    let shard = try folder.bytes(folder("two.safetensors"))
    _ = try folder.file("two.safetensors", Array(shard.dropLast()))
    let found = try problems(good)
    #expect(found.count == 1 && found[0].hasPrefix("\"two.safetensors\" safetensors: "))
  }
}
