import CTapestryKernels

/// The type of a tensor's elements.
///
/// `float32` is the default; `float64` is what gradient checks compute in; integers hold labels and
/// indices; `bool` holds masks. There is no implicit promotion: an op whose operands differ in type
/// is a misuse, and Swift numbers enter as `Double` and are rounded once, to the tensor's type.
public enum DType: UInt8, Sendable, CaseIterable, CustomStringConvertible {
  case float32, float64, int32, int64, bool

  /// The bytes of one element.
  public var size: Int {
    switch self {
    case .float32, .int32: 4
    case .float64, .int64: 8
    case .bool: 1
    }
  }

  /// Whether values of this type can carry a gradient.
  public var isFloatingPoint: Bool { rawValue <= DType.float64.rawValue }

  /// The name used in messages: `float32`, ...
  public var description: String {
    switch self {
    case .float32: "float32"
    case .float64: "float64"
    case .int32: "int32"
    case .int64: "int64"
    case .bool: "bool"
    }
  }

  /// What the kernels call this type (`tapestry_machine.h` lists them in the same order).
  package var code: Int32 { Int32(rawValue) }
}

/// A Swift type that tensor elements can be read as and made from.
public protocol TensorScalar: Sendable, BitwiseCopyable {
  /// The element type with the same memory layout.
  static var dtype: DType { get }
}

extension Float: TensorScalar {
  public static var dtype: DType { .float32 }
}
extension Double: TensorScalar {
  public static var dtype: DType { .float64 }
}
extension Int32: TensorScalar {
  public static var dtype: DType { .int32 }
}
extension Int64: TensorScalar {
  public static var dtype: DType { .int64 }
}
extension Int: TensorScalar {
  public static var dtype: DType { .int64 }
}
extension Bool: TensorScalar {
  public static var dtype: DType { .bool }
}
