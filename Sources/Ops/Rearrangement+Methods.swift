import TapestryGraph

// The rearrangements as methods. Axes count from 0, negative ones from the end.

extension Tensor {
  /// The same elements in row-major order with another shape; shares the memory.
  ///
  /// - Parameter sizes: a shape or an array; one of them may be -1, for whatever remains.
  /// - Precondition: as many elements as this tensor has.
  public func reshaped(
    to sizes: some Collection<Int>, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    apply(Reshape(sizes), to: Tensors(self), file: file, line: line)[0]
  }

  /// The axes from `axis` on merged into one: `flattened(from: 1)` makes `[N, C H W]` of images.
  ///
  /// - Parameter axis: 0 by default, for a vector. A scalar becomes a vector of one.
  /// - Precondition: the axis exists.
  public func flattened(
    from axis: Int = 0, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let first = axis < 0 ? axis + rank : axis
    guard first >= 0, first < Swift.max(rank, 1) else {
      let refusal = Reshape(problem: "axis \(axis) does not exist in a tensor with \(rank) axes")
      return apply(refusal, to: Tensors(self), file: file, line: line)[0]
    }
    let merged = shape[first...].reduce(1, *)
    return reshaped(to: Array(shape[..<first]) + [merged], file: file, line: line)
  }

  /// A new axis of size 1, which becomes axis `axis` of the result; -1 adds it at the end.
  ///
  /// - Precondition: at most five axes so far, and a place among them.
  public func expandedDimensions(
    at axis: Int, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    apply(ExpandDimensions(axis: axis), to: Tensors(self), file: file, line: line)[0]
  }

  /// Without these axes, all of size 1; without every axis of size 1 if none is named.
  ///
  /// - Precondition: the named axes have size 1.
  public func squeezed(
    _ axes: Int..., file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    apply(Squeeze(axes: axes), to: Tensors(self), file: file, line: line)[0]
  }

  /// The axes in another order: axis k of the result is axis `permutation[k]` of this tensor.
  ///
  /// - Parameter permutation: every axis once; if none is named the last two are swapped.
  /// - Precondition: a permutation of all axes; two or more axes where none is named.
  public func transposed(
    _ permutation: Int..., file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    transposed(permutation, file: file, line: line)
  }

  /// The axes in another order; with an empty list the last two are swapped.
  ///
  /// - Precondition: a permutation of all axes; two or more axes where none is named.
  public func transposed(
    _ permutation: [Int], file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    apply(Transpose(permutation: permutation), to: Tensors(self), file: file, line: line)[0]
  }

  /// Repeated to `shape` along axes of size 1 and along new axes in front. The gradient is summed over them.
  ///
  /// - Precondition: aligned at the last axis, each size is 1 or that of `shape`.
  public func broadcast(
    to shape: TensorShape, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    self.shape == shape
      ? self : apply(Broadcast(shape: shape), to: Tensors(self), file: file, line: line)[0]
  }

  /// In reverse order along some axes; along all if none is named.
  ///
  /// - Precondition: the axes exist.
  public func flipped(
    along axes: Int..., file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    flipped(along: axes, file: file, line: line)
  }

  /// In reverse order along these axes; along all if there are none.
  ///
  /// - Precondition: the axes exist.
  public func flipped(
    along axes: [Int], file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    apply(Flip(axes: axes), to: Tensors(self), file: file, line: line)[0]
  }
}

/// y = x with one more axis, of size 1, on the same memory.
struct ExpandDimensions: TensorOperation {
  let axis: Int
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let shape = inputs.spec(0).shape
    guard shape.rank < TensorShape.maximumRank else {
      throw Misuse("\(shape) has six axes already")
    }
    let place = try normalizedAxis(axis, rank: shape.rank + 1)
    return Specs(TensorShape(shape[..<place] + [1] + shape[place...]), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors, _ specs: borrowing Specs) -> Tensors {
    Tensors(inputs[0].sharing(specs[0].shape))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent.reshaped(to: node.inputSpec(0).shape))
  }
}

/// y = x without some axes of size 1, on the same memory.
struct Squeeze: TensorOperation {
  /// Empty for all of size 1.
  let axes: [Int]
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let shape = inputs.spec(0).shape
    if axes.isEmpty { return Specs(TensorShape(shape.filter { $0 != 1 }), inputs.spec(0).dtype) }
    let set = try AxisSet(axes, rank: shape.rank)
    for axis in shape.indices where set.contains(axis) && shape[axis] != 1 {
      throw Misuse("axis \(axis) of \(shape) has size \(shape[axis]), not 1")
    }
    let remaining = shape.indices.filter { !set.contains($0) }.map { shape[$0] }
    return Specs(TensorShape(remaining), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors, _ specs: borrowing Specs) -> Tensors {
    Tensors(inputs[0].sharing(specs[0].shape))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent.reshaped(to: node.inputSpec(0).shape))
  }
}
