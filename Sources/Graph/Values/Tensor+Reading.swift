import CTapestryKernels

extension Tensor {
  /// The elements in row-major order, converted to `Scalar`.
  public final func scalars<Scalar: TensorScalar>(as type: Scalar.Type) -> [Scalar] {
    let value = resolved
    return [Scalar](unsafeUninitializedCapacity: value.count) { buffer, count in
      count = value.count
      guard let base = buffer.baseAddress else { return }
      value.withMemory {
        tapestry_convert(value.dtype.code, Scalar.dtype.code, Int64(count), $0, base)
      }
    }
  }

  /// The elements in row-major order, as `Double`.
  public final func scalars() -> [Double] { scalars(as: Double.self) }

  /// The elements of an integer tensor in row-major order.
  public final func integers() -> [Int] { scalars(as: Int.self) }

  /// The value of a tensor with one element.
  ///
  /// - Precondition: exactly one element.
  public final var item: Double {
    guard count == 1 else {
      trap("item: a tensor of shape \(shape) has \(count) elements, not one; use scalars()")
    }
    return scalars()[0]
  }

  /// The row-major position of the first NaN or infinity, or `nil`.
  public final var firstNonFinite: Int? {
    let value = resolved
    let index = value.readingMemory {
      tapestry_first_nonfinite(value.dtype.code, Int64(value.count), $0)
    }
    return index < 0 ? nil : Int(index)
  }
}

extension Tensor: CustomStringConvertible {
  /// The values in nested brackets, large tensors with their middle left out, then shape and type.
  public final var description: String {
    let value = resolved
    guard value.memory != nil else { return "placeholder \(declaredSpec)" }
    if value.rank == 0 { return TensorPrinter.format(value.scalars(), dtype: value.dtype)[0] }
    return TensorPrinter(value).text
  }
}

/// Prints a tensor as nested brackets, columns aligned.
private struct TensorPrinter {
  let shape: TensorShape
  let strides: [Int]
  let words: [String]
  let width: Int

  init(_ tensor: Tensor) {
    shape = tensor.shape
    strides = tensor.shape.strides
    words = Self.format(tensor.scalars(), dtype: tensor.dtype)
    width = words.lazy.map(\.count).max() ?? 0
  }

  var text: String { block(axis: 0, offset: 0, indent: 1) }

  private func block(axis: Int, offset: Int, indent: Int) -> String {
    var parts: [String] = []
    for index in 0..<shape[axis] {
      if shape[axis] > 10, index == 4 { parts.append("...") }
      if shape[axis] > 10, index >= 4, index < shape[axis] - 4 { continue }
      let position = offset + index * strides[axis]
      if axis == shape.rank - 1 {
        let word = words[position]
        parts.append(String(repeating: " ", count: width - word.count) + word)
      } else {
        parts.append(block(axis: axis + 1, offset: position, indent: indent + 1))
      }
    }
    let isLast = axis == shape.rank - 1
    let separator = isLast ? " " : "\n" + String(repeating: " ", count: indent)
    return "[" + parts.joined(separator: separator) + "]"
  }

  static func format(_ values: [Double], dtype: DType) -> [String] {
    switch dtype {
    case .bool: values.map { $0 == 0 ? "false" : "true" }
    case .int32, .int64: values.map { String(Int64($0)) }
    default:
      values.allSatisfy { $0.rounded() == $0 && abs($0) < 1e7 }
        ? values.map { String(Int64($0)) } : values.map(shortened)
    }
  }

  /// Five significant digits, without the zeros that follow them.
  private static func shortened(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    if value == 0 { return "0" }
    var exponent = 0
    var magnitude = abs(value)
    while magnitude >= 10 { (magnitude, exponent) = (magnitude / 10, exponent + 1) }
    while magnitude < 1 { (magnitude, exponent) = (magnitude * 10, exponent - 1) }
    if exponent > 6 || exponent < -4 {
      let digits = (magnitude * 1e4).rounded() / 1e4
      return "\(value < 0 ? "-" : "")\(digits)e\(exponent)"
    }
    var scale = 1.0
    for _ in 0..<abs(4 - exponent) { scale *= 10 }
    let rounded =
      exponent <= 4 ? (value * scale).rounded() / scale : (value / scale).rounded() * scale
    return rounded.rounded() == rounded ? String(Int64(rounded)) : "\(rounded)"
  }
}
