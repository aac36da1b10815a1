import CTapestryKernels

extension Tensor {
  /// A scalar.
  public convenience init(_ value: Double, dtype: DType = .float32) {
    self.init([], dtype) { tapestry_fill(dtype.code, 1, value, $0) }
  }

  /// A tensor of these values in row-major order: a vector, unless `shape` says otherwise.
  ///
  /// - Precondition: as many values as the shape has elements.
  public convenience init(
    _ values: [Double], shape: TensorShape? = nil, dtype: DType = .float32,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    self.init(copying: values, shape: shape, dtype: dtype, file: file, line: line)
  }

  /// A matrix of these rows, all of the same length.
  public convenience init(
    _ rows: [[Double]], dtype: DType = .float32, file: StaticString = #fileID, line: UInt = #line
  ) {
    let columns = rows.first?.count ?? 0
    for (index, row) in rows.enumerated() where row.count != columns {
      trap(
        "row \(index) has \(row.count) values, but row 0 has \(columns)", file: file, line: line)
    }
    self.init(
      copying: rows.flatMap { $0 }, shape: [rows.count, columns], dtype: dtype, file: file,
      line: line)
  }

  /// A tensor of these integers, `int64` by default: labels and indices.
  ///
  /// - Precondition: with `int32` every value fits.
  public convenience init(
    integers values: [Int], shape: TensorShape? = nil, dtype: DType = .int64,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    if dtype == .int32, let value = values.first(where: { Int32(exactly: $0) == nil }) {
      trap("\(value) does not fit int32; int64 holds it", file: file, line: line)
    }
    self.init(copying: values, shape: shape, dtype: dtype, file: file, line: line)
  }

  /// A tensor of these Swift values, in their own element type.
  public convenience init<Scalar: TensorScalar>(
    scalars values: [Scalar], shape: TensorShape? = nil,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    self.init(copying: values, shape: shape, dtype: Scalar.dtype, file: file, line: line)
  }

  convenience init<Scalar: TensorScalar>(
    copying values: [Scalar], shape: TensorShape?, dtype: DType, file: StaticString, line: UInt
  ) {
    let shape = shape ?? [values.count]
    guard shape.elementCount == values.count else {
      trap(
        "the shape \(shape) has \(shape.elementCount) elements, but there are \(values.count) values",
        file: file, line: line)
    }
    self.init(shape, dtype) { target in
      values.withUnsafeBytes { source in
        guard let base = source.baseAddress else { return }
        tapestry_convert(Scalar.dtype.code, dtype.code, Int64(values.count), base, target)
      }
    }
  }

  /// All elements equal to `value`.
  public static func full(_ shape: TensorShape, _ value: Double, dtype: DType = .float32) -> Tensor
  {
    Tensor(shape, dtype) { tapestry_fill(dtype.code, Int64(shape.elementCount), value, $0) }
  }

  /// All elements 0.
  public static func zeros(_ shape: TensorShape, dtype: DType = .float32) -> Tensor {
    full(shape, 0, dtype: dtype)
  }

  /// All elements 1.
  public static func ones(_ shape: TensorShape, dtype: DType = .float32) -> Tensor {
    full(shape, 1, dtype: dtype)
  }

  /// The vector `start, start + step, ...` of `count` elements.
  public static func range(
    _ count: Int, from start: Double = 0, step: Double = 1, dtype: DType = .float32
  ) -> Tensor {
    Tensor([count], dtype) { tapestry_ramp(dtype.code, Int64(count), start, step, $0) }
  }

  /// A placeholder that has a shape and no values, for ``dryRun(_:)``.
  public static func shape(_ shape: TensorShape, dtype: DType = .float32) -> Tensor {
    Tensor(TensorSpec(shape, dtype), memory: nil)
  }

  /// Uniform random numbers in `[low, high)`, from `source` or else the scope's random source.
  public static func uniform(
    _ shape: TensorShape, from low: Double = 0, to high: Double = 1, dtype: DType = .float32,
    source: RandomSource? = nil
  ) -> Tensor {
    random(shape, dtype, source) { key, count, target in
      tapestry_random_uniform(dtype.code, key.key, key.counter, count, low, high, target)
    }
  }

  /// Normal random numbers, from `source` or else the scope's random source.
  public static func normal(
    _ shape: TensorShape, mean: Double = 0, deviation: Double = 1, dtype: DType = .float32,
    source: RandomSource? = nil
  ) -> Tensor {
    random(shape, dtype, source) { key, count, target in
      tapestry_random_normal(dtype.code, key.key, key.counter, count, mean, deviation, target)
    }
  }

  private static func random(
    _ shape: TensorShape, _ dtype: DType, _ source: RandomSource?,
    fill: (RandomKey, Int64, UnsafeMutableRawPointer) -> Void
  ) -> Tensor {
    guard dtype.isFloatingPoint else {
      trapAtCaller("random numbers are float32 or float64, not \(dtype)")
    }
    let key = (source ?? RandomSource.current).next()
    return Tensor(shape, dtype) { fill(key, Int64(shape.elementCount), $0) }
  }
}
