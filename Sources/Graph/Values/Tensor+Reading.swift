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
      trapAtCaller("item: a tensor of shape \(shape) has \(count) elements, not one; use scalars()")
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
