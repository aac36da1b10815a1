// Messages from their bytes. Field numbers are those of `onnx.proto`; unknown fields are skipped.

extension ONNX.Model {
  /// The message that `reader` reads.
  init(_ reader: ProtocolBufferReader) throws(ProtocolBufferError) {
    self.init()
    irVersion = 0
    var reader = reader
    while let field = try reader.next() {
      switch field.number {
      case 1: irVersion = try reader.integer(field)
      case 2: producer = try reader.text(field)
      case 3: producerVersion = try reader.text(field)
      case 7:
        // The format allows a message in parts; nobody writes a graph so, and merging is not worth it.
        guard graph == nil else {
          throw ProtocolBufferError(reason: "there is a second graph", offset: field.offset)
        }
        graph = try ONNX.Graph(reader.message(field))
      case 8: opsets.append(try Self.opset(reader.message(field)))
      case 14: metadata.append(try Self.entry(reader.message(field)))
      case 25: functions.append(try Self.functionName(reader.message(field)))
      default: break
      }
    }
  }

  private static func opset(
    _ reader: ProtocolBufferReader
  ) throws(ProtocolBufferError) -> (domain: String, version: Int) {
    var reader = reader
    var result = (domain: "", version: 0)
    while let field = try reader.next() {
      switch field.number {
      case 1: result.domain = try reader.text(field)
      case 2: result.version = try reader.integer(field)
      default: break
      }
    }
    return result
  }

  private static func functionName(
    _ reader: ProtocolBufferReader
  ) throws(ProtocolBufferError) -> String {
    var reader = reader
    var name = ""
    while let field = try reader.next() {
      if field.number == 1 { name = try reader.text(field) }
    }
    return name
  }

  static func entry(
    _ reader: ProtocolBufferReader
  ) throws(ProtocolBufferError) -> (key: String, value: String) {
    var reader = reader
    var result = (key: "", value: "")
    while let field = try reader.next() {
      switch field.number {
      case 1: result.key = try reader.text(field)
      case 2: result.value = try reader.text(field)
      default: break
      }
    }
    return result
  }
}

extension ONNX.Graph {
  init(_ reader: ProtocolBufferReader) throws(ProtocolBufferError) {
    self.init()
    var reader = reader
    while let field = try reader.next() {
      switch field.number {
      case 1: nodes.append(try ONNX.Node(reader.message(field)))
      case 2: name = try reader.text(field)
      case 5: initializers.append(try ONNX.Tensor(reader.message(field)))
      case 11: inputs.append(try ONNX.ValueInfo(reader.message(field)))
      case 12: outputs.append(try ONNX.ValueInfo(reader.message(field)))
      case 15: sparseInitializerCount += 1
      default: break
      }
    }
  }
}

extension ONNX.Node {
  init(_ reader: ProtocolBufferReader) throws(ProtocolBufferError) {
    self.init()
    var reader = reader
    while let field = try reader.next() {
      switch field.number {
      case 1: inputs.append(try reader.text(field))
      case 2: outputs.append(try reader.text(field))
      case 3: name = try reader.text(field)
      case 4: operation = try reader.text(field)
      case 5: attributes.append(try ONNX.Attribute(reader.message(field)))
      case 7: domain = try reader.text(field)
      default: break
      }
    }
  }
}

extension ONNX.Attribute {
  init(_ reader: ProtocolBufferReader) throws(ProtocolBufferError) {
    var reader = reader
    var (name, type) = ("", 0)
    var (float, integer, text) = (Float(0), 0, "")
    var (floats, integers, texts): ([UInt32], [Int], [String]) = ([], [], [])
    var tensor: ONNX.Tensor?
    /// The type that the fields speak of, for files of the first version, which do not state it.
    var seen = 0
    while let field = try reader.next() {
      switch field.number {
      case 1: name = try reader.text(field)
      case 2: (float, seen) = (try reader.float(field), 1)
      case 3: (integer, seen) = (try reader.integer(field), 2)
      case 4: (text, seen) = (try reader.text(field), 3)
      case 5: (tensor, seen) = (try ONNX.Tensor(reader.message(field)), 4)
      case 6: seen = 5
      case 7:
        try reader.append(field, to: &floats)
        seen = 6
      case 8:
        try reader.append(field, to: &integers)
        seen = 7
      case 9:
        texts.append(try reader.text(field))
        seen = 8
      case 20: type = try reader.integer(field)
      default: break
      }
    }
    let value: Value
    switch type == 0 ? seen : type {
    case 1: value = .float(float)
    case 2: value = .integer(integer)
    case 3: value = .text(text)
    case 4: value = tensor.map(Value.tensor) ?? .other(4)
    case 6: value = .floats(floats.map(Float.init(bitPattern:)))
    case 7: value = .integers(integers)
    case 8: value = .texts(texts)
    case let other: value = .other(other)
    }
    self.init(name, value)
  }
}

extension ONNX.ValueInfo {
  init(_ reader: ProtocolBufferReader) throws(ProtocolBufferError) {
    self.init(name: "", type: nil, shape: nil)
    var reader = reader
    while let field = try reader.next() {
      switch field.number {
      case 1: name = try reader.text(field)
      case 2: try readType(reader.message(field))
      default: break
      }
    }
  }

  private mutating func readType(_ reader: ProtocolBufferReader) throws(ProtocolBufferError) {
    var reader = reader
    while let field = try reader.next() {
      guard field.number == 1 else { continue }
      var tensor = try reader.message(field)
      while let field = try tensor.next() {
        switch field.number {
        case 1: type = ONNX.DataType(rawValue: try tensor.integer(field))
        case 2: shape = try Self.dimensions(tensor.message(field))
        default: break
        }
      }
    }
  }

  private static func dimensions(
    _ reader: ProtocolBufferReader
  ) throws(ProtocolBufferError) -> [Dimension] {
    var reader = reader
    var result: [Dimension] = []
    while let field = try reader.next() {
      guard field.number == 1 else { continue }
      var dimension = try reader.message(field)
      var read = Dimension.unknown
      while let field = try dimension.next() {
        switch field.number {
        // Exporters write what they do not know as -1, or as a name that is none.
        case 1:
          let size = try dimension.integer(field)
          read = size < 0 ? .unknown : .size(size)
        case 2:
          let name = try dimension.text(field)
          read = name.isEmpty || name == "?" ? .unknown : .symbol(name)
        default: break
        }
      }
      result.append(read)
    }
    return result
  }
}
