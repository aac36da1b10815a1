/// A tensor to be written to an ONNX file.
package struct ONNXItem {
  package let name: String
  package let dimensions: [Int]
  package let type: ONNX.DataType
  /// Gives the bytes, little-endian and row-major, when they are written.
  package let bytes: SafetensorsItem.Bytes

  package init(
    name: String, dimensions: [Int], type: ONNX.DataType, bytes: @escaping SafetensorsItem.Bytes
  ) {
    self.name = name
    self.dimensions = dimensions
    self.type = type
    self.bytes = bytes
  }

  /// Everything of the message but the bytes, which come last, and their number.
  fileprivate var message: (head: [UInt8], byteCount: Int)? {
    guard let itemSize = type.itemSize,
      let count = ONNX.Tensor(name: name, dimensions: dimensions, type: type, content: .unread)
        .elementCount
    else { return nil }
    var writer = ProtocolBufferWriter()
    writer.integers(1, dimensions)
    writer.integer(2, type.rawValue)
    writer.text(8, name)
    writer.header(9, byteCount: count * itemSize)
    return (writer.bytes, count * itemSize)
  }
}

extension ONNXFile {
  /// The largest file of the format: a message has less than 2 GiB.
  package static let maximumByteCount = Int(Int32.max)

  /// Puts `model`, with `items` as the initialisers of its graph, at `path`, all or nothing.
  ///
  /// - Throws: `FileError`: more than the format can hold, a tensor whose bytes do not fit its dimensions, or
  ///   trouble in writing. What was at `path` is then unchanged.
  package static func write(
    _ model: ONNX.Model, items: [ONNXItem], to path: String
  ) throws(FileError) {
    func refused(_ problem: String) -> FileError {
      FileError(path: path, cause: .malformed(format: "ONNX", problems: [problem]))
    }
    let graph = model.graph ?? ONNX.Graph()
    let (front, back) = (graph.front, graph.back)
    var heads: [(head: [UInt8], byteCount: Int)] = []
    var graphSize = front.count + back.count
    for item in items {
      guard let (head, byteCount) = item.message else {
        throw refused("\(quoted(item.name)) has dimensions \(item.dimensions) that cannot be")
      }
      var field = ProtocolBufferWriter()
      field.header(5, byteCount: head.count + byteCount)
      heads.append((field.bytes + head, byteCount))
      graphSize += field.bytes.count + head.count + byteCount
      guard graphSize < maximumByteCount - 1024 else {
        throw refused("the weights take more than the 2 GiB that one ONNX file can hold")
      }
    }
    var file = try AtomicFile(path: path)
    try file.append(model.front(graphSize: graphSize))
    try file.append(front)
    for (item, (head, byteCount)) in zip(items, heads) {
      try file.append(head)
      let start = file.byteCount
      try item.bytes { piece throws(FileError) in try file.append(piece) }
      guard file.byteCount - start == byteCount else {
        throw refused(
          "\(quoted(item.name)): \(item.dimensions) of \(item.type) takes \(byteCount) bytes, but "
            + "\(file.byteCount - start) were given")
      }
    }
    try file.append(back)
    try file.append(model.back)
    try file.commit()
  }
}

extension ONNX.Model {
  /// What comes before the graph, and the graph's head.
  fileprivate func front(graphSize: Int) -> [UInt8] {
    var writer = ProtocolBufferWriter()
    writer.integer(1, irVersion)
    writer.text(2, producer)
    writer.text(3, producerVersion)
    writer.header(7, byteCount: graphSize)
    return writer.bytes
  }

  /// What comes after the graph.
  fileprivate var back: [UInt8] {
    var writer = ProtocolBufferWriter()
    for (domain, version) in opsets {
      writer.message(8) { opset in
        if !domain.isEmpty { opset.text(1, domain) }
        opset.integer(2, version)
      }
    }
    for (key, value) in metadata {
      writer.message(14) { entry in
        entry.text(1, key)
        entry.text(2, value)
      }
    }
    return writer.bytes
  }
}

extension ONNX.Graph {
  /// The graph's fields before the initialisers.
  fileprivate var front: [UInt8] {
    var writer = ProtocolBufferWriter()
    for node in nodes { writer.message(1) { node.write(to: &$0) } }
    writer.text(2, name)
    return writer.bytes
  }

  /// The graph's fields after the initialisers.
  fileprivate var back: [UInt8] {
    var writer = ProtocolBufferWriter()
    for input in inputs { writer.message(11) { input.write(to: &$0) } }
    for output in outputs { writer.message(12) { output.write(to: &$0) } }
    return writer.bytes
  }
}

extension ONNX.Node {
  fileprivate func write(to writer: inout ProtocolBufferWriter) {
    for input in inputs { writer.text(1, input) }
    for output in outputs { writer.text(2, output) }
    writer.text(3, name)
    writer.text(4, operation)
    for attribute in attributes { writer.message(5) { attribute.write(to: &$0) } }
    if !domain.isEmpty { writer.text(7, domain) }
  }
}

extension ONNX.Attribute {
  fileprivate func write(to writer: inout ProtocolBufferWriter) {
    writer.text(1, name)
    let type: Int
    switch value {
    case .float(let value):
      writer.float(2, value)
      type = 1
    case .integer(let value):
      writer.integer(3, value)
      type = 2
    case .text(let value):
      writer.text(4, value)
      type = 3
    case .tensor(let tensor):
      writer.message(5) { tensor.write(to: &$0) }
      type = 4
    case .floats(let values):
      for value in values { writer.float(7, value) }
      type = 6
    case .integers(let values):
      writer.integers(8, values)
      type = 7
    case .texts(let values):
      for value in values { writer.text(9, value) }
      type = 8
    case .other(let number): type = number
    }
    writer.integer(20, type)
  }
}

extension ONNX.Tensor {
  /// Small ones, whose elements are in memory.
  fileprivate func write(to writer: inout ProtocolBufferWriter) {
    writer.integers(1, dimensions)
    writer.integer(2, type.rawValue)
    if !name.isEmpty { writer.text(8, name) }
    if case .memory(let elements) = content { writer.data(9, elements) }
  }
}

extension ONNX.ValueInfo {
  fileprivate func write(to writer: inout ProtocolBufferWriter) {
    writer.text(1, name)
    guard let type else { return }
    writer.message(2) { typeMessage in
      typeMessage.message(1) { tensor in
        tensor.integer(1, type.rawValue)
        guard let shape else { return }
        tensor.message(2) { message in
          for dimension in shape {
            message.message(1) { entry in
              switch dimension {
              case .size(let size): entry.integer(1, size)
              case .symbol(let name): entry.text(2, name)
              case .unknown: break
              }
            }
          }
        }
      }
    }
  }
}
