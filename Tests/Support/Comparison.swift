import TapestryGraph
import Testing

/// How two tensors that should agree differ.
public struct Mismatch: Sendable, CustomStringConvertible {
  /// What is wrong, with the worst element where the shapes agree.
  public let description: String
}

/// The largest distance between two tensors, in the two ways that tolerances are stated.
public struct Distance: Sendable {
  /// The largest |a - b|; infinite where one side is NaN and the other is not.
  public var absolute = 0.0
  /// The largest |a - b| over the allowance `atol + rtol min(|a|, |b|)`: above 1 is a failure.
  public var severity = 0.0
  /// The row-major position of the largest severity.
  public var index = 0
}

/// Compares every element; symmetric in its operands. Shapes and types have been checked.
///
/// - Parameter equatingNaN: whether a NaN on both sides agrees. Otherwise every NaN is a failure.
public func distance(
  _ a: [Double], _ b: [Double], relativeTolerance: Double, absoluteTolerance: Double,
  equatingNaN: Bool = false
) -> Distance {
  precondition(a.count == b.count)
  var worst = Distance()
  for (index, (x, y)) in zip(a, b).enumerated() {
    if x == y || (equatingNaN && x.isNaN && y.isNaN) { continue }
    let difference = abs(x - y)
    let allowed = absoluteTolerance + relativeTolerance * min(abs(x), abs(y))
    let isComparable = difference.isFinite && allowed.isFinite
    let severity = isComparable && allowed > 0 ? difference / allowed : .infinity
    worst.absolute = max(worst.absolute, isComparable ? difference : .infinity)
    if severity > worst.severity {
      worst.severity = severity
      worst.index = index
    }
  }
  return worst
}

/// How `actual` differs from `expected` by more than the tolerances allow, or `nil`.
///
/// Shape and type come first, then every element:
/// `|a - b| <= absoluteTolerance + relativeTolerance min(|a|, |b|)`. NaN never agrees, unless asked.
public func mismatch(
  _ actual: Tensor, _ expected: Tensor, relativeTolerance: Double, absoluteTolerance: Double,
  equatingNaN: Bool = false
) -> Mismatch? {
  guard actual.shape == expected.shape else {
    return Mismatch(description: "shape \(actual.shape), but expected \(expected.shape)")
  }
  guard actual.dtype == expected.dtype else {
    return Mismatch(description: "type \(actual.dtype), but expected \(expected.dtype)")
  }
  let (a, b) = (actual.scalars(), expected.scalars())
  let worst = distance(
    a, b, relativeTolerance: relativeTolerance, absoluteTolerance: absoluteTolerance,
    equatingNaN: equatingNaN)
  guard !(worst.severity <= 1) else { return nil }
  let place = position(worst.index, in: expected.shape)
  return Mismatch(
    description: "worst at \(place): \(a[worst.index]), but expected \(b[worst.index])"
      + " (\(worst.severity) times what is allowed)")
}

/// How `actual` differs from `expected` in shape, type or any bit, or `nil`. Any NaN passes for a NaN; the two zeros differ.
public func inexactness(_ actual: Tensor, _ expected: Tensor) -> Mismatch? {
  guard actual.spec == expected.spec else {
    return Mismatch(description: "\(actual.spec), but expected \(expected.spec)")
  }
  if expected.dtype.isFloatingPoint {
    return firstDifference(actual.scalars(), expected.scalars(), expected.shape) {
      $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN
    }
  }
  return firstDifference(actual.integers(), expected.integers(), expected.shape, ==)
}

private func firstDifference<Number>(
  _ a: [Number], _ b: [Number], _ shape: TensorShape, _ agree: (Number, Number) -> Bool
) -> Mismatch? {
  guard let place = a.indices.first(where: { !agree(a[$0], b[$0]) }) else { return nil }
  return Mismatch(
    description: "first at \(position(place, in: shape)): \(a[place]), but expected \(b[place])")
}

/// Expects two tensors to agree: shape, type, and every element within the tolerances.
///
/// The defaults are those promised for the type: 1e-9 in float64, 2e-5 in float32, exact otherwise.
///
/// - Parameters:
///   - label: what is compared, for the message.
///   - equatingNaN: whether a NaN on both sides agrees; otherwise every NaN is a failure.
/// - Returns: whether they agree.
@discardableResult
public func expectClose(
  _ actual: Tensor, _ expected: Tensor, _ label: String = "", relativeTolerance: Double? = nil,
  absoluteTolerance: Double? = nil, equatingNaN: Bool = false,
  sourceLocation: SourceLocation = #_sourceLocation
) -> Bool {
  let found = mismatch(
    actual, expected, relativeTolerance: relativeTolerance ?? standardTolerance(expected.dtype),
    absoluteTolerance: absoluteTolerance ?? standardTolerance(expected.dtype) / 100,
    equatingNaN: equatingNaN)
  guard let found else { return true }
  let prefix = label.isEmpty ? "" : label + ": "
  Issue.record(Comment(rawValue: prefix + found.description), sourceLocation: sourceLocation)
  return false
}

/// Expects a tensor to have this shape and these elements, row-major.
@discardableResult
public func expectClose(
  _ actual: Tensor, _ expected: [Double], shape: TensorShape? = nil, _ label: String = "",
  relativeTolerance: Double? = nil, absoluteTolerance: Double? = nil, equatingNaN: Bool = false,
  sourceLocation: SourceLocation = #_sourceLocation
) -> Bool {
  let shape = shape ?? [expected.count]
  guard shape.elementCount == expected.count else {
    Issue.record(
      "the expected shape \(shape) does not hold \(expected.count) values",
      sourceLocation: sourceLocation)
    return false
  }
  return expectClose(
    actual, Tensor(expected, shape: shape, dtype: actual.dtype), label,
    relativeTolerance: relativeTolerance, absoluteTolerance: absoluteTolerance,
    equatingNaN: equatingNaN, sourceLocation: sourceLocation)
}

private func standardTolerance(_ dtype: DType) -> Double {
  switch dtype {
  case .float32: 2e-5
  case .float64: 1e-9
  default: 0
  }
}

private func position(_ element: Int, in shape: TensorShape) -> [Int] {
  var remaining = element
  var result: [Int] = []
  for size in shape.reversed() {
    result.append(remaining % max(size, 1))
    remaining /= max(size, 1)
  }
  return result.reversed()
}
