extension Tensor: CustomStringConvertible {
  /// The values in nested brackets, columns aligned. Of an axis with more than ten positions the first and last four are
  /// shown, and only what is shown is looked at.
  public final var description: String {
    let value = resolved
    guard value.memory != nil else { return "placeholder \(declaredSpec)" }
    return value.readingMemory { TensorPrinter(value.spec, $0).text }
  }
}

/// Prints a tensor as nested brackets.
private struct TensorPrinter {
  let shape: TensorShape
  /// What is shown, in row-major order.
  let words: [String]
  let width: Int

  init(_ spec: TensorSpec, _ elements: UnsafeRawPointer) {
    shape = spec.shape
    let positions = Self.shownPositions(spec.shape)
    words = Self.format(positions, spec.dtype, elements)
    width = words.lazy.map(\.count).max() ?? 0
  }

  /// The positions of an axis that are shown.
  private static func shown(_ size: Int) -> [Int] {
    size > 10 ? Array(0..<4) + Array(size - 4..<size) : Array(0..<size)
  }

  private static func shownPositions(_ shape: TensorShape) -> [Int] {
    var positions = [0]
    for axis in 0..<shape.rank {
      let indices = shown(shape[axis])
      positions = positions.flatMap { position in indices.map { position * shape[axis] + $0 } }
    }
    return positions
  }

  var text: String {
    if shape.rank == 0 { return words[0] }
    var next = 0
    return block(axis: 0, next: &next)
  }

  private func block(axis: Int, next: inout Int) -> String {
    let isLast = axis == shape.rank - 1
    var parts: [String] = []
    for index in Self.shown(shape[axis]) {
      if shape[axis] > 10, index == shape[axis] - 4 { parts.append("...") }
      if isLast {
        parts.append(String(repeating: " ", count: width - words[next].count) + words[next])
        next += 1
      } else {
        parts.append(block(axis: axis + 1, next: &next))
      }
    }
    let separator = isLast ? " " : "\n" + String(repeating: " ", count: axis + 1)
    return "[" + parts.joined(separator: separator) + "]"
  }

  private static func format(
    _ positions: [Int], _ dtype: DType, _ elements: UnsafeRawPointer
  ) -> [String] {
    func values<Scalar: BitwiseCopyable>(_ type: Scalar.Type) -> [Scalar] {
      let elements = elements.assumingMemoryBound(to: Scalar.self)
      return positions.map { elements[$0] }
    }
    switch dtype {
    case .bool: return values(UInt8.self).map { $0 == 0 ? "false" : "true" }
    case .int32: return values(Int32.self).map { String($0) }
    case .int64: return values(Int64.self).map { String($0) }
    case .float32: return format(values(Float.self).map(Double.init))
    case .float64: return format(values(Double.self))
    }
  }

  /// Whole numbers without a point where all that is shown is whole and below ten million.
  private static func format(_ values: [Double]) -> [String] {
    values.allSatisfy { $0.rounded() == $0 && abs($0) < 1e7 }
      ? values.map { String(Int64($0)) } : values.map(shortened)
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
