import CTapestryKernels
import TapestryFiles
import TapestryGraph

extension Model {
  /// The values of parameters and buffers by name, in the order of the model's properties.
  public var state: [(name: String, value: Tensor)] {
    members.state.map { ($0.name, $0.value.detached()) }
  }

  /// Writes parameters and buffers as a safetensors file, all or nothing: a temporary file, synced and renamed.
  ///
  /// Beside the running statistics of each batch normalisation stands PyTorch's `num_batches_tracked`, 0, so
  /// that `load_state_dict` takes the file as it is. (There it counts only for `momentum=None`, which this
  /// framework does not have.)
  ///
  /// - Parameter metadata: texts stored with them.
  /// - Throws: `FileError` when the file cannot be written; what was there before is then unchanged.
  public func save(to path: String, metadata: [String: String] = [:]) throws(FileError) {
    try SafetensorsFile.write(StateFile.items(of: self), metadata: metadata, to: path)
  }
}

/// Tensors to and from the entries of a safetensors file.
package enum StateFile {
  /// What PyTorch's batch normalisation has beside its running statistics.
  static let batchCounter = "num_batches_tracked"
  private static let runningVariance = "running_var"

  /// The entries for the state of a model.
  package static func items(of model: some Model) -> [SafetensorsItem] {
    let state = model.state
    let names = Set(state.map(\.name))
    return state.flatMap { name, value in
      let item = item(name, value)
      guard let counter = counter(beside: name), !names.contains(counter) else { return [item] }
      return [item, SafetensorsItem(name: counter, shape: [], elements: [Int64(0)])]
    }
  }

  /// The name of the counter that belongs to the buffer `name`, when that is a running variance.
  static func counter(beside name: String) -> String? {
    guard name.split(separator: ".").last == runningVariance[...] else { return nil }
    return name.dropLast(runningVariance.count) + batchCounter
  }

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

  /// Whether values of this type in a file can become values of that type: floating-point numbers of 16, 32 and
  /// 64 bits become each other.
  static func converts(_ stored: SafetensorsDType, to target: DType) -> Bool {
    if stored == dtype(target) { return true }
    return switch stored {
    case .float16, .bfloat16, .float32, .float64: target.isFloatingPoint
    default: false
    }
  }

  /// The value of an entry in that element type; `nil` where the type cannot be converted.
  package static func tensor(
    _ entry: SafetensorsEntry, of state: SafetensorsState, dtype target: DType
  ) -> Tensor? {
    state.withUnsafeBytes(of: entry) { tensor(entry, $0, target) }
  }

  /// The value of an entry in that element type; `nil` where the type cannot be converted.
  package static func tensor(
    _ entry: SafetensorsEntry, of file: SafetensorsFile, dtype target: DType
  ) -> Tensor? {
    file.withUnsafeBytes(of: entry) { tensor(entry, $0, target) }
  }

  private static func tensor(
    _ entry: SafetensorsEntry, _ bytes: UnsafeRawBufferPointer, _ target: DType
  ) -> Tensor? {
    guard converts(entry.dtype, to: target), let shape = TensorShape(validating: entry.shape)
    else { return nil }
    let stored: Tensor
    switch entry.dtype {
    case .float16: stored = widened(bytes, shape, HalfPrecision.float(float16:))
    case .bfloat16: stored = widened(bytes, shape, HalfPrecision.float(bfloat16:))
    default:
      guard let source = DType.allCases.first(where: { dtype($0) == entry.dtype }) else {
        return nil
      }
      // The bytes of a file may lie at any address; the kernels want elements at theirs.
      stored = Tensor(shape, source) { memory in
        guard let start = bytes.baseAddress else { return }
        memory.copyMemory(from: start, byteCount: bytes.count)
      }
    }
    if stored.dtype == target { return stored }
    return Tensor(shape, target) { memory in
      stored.withMemory {
        tapestry_convert(stored.dtype.code, target.code, Int64(stored.count), $0, memory)
      }
    }
  }

  /// Numbers of 16 bits as float32, which holds all of them.
  private static func widened(
    _ bytes: UnsafeRawBufferPointer, _ shape: TensorShape, _ widen: (UInt16) -> Float
  ) -> Tensor {
    Tensor(shape, .float32) { memory in
      let target = memory.assumingMemoryBound(to: Float.self)
      for index in 0..<bytes.count / 2 {
        let bits = bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
        target[index] = widen(UInt16(littleEndian: bits))
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
