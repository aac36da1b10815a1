import CTapestryKernels
import TapestryGraph

/// y = x, but numbers of choice for NaN and the infinities; y' = 0 there, else 1.
struct ReplaceNonFinite: ElementwiseOperation {
  let nan: Double
  /// `nil` for the largest finite number of the type, and the lowest.
  let positiveInfinity: Double?
  let negativeInfinity: Double?

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let largest =
      x.dtype == .float32 ? Double(Float.greatestFiniteMagnitude) : .greatestFiniteMagnitude
    return Tensors(
      Tensor(x.spec) { y in
        x.withMemory {
          tapestry_replace_nonfinite(
            x.dtype.code, Int64(x.count), $0, y, nan, positiveInfinity ?? largest,
            negativeInfinity ?? -largest)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let g = node.cotangent
    return Tensors(
      select(where: isFinite(node.input(0)), g, else: Tensor(0, dtype: g.dtype)))
  }
}

extension Tensor {
  /// The elements, with numbers in the place of NaN and the infinities. The gradient is 0 where one was replaced.
  ///
  /// - Parameters:
  ///   - nan: in the place of NaN, 0 by default.
  ///   - positiveInfinity: by default the largest finite number of the type.
  ///   - negativeInfinity: by default the lowest.
  /// - Precondition: float32 or float64.
  public func replacingNonFinite(
    nan: Double = 0, positiveInfinity: Double? = nil, negativeInfinity: Double? = nil,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let replace = ReplaceNonFinite(
      nan: nan, positiveInfinity: positiveInfinity, negativeInfinity: negativeInfinity)
    return apply(replace, to: Tensors(self), file: file, line: line)[0]
  }
}
