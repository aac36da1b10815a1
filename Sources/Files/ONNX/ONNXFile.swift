/// An ONNX file: its messages, and the numbers of its tensors, which are mapped and read when used.
///
/// Opening checks the wire format and the size of every tensor; what the graph means is for others to check.
package struct ONNXFile: Sendable {
  /// What the file says.
  package let model: ONNX.Model
  private let source: ByteSource

  /// Opens the file at `path`, which must not be shortened while this value exists.
  package init(path: String) throws(FileError) {
    let file = try MappedFile(path: path)
    do throws(ProtocolBufferError) {
      try self.init(.mapped(file))
    } catch {
      throw FileError(path: path, cause: .onnx(error))
    }
  }

  /// Reads a file's content from memory.
  package init(bytes: [UInt8]) throws(ProtocolBufferError) {
    try self.init(.memory(bytes))
  }

  private init(_ source: ByteSource) throws(ProtocolBufferError) {
    self.source = source
    model = try source.withUnsafeBytes { bytes throws(ProtocolBufferError) in
      try ONNX.Model(ProtocolBufferReader(bytes))
    }
  }

  /// Calls `body` with the elements of a tensor of this file, little-endian and row-major, or with nil when they
  /// are not in it. They need not be aligned for their type.
  package func withElements<Result, Failure: Error>(
    of tensor: ONNX.Tensor, _ body: (UnsafeRawBufferPointer?) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try source.withElements(of: tensor, body)
  }
}

/// A file that holds one tensor, as the test data does that travels with ONNX models.
package struct ONNXTensorFile: Sendable {
  /// The tensor.
  package let tensor: ONNX.Tensor
  private let source: ByteSource

  /// Opens the file at `path`.
  package init(path: String) throws(FileError) {
    let file = try MappedFile(path: path)
    source = .mapped(file)
    do throws(ProtocolBufferError) {
      tensor = try file.withUnsafeBytes { bytes throws(ProtocolBufferError) in
        try ONNX.Tensor(ProtocolBufferReader(bytes))
      }
    } catch {
      throw FileError(path: path, cause: .onnx(error))
    }
  }

  /// Calls `body` with the elements, or with nil when they are of a type that is not read.
  package func withElements<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer?) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try source.withElements(of: tensor, body)
  }
}

extension ByteSource {
  fileprivate func withElements<Result, Failure: Error>(
    of tensor: ONNX.Tensor, _ body: (UnsafeRawBufferPointer?) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    switch tensor.content {
    case .file(let range):
      return try withUnsafeBytes { bytes throws(Failure) in
        guard range.upperBound <= bytes.count else {
          fatalError("ONNX: the tensor is of another file")
        }
        return try body(UnsafeRawBufferPointer(rebasing: bytes[range]))
      }
    case .memory(let elements):
      return try elements.withUnsafeBufferPointer { buffer throws(Failure) in
        try body(UnsafeRawBufferPointer(buffer))
      }
    case .external, .unread:
      return try body(nil)
    }
  }
}
