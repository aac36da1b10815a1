import TapestryGraph

// Products of vectors and of tensors along named axes.

/// The outer product of two vectors: y[i, j] = a[i] b[j].
///
/// - Parameters:
///   - a: `[m]`.
///   - b: `[n]`.
/// - Returns: `[m, n]`.
/// - Precondition: two vectors of one floating-point type.
public func outer(
  _ a: Tensor, _ b: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let refused = refusal(of: "outer", [("left", a), ("right", b)], file: file, line: line) {
    () throws(Misuse) in
    try requireVectors(a, b)
    _ = try TensorShape(checked: [a.count, b.count])
  }
  if let refused { return refused }
  let product = Contraction(function: "outer", left: [105], right: [106], result: [105, 106])
  return apply(product, to: Tensors(a, b), file: file, line: line)[0]
}

/// The scalar product of two vectors: Σ a[i] b[i].
///
/// - Precondition: two vectors of one length and one floating-point type.
public func dot(
  _ a: Tensor, _ b: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let refused = refusal(of: "dot", [("left", a), ("right", b)], file: file, line: line) {
    () throws(Misuse) in
    try requireVectors(a, b)
    guard a.count == b.count else {
      throw Misuse("left has \(counted(a.count, "element")), but right \(b.count)")
    }
  }
  if let refused { return refused }
  let product = Contraction(function: "dot", left: [105], right: [105], result: [])
  return apply(product, to: Tensors(a, b), file: file, line: line)[0]
}

private func requireVectors(_ a: Tensor, _ b: Tensor) throws(Misuse) {
  try requireSameType(Tensors(a, b))
  guard a.rank == 1, b.rank == 1 else {
    throw Misuse("needs two vectors, 1 axis each, not \(a.rank) and \(b.rank)")
  }
}

/// The product summed over pairs of axes; the remaining axes are a's, then b's.
///
/// - Parameters:
///   - axesA: axes of `a`; negative ones count from the end. None for the outer product.
///   - axesB: axes of `b`, one for each of `axesA`, of the same size.
/// - Precondition: as many axes of either, none twice, sizes equal; at most six axes remain.
public func tensordot(
  _ a: Tensor, _ b: Tensor, axesA: [Int], axesB: [Int], file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  // Labels from 65 on, as letters have.
  let left = (0..<a.rank).map { UInt8(65 + $0) }
  var right = (0..<b.rank).map { UInt8(97 + $0) }
  var summed: Set<UInt8> = []
  let refused = refusal(of: "tensordot", [("left", a), ("right", b)], file: file, line: line) {
    () throws(Misuse) in
    try requireSameType(Tensors(a, b))
    guard axesA.count == axesB.count else {
      throw Misuse("\(axesA) and \(axesB) do not make pairs of axes")
    }
    if !axesA.isEmpty {
      _ = try AxisSet(axesA, rank: a.rank)
      _ = try AxisSet(axesB, rank: b.rank)
    }
    for (first, second) in zip(axesA, axesB) {
      let (first, second) = (
        try normalizedAxis(first, rank: a.rank), try normalizedAxis(second, rank: b.rank)
      )
      guard a.shape[first] == b.shape[second] else {
        throw Misuse(
          "axis \(first) of left has size \(a.shape[first]), but axis \(second) of right"
            + " \(b.shape[second])")
      }
      right[second] = left[first]
      summed.insert(left[first])
    }
    let sizes = zip(left, a.shape).filter { !summed.contains($0.0) }.map(\.1)
    let others = zip(right, b.shape).filter { !summed.contains($0.0) }.map(\.1)
    _ = try TensorShape(checked: sizes + others)
  }
  if let refused { return refused }
  let result = (left + right).filter { !summed.contains($0) }
  let product = Contraction(function: "tensordot", left: left, right: right, result: result)
  return apply(product, to: Tensors(a, b), file: file, line: line)[0]
}
