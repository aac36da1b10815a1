import CTapestryKernels
import TapestryFiles
import TapestryGraph

/// Everything by which a state differs from the model it is loaded into; nothing has been changed.
public struct StateMismatch: Error, Sendable, Equatable, CustomStringConvertible {
  /// What the state was read from.
  public let source: String
  /// A line per name that is missing, unknown, mis-shaped or of a type that cannot be converted.
  public let problems: [String]

  public var description: String {
    let count = problems.count == 1 ? "one name" : "\(problems.count) names"
    return problems.reduce("\(source) does not fit this model: \(count) differ; nothing was loaded")
    {
      $0 + "\n  " + $1
    }
  }
}

extension Model {
  /// The values of parameters and buffers by name, in the order of the model's properties.
  public var state: [(name: String, value: Tensor)] {
    members.state.map { ($0.name, $0.value.detached()) }
  }

  /// Writes parameters and buffers as a safetensors file, all or nothing: a temporary file, synced and renamed.
  ///
  /// - Parameter metadata: texts stored with them.
  /// - Throws: `FileError` when the file cannot be written; what was there before is then unchanged.
  public func save(to path: String, metadata: [String: String] = [:]) throws(FileError) {
    try SafetensorsFile.write(
      state.map { StateFile.item($0.name, $0.value) }, metadata: metadata, to: path)
  }

  /// Reads parameters and buffers from a safetensors file, by name.
  ///
  /// float32 and float64 are converted to the model's type.
  ///
  /// - Throws: `FileError` for a file that is not valid; ``StateMismatch`` that lists every missing, unknown and
  ///   mis-shaped name. The model is then unchanged.
  public func load(from path: String) throws {
    let file = try SafetensorsFile(path: path)
    try load(file, source: path)
  }

  /// Reads parameters and buffers from an open safetensors file, by name.
  public func load(_ file: SafetensorsFile, source: String = "the file") throws(StateMismatch) {
    let members = members.state
    var problems: [String] = []
    var known: Set<String> = []
    var values: [Tensor] = []
    for (name, target) in members {
      known.insert(name)
      guard let entry = file[name] else {
        problems.append("missing: \(name) \(target.spec)")
        continue
      }
      guard entry.shape == Array(target.shape) else {
        problems.append(
          "shape: \(name) is \(entry.shape) in the file, \(target.shape) in the model")
        continue
      }
      guard let value = StateFile.tensor(entry, of: file, dtype: target.dtype) else {
        problems.append(
          "type: \(name) is \(entry.dtype.rawValue) in the file, \(target.dtype) in the model")
        continue
      }
      values.append(value)
    }
    for entry in file.entries where !known.contains(entry.name) {
      problems.append("unknown: \(entry.name) \(entry.shape)")
    }
    guard problems.isEmpty else { throw StateMismatch(source: source, problems: problems) }
    for ((_, target), value) in zip(members, values) {
      if let parameter = target as? Parameter { parameter.value = value }
      if let buffer = target as? Buffer { buffer.value = value }
    }
  }
}

/// Tensors to and from the entries of a safetensors file.
package enum StateFile {
  /// An entry for a tensor's value, written without a copy.
  package static func item(_ name: String, _ tensor: Tensor) -> SafetensorsItem {
    let value = tensor.detached()
    let byteCount = value.spec.byteCount
    return SafetensorsItem(name: name, dtype: dtype(value.dtype), shape: Array(value.shape)) {
      consume throws(FileError) in
      var failure: FileError?
      value.withMemory { start in
        do throws(FileError) {
          try consume(UnsafeRawBufferPointer(start: start, count: byteCount))
        } catch {
          failure = error
        }
      }
      if let failure { throw failure }
    }
  }

  /// The value of an entry in that element type; `nil` where the type cannot be converted.
  package static func tensor(
    _ entry: SafetensorsEntry, of file: SafetensorsFile, dtype target: DType
  ) -> Tensor? {
    guard let source = DType.allCases.first(where: { dtype($0) == entry.dtype }),
      source == target || (source.isFloatingPoint && target.isFloatingPoint),
      let shape = TensorShape(validating: entry.shape)
    else { return nil }
    return file.withUnsafeBytes(of: entry) { bytes in
      // The bytes of a file may lie at any address; the kernels want elements at theirs.
      let stored = Tensor(shape, source) { memory in
        guard let start = bytes.baseAddress else { return }
        memory.copyMemory(from: start, byteCount: bytes.count)
      }
      if source == target { return stored }
      return Tensor(shape, target) { memory in
        stored.withMemory {
          tapestry_convert(source.code, target.code, Int64(stored.count), $0, memory)
        }
      }
    }
  }

  package static func dtype(_ dtype: DType) -> SafetensorsDType {
    switch dtype {
    case .float32: .float32
    case .float64: .float64
    case .int32: .int32
    case .int64: .int64
    case .bool: .bool
    }
  }
}
