import TapestryGraph

// The reductions as methods. Axes count from 0, negative ones from the end; where none is named, all are
// reduced. The reduced axes vanish, or stay with size 1 if `keepingDimensions`.

extension Tensor {
  /// The sum along some axes, or of all elements: 0 of none. Integers wrap around.
  ///
  /// - Precondition: the axes exist, none is named twice; not bool.
  public func sum(
    along axes: Int..., keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    sum(along: axes, keepingDimensions: keepingDimensions, file: file, line: line)
  }

  /// The sum along these axes; along all if there are none.
  ///
  /// - Precondition: the axes exist, none is named twice; not bool.
  public func sum(
    along axes: [Int], keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    reduced(Sum(axes: axes, keepsDimensions: keepingDimensions), file, line)
  }

  /// The mean along some axes, or of all elements: NaN of none.
  ///
  /// - Precondition: the axes exist, none is named twice; float32 or float64.
  public func mean(
    along axes: Int..., keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    mean(along: axes, keepingDimensions: keepingDimensions, file: file, line: line)
  }

  /// The mean along these axes; along all if there are none.
  ///
  /// - Precondition: the axes exist, none is named twice; float32 or float64.
  public func mean(
    along axes: [Int], keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    reduced(Mean(axes: axes, keepsDimensions: keepingDimensions), file, line)
  }

  /// The largest element along some axes, or of all; NaN where there is one.
  ///
  /// Elements that are equally large share the gradient evenly; a NaN counts as largest.
  ///
  /// - Precondition: the reduced axes have elements.
  public func max(
    along axes: Int..., keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    max(along: axes, keepingDimensions: keepingDimensions, file: file, line: line)
  }

  /// The largest element along these axes; along all if there are none.
  ///
  /// - Precondition: the axes exist, none is named twice, and have elements; not bool.
  public func max(
    along axes: [Int], keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    reduced(Max(axes: axes, keepsDimensions: keepingDimensions), file, line)
  }

  /// The smallest element along some axes, or of all; NaN where there is one.
  ///
  /// Elements that are equally small share the gradient evenly; a NaN counts as smallest.
  ///
  /// - Precondition: the reduced axes have elements.
  public func min(
    along axes: Int..., keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    min(along: axes, keepingDimensions: keepingDimensions, file: file, line: line)
  }

  /// The smallest element along these axes; along all if there are none.
  ///
  /// - Precondition: the axes exist, none is named twice, and have elements; not bool.
  public func min(
    along axes: [Int], keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    reduced(Min(axes: axes, keepsDimensions: keepingDimensions), file, line)
  }

  /// The variance along some axes, or of all elements: Σ (x - mean)² / (n - 1), or / n if not `unbiased`.
  ///
  /// Computed in two passes, so that a large mean costs no digits. NaN where the divisor is 0.
  ///
  /// - Precondition: the axes exist, none is named twice; float32 or float64.
  public func variance(
    along axes: Int..., unbiased: Bool = true, keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    variance(
      along: axes, unbiased: unbiased, keepingDimensions: keepingDimensions, file: file, line: line)
  }

  /// The variance along these axes; along all if there are none.
  ///
  /// - Precondition: the axes exist, none is named twice; float32 or float64.
  public func variance(
    along axes: [Int], unbiased: Bool = true, keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    reduced(
      Variance(axes: axes, keepsDimensions: keepingDimensions, isUnbiased: unbiased), file, line)
  }

  /// ln Σ e^x along some axes, or of all elements, without overflow.
  ///
  /// - Precondition: the reduced axes have elements.
  public func logSumExp(
    along axes: Int..., keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    logSumExp(along: axes, keepingDimensions: keepingDimensions, file: file, line: line)
  }

  /// ln Σ e^x along these axes; along all if there are none.
  ///
  /// - Precondition: the axes exist, none is named twice, and have elements; float32 or float64.
  public func logSumExp(
    along axes: [Int], keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    reduced(LogSumExp(axes: axes, keepsDimensions: keepingDimensions), file, line)
  }

  /// The Euclidean norm √Σ x² along some axes, or of all elements, without overflow of the squares.
  ///
  /// The gradient of a norm that is 0 is 0.
  ///
  /// - Precondition: the axes exist, none is named twice; float32 or float64.
  public func norm(
    along axes: Int..., keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    norm(along: axes, keepingDimensions: keepingDimensions, file: file, line: line)
  }

  /// The Euclidean norm along these axes; along all if there are none.
  ///
  /// - Precondition: the axes exist, none is named twice; float32 or float64.
  public func norm(
    along axes: [Int], keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    reduced(Norm(axes: axes, keepsDimensions: keepingDimensions), file, line)
  }

  /// The position of the first largest element, int64 and without a gradient. NaN counts as largest.
  ///
  /// - Parameter axis: along which to look; by default all elements in row-major order.
  /// - Precondition: the axis has elements.
  public func argmax(
    along axis: Int? = nil, keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    apply(
      ArgMax(axis: axis, keepsDimensions: keepingDimensions), to: Tensors(self), file: file,
      line: line)[0]
  }

  /// The position of the first smallest element, int64 and without a gradient. NaN counts as smallest.
  ///
  /// - Parameter axis: along which to look; by default all elements in row-major order.
  /// - Precondition: the axis has elements.
  public func argmin(
    along axis: Int? = nil, keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    apply(
      ArgMin(axis: axis, keepsDimensions: keepingDimensions), to: Tensors(self), file: file,
      line: line)[0]
  }

  /// The largest element along an axis and the position where it stands first, as int64. NaN wins, the first of several.
  ///
  /// All of the gradient goes to that position, where ``max(along:keepingDimensions:file:line:)`` shares it among equals.
  ///
  /// - Precondition: the axis exists and has elements; not bool.
  public func maxWithIndices(
    along axis: Int, keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> (values: Tensor, indices: Tensor) {
    let results = apply(
      MaxWithIndices(axis: axis, keepsDimensions: keepingDimensions), to: Tensors(self),
      file: file, line: line)
    return (results[0], results[1])
  }

  /// The smallest element along an axis and the position where it stands first, as int64. NaN wins, the first of several.
  ///
  /// All of the gradient goes to that position, where ``min(along:keepingDimensions:file:line:)`` shares it among equals.
  ///
  /// - Precondition: the axis exists and has elements; not bool.
  public func minWithIndices(
    along axis: Int, keepingDimensions: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> (values: Tensor, indices: Tensor) {
    let results = apply(
      MinWithIndices(axis: axis, keepsDimensions: keepingDimensions), to: Tensors(self),
      file: file, line: line)
    return (results[0], results[1])
  }

  private func reduced(
    _ operation: some ReducingOperation, _ file: StaticString, _ line: UInt
  ) -> Tensor {
    apply(operation, to: Tensors(self), file: file, line: line)[0]
  }
}
