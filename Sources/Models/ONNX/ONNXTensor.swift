import CTapestryKernels
import TapestryFiles
import TapestryGraph

extension ONNX.DataType {
  /// The type that tensors of this type have here: half precision becomes single, small integers become larger
  /// ones. Nil where there is none.
  var dtype: DType? {
    switch self {
    case .float, .float16, .bfloat16: .float32
    case .double: .float64
    case .int32, .int8, .uint8, .int16, .uint16: .int32
    case .int64, .uint32: .int64
    case .bool: .bool
    default: nil
    }
  }

  /// Whether tensors have exactly this type here.
  package var isExact: Bool {
    dtype.map { ONNX.DataType($0) } == self
  }
}

extension ONNX.Tensor {
  /// The tensor with these bytes, which fit dimensions and type; nil where shape or type cannot be had.
  package func tensor(_ bytes: UnsafeRawBufferPointer?) -> Tensor? {
    guard let bytes, let dtype = type.dtype, let shape = TensorShape(validating: dimensions) else {
      return nil
    }
    switch type {
    case .float, .double, .int32, .int64:
      return Tensor(shape, dtype) { memory in
        guard let start = bytes.baseAddress else { return }
        memory.copyMemory(from: start, byteCount: bytes.count)
      }
    case .bool: return Self.widened(bytes, shape, UInt8.self) { $0 != 0 }
    case .int8: return Self.widened(bytes, shape, Int8.self) { Int32($0) }
    case .uint8: return Self.widened(bytes, shape, UInt8.self) { Int32($0) }
    case .int16: return Self.widened(bytes, shape, Int16.self) { Int32($0) }
    case .uint16: return Self.widened(bytes, shape, UInt16.self) { Int32($0) }
    case .uint32: return Self.widened(bytes, shape, UInt32.self) { Int64($0) }
    case .bfloat16:
      return Self.widened(bytes, shape, UInt16.self, HalfPrecision.float(bfloat16:))
    case .float16: return Self.widened(bytes, shape, UInt16.self, HalfPrecision.float(float16:))
    default: return nil
    }
  }

  private static func widened<Stored: FixedWidthInteger, Scalar: TensorScalar>(
    _ bytes: UnsafeRawBufferPointer, _ shape: TensorShape, _ type: Stored.Type,
    _ convert: (Stored) -> Scalar
  ) -> Tensor {
    let size = MemoryLayout<Stored>.size
    let values = (0..<shape.elementCount).map { index in
      convert(Stored(littleEndian: bytes.loadUnaligned(fromByteOffset: index * size, as: type)))
    }
    return Tensor(scalars: values, shape: shape)
  }
}
