import TapestryGraph

// Vectors of a given length: composed of norms, so that derivatives of every order are theirs.

extension Tensor {
  /// The vectors along an axis, each divided by its Euclidean length.
  ///
  /// y = x / max(‖x‖, epsilon): a vector shorter than `epsilon` is divided by that, and its gradient is g / epsilon.
  ///
  /// - Parameters:
  ///   - axis: the axis that the vectors lie along; a negative one counts from the end. Default: 1.
  ///   - epsilon: the smallest divisor. Default: 1e-12.
  /// - Returns: shaped like `self`.
  /// - Precondition: the axis exists; `epsilon` is at least 0; float32 or float64.
  public func normalized(
    along axis: Int = 1, epsilon: Double = 1e-12, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    if let refused = refusal(
      of: "normalized", [("input", self)], file: file, line: line,
      rule: { () throws(Misuse) in
        _ = try normalizedAxis(axis, rank: rank)
        guard epsilon >= 0 else { throw Misuse("epsilon is at least 0, not \(epsilon)") }
        try requireSameType(Tensors(self))
      })
    {
      return refused
    }
    let length = norm(along: axis, keepingDimensions: true, file: file, line: line)
    let least = Tensor(epsilon, dtype: dtype)
    return self / maximum(length, least, file: file, line: line)
  }
}

/// Filters as a direction and a length, g v / ‖v‖, that are learnt apart.
///
/// - Parameters:
///   - v: the direction, of any shape.
///   - g: the lengths: shaped like `v` with size 1 along every axis but `axis`; without an axis a scalar.
///   - axis: the axis that numbers the vectors: the norm is taken over all others, or over all axes without one. A
///     negative axis counts from the end. Default: 0, the filters of a convolution.
/// - Returns: shaped like `v`. A direction of length 0 has none: NaN.
/// - Precondition: the axis exists; `g` is shaped as above.
///
/// Salimans and Kingma, "Weight normalization", 2016.
public func weightNorm(
  _ v: Tensor, _ g: Tensor, axis: Int? = 0, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  var kept: Int?
  if let refused = refusal(
    of: "weightNorm", [("direction", v), ("length", g)], file: file, line: line,
    rule: { () throws(Misuse) in
      var lengths = TensorShape()
      if let axis {
        let axis = try normalizedAxis(axis, rank: v.rank)
        for place in 0..<v.rank { lengths.append(place == axis ? v.shape[place] : 1) }
        kept = axis
      }
      guard g.shape == lengths else {
        throw Misuse("the lengths need the shape \(lengths), not \(g.shape)")
      }
      try requireSameType(Tensors(v, g))
    })
  {
    return refused
  }
  // A row for every vector, so that there is always an axis to take the norm along.
  guard let kept else {
    return v * (g / v.norm(file: file, line: line))
  }
  let rows = v.rank == 1 ? v.reshaped(to: [v.count, 1], file: file, line: line) : v
  let others = (0..<rows.rank).filter { $0 != kept }
  let length = rows.norm(along: others, keepingDimensions: true, file: file, line: line)
  return v * (g / length.reshaped(to: g.shape, file: file, line: line))
}
