import TapestryFiles
import TestSupport
import Testing

/// A small file with a message of every kind.
private func sampleModel() -> ONNX.Model {
  var model = ONNX.Model()
  model.producer = "tests"
  model.producerVersion = "1"
  model.opsets = [("", 17), ("ai.onnx.ml", 3)]
  model.metadata = [("name", "sample")]
  var graph = ONNX.Graph()
  graph.name = "graph"
  let table = ONNX.Tensor(
    name: "", dimensions: [2], type: .int64,
    content: .memory([1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]))
  graph.nodes = [
    ONNX.Node(
      "Conv", name: "conv1", inputs: ["x", "conv1.weight", ""], outputs: ["y"],
      attributes: [
        ONNX.Attribute("pads", .integers([1, 2, 3, -4])), ONNX.Attribute("group", .integer(1)),
        ONNX.Attribute("auto_pad", .text("NOTSET")), ONNX.Attribute("alpha", .float(0.5)),
        ONNX.Attribute("scales", .floats([1, -0.25])), ONNX.Attribute("names", .texts(["a", ""])),
        ONNX.Attribute("value", .tensor(table)),
      ])
  ]
  graph.inputs = [
    ONNX.ValueInfo(
      name: "x", type: .float, shape: [.symbol("N"), .size(3), .unknown, .size(0)]),
    ONNX.ValueInfo(name: "any", type: .bool, shape: nil),
  ]
  graph.outputs = [ONNX.ValueInfo(name: "y", type: .float, shape: [])]
  model.graph = graph
  return model
}

/// The file of ``sampleModel()`` with a weight of six numbers.
private func sampleFile() throws -> [UInt8] {
  let directory = try TemporaryDirectory()
  let path = directory("sample.onnx")
  let weight = ONNXItem(name: "conv1.weight", dimensions: [2, 3], type: .float) {
    consume throws(FileError) in
    try [1, 2, 3, 4, 5, 6 as Float].withUnsafeBufferPointer { numbers throws(FileError) in
      try consume(UnsafeRawBufferPointer(numbers))
    }
  }
  try ONNXFile.write(sampleModel(), items: [weight], to: path)
  return try MappedFile(path: path).withUnsafeBytes { Array($0) }
}

/// A message from a writer.
private func message(_ body: (inout ProtocolBufferWriter) -> Void) -> [UInt8] {
  var writer = ProtocolBufferWriter()
  body(&writer)
  return writer.bytes
}

/// A file whose graph has that tensor as its only initialiser.
private func file(tensor: (inout ProtocolBufferWriter) -> Void) throws -> ONNXFile {
  try ONNXFile(bytes: message { $0.message(7) { $0.message(5, tensor) } })
}

@Suite("ONNX file")
struct ONNXFileTests {
  @Test("what was written is read")
  func roundTrip() throws {
    let file = try ONNXFile(bytes: sampleFile())
    var graph = try #require(file.model.graph)
    let weight = try #require(graph.initializers.first)
    #expect(graph.initializers.count == 1)
    #expect(weight.name == "conv1.weight" && weight.dimensions == [2, 3] && weight.type == .float)
    let numbers = file.withElements(of: weight) { bytes in
      (0..<6).map { bytes?.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    #expect(numbers == [1, 2, 3, 4, 5, 6])
    // The tensor of the attribute is in the file now.
    guard case .tensor(let table) = graph.nodes[0].attributes[6].value else {
      Issue.record("the attribute is no tensor")
      return
    }
    let last = file.withElements(of: table) {
      $0?.loadUnaligned(fromByteOffset: 8, as: Int64.self)
    }
    #expect(last == -1)
    var expected = sampleModel()
    expected.graph?.initializers = [weight]
    expected.graph?.nodes[0].attributes[6] = graph.nodes[0].attributes[6]
    #expect(file.model == expected)
    graph.nodes = []
    #expect(file.model.graph != graph)
  }

  @Test("numbers in the fields for them are read as the types they stand for")
  func typedFields() throws {
    func elements(_ type: ONNX.DataType, _ field: (inout ProtocolBufferWriter) -> Void) throws
      -> [UInt8]?
    {
      let file = try file { tensor in
        tensor.integer(1, 2)
        tensor.integer(2, type.rawValue)
        field(&tensor)
      }
      let tensor = try #require(file.model.graph?.initializers.first)
      return file.withElements(of: tensor) { $0.map { Array($0) } }
    }
    #expect(
      try elements(.float) { $0.data(4, [0, 0, 0x80, 0x3F, 0, 0, 0, 0]) }
        == [0, 0, 0x80, 0x3F, 0, 0, 0, 0])
    #expect(try elements(.int32) { $0.integers(5, [-1, 2]) } == [255, 255, 255, 255, 2, 0, 0, 0])
    #expect(try elements(.bool) { $0.data(5, [1, 0]) } == [1, 0])
    #expect(try elements(.int8) { $0.integers(5, [-1, 127]) } == [255, 127])
    #expect(try elements(.float16) { $0.integers(5, [0x3C00, 0xC000]) } == [0, 0x3C, 0, 0xC0])
    #expect(try elements(.bfloat16) { $0.integers(5, [0x3F80, 1]) } == [0x80, 0x3F, 1, 0])
    #expect(
      try elements(.int64) { $0.integers(7, [1, -2]) }
        == [1, 0, 0, 0, 0, 0, 0, 0, 254] + [UInt8](repeating: 255, count: 7))
    #expect(try elements(.uint32) { $0.integers(11, [1, 2]) } == [1, 0, 0, 0, 2, 0, 0, 0])
    #expect(try elements(.double) { $0.data(10, Array(0..<16)) } == Array(0..<16))
    #expect(try elements(.uint16) { $0.data(9, [1, 2, 3, 4]) } == [1, 2, 3, 4])
    // A type that is not read is no error until somebody needs it.
    #expect(try elements(ONNX.DataType(rawValue: 8)) { $0.text(6, "a") } == nil)
    #expect(ONNX.DataType(rawValue: 8).description == "string")
    #expect(ONNX.DataType(rawValue: 77).description == "type 77")
  }

  @Test("tensors whose bytes do not fit their dimensions are refused")
  func sizes() {
    func reason(_ dimensions: [Int], _ type: ONNX.DataType, _ raw: [UInt8]) -> String? {
      do {
        _ = try file { tensor in
          tensor.integers(1, dimensions)
          tensor.integer(2, type.rawValue)
          tensor.text(8, "w")
          tensor.data(9, raw)
        }
        return nil
      } catch {
        return (error as? ProtocolBufferError)?.reason
      }
    }
    #expect(reason([2], .float, Array(0..<8)) == nil)
    #expect(reason([], .float, Array(0..<4)) == nil)
    #expect(reason([3, 0], .float, []) == nil)
    #expect(
      reason([2], .float, [1]) == #"tensor "w": [2] of float takes 8 bytes, but there are 1"#)
    let negative = #"tensor "w": the dimensions [-1] are negative or too large"#
    #expect(reason([-1], .float, []) == negative)
    #expect(reason([1 << 40, 1 << 40], .float, [])?.contains("negative or too large") == true)
    #expect(reason([.max], .double, [])?.contains("negative or too large") == true)
    #expect(reason([.max, 0], .double, [])?.contains("negative or too large") == true)
  }

  @Test("a number that its type cannot hold is refused")
  func overflow() throws {
    #expect(throws: ProtocolBufferError.self) {
      try file { tensor in
        tensor.integer(1, 1)
        tensor.integer(2, ONNX.DataType.uint8.rawValue)
        tensor.integer(5, 256)
      }
    }
  }

  @Test("external data is said to be elsewhere")
  func external() throws {
    let file = try file { tensor in
      tensor.integer(1, 1000)
      tensor.integer(2, 1)
      tensor.message(13) {
        $0.text(1, "location")
        $0.text(2, "weights.bin")
      }
      tensor.integer(14, 1)
    }
    #expect(file.model.graph?.initializers.first?.content == .external("weights.bin"))
  }

  @Test("a file cut at any byte is refused or lacks what was cut off")
  func truncated() throws {
    let bytes = try sampleFile()
    let whole = try ONNXFile(bytes: bytes).model
    for count in 0..<bytes.count {
      do throws(ProtocolBufferError) {
        #expect(try ONNXFile(bytes: Array(bytes[..<count])).model != whole, "cut to \(count)")
      } catch {
        #expect((0...count).contains(error.offset))
      }
    }
  }

  @Test("damaged files are read or refused, never more", arguments: 0..<4 as Range<UInt64>)
  func damaged(seed: UInt64) throws {
    let bytes = try sampleFile()
    var mutations = Mutations(seed: seed)
    var refused = 0
    for _ in 0..<3_000 {
      let copy = mutations.damaged(bytes)
      do throws(ProtocolBufferError) {
        let file = try ONNXFile(bytes: copy)
        for tensor in file.model.graph?.initializers ?? [] {
          let count = file.withElements(of: tensor) { $0?.count }
          if let count { #expect(count == tensor.elementCount! * tensor.type.itemSize!) }
        }
      } catch {
        refused += 1
        #expect((0...copy.count).contains(error.offset))
      }
    }
    #expect(refused > 100)
  }

  @Test("a file on the disk is refused with its path, and nothing is written of a wrong tensor")
  func files() throws {
    let directory = try TemporaryDirectory()
    let path = directory("bad.onnx")
    try AtomicFile.write([0x08], to: path)
    #expect {
      try ONNXFile(path: path)
    } throws: { error in
      "\(error)" == "\(path): is not an ONNX file: the message ends inside a number (byte 1)"
    }
    let short = ONNXItem(name: "w", dimensions: [2], type: .float) { consume throws(FileError) in
      try [UInt8(1)].withUnsafeBufferPointer { bytes throws(FileError) in
        try consume(UnsafeRawBufferPointer(bytes))
      }
    }
    #expect {
      try ONNXFile.write(sampleModel(), items: [short], to: path)
    } throws: { error in
      "\(error)".contains(#""w": [2] of float takes 8 bytes, but 1 were given"#)
    }
    let huge = ONNXItem(name: "w", dimensions: [1 << 30], type: .float) { _ in }
    #expect {
      try ONNXFile.write(sampleModel(), items: [huge], to: path)
    } throws: { error in
      "\(error)".contains("more than the 2 GiB")
    }
    #expect(try MappedFile(path: path).withUnsafeBytes { Array($0) } == [0x08])
  }
}
