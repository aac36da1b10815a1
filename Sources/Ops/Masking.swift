import CTapestryKernels
import TapestryGraph

// What masks choose, and classes as rows of a unit matrix.

extension Tensor {
  /// The positions where a mask that broadcasts to `shape` is true, row-major.
  fileprivate func truePositions(in shape: TensorShape) -> [Int] {
    let mask = resolved.detached().broadcast(to: shape)
    return mask.readingMemory { memory in
      let bytes = UnsafeBufferPointer(
        start: memory.assumingMemoryBound(to: UInt8.self), count: mask.count)
      var positions: [Int] = []
      for place in bytes.indices where bytes[place] != 0 { positions.append(place) }
      return positions
    }
  }

  fileprivate func requireMask(_ mask: Tensor) throws(Misuse) {
    guard mask.dtype == .bool else {
      throw Misuse("the mask is \(mask.dtype), but must be bool: made by `x .> y` and the like")
    }
    guard TensorShape.broadcast(mask.shape, shape) == shape else {
      throw Misuse("the mask \(mask.shape) does not broadcast to \(shape)")
    }
  }

  /// This tensor with a constant where the mask is true. The gradient there is 0, whatever stood there. Integers and masks too.
  ///
  /// - Parameters:
  ///   - mask: bool; broadcasts to this tensor's shape.
  ///   - value: rounded once, to this tensor's type.
  /// - Precondition: a bool mask that broadcasts; a whole number for integers.
  public func maskedFill(
    where mask: Tensor, with value: Double, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let refused = refusal(
      of: "maskedFill", [("input", self), ("mask", mask)], file: file, line: line
    ) { () throws(Misuse) in
      try requireMask(mask)
      guard dtype.isFloatingPoint || Int64(exactly: value) != nil else {
        throw Misuse("\(value) is not a whole number, but the tensor is \(dtype)")
      }
    }
    if let refused { return refused }
    let filling = Tensor(value, dtype: dtype)
    return select(where: mask, filling, else: self, file: file, line: line)
  }

  /// The elements where the mask is true, row-major, as a vector whose length depends on the mask. The gradient goes back to them. Integers and
  /// masks too.
  ///
  /// - Parameter mask: bool; broadcasts to this tensor's shape.
  /// - Precondition: a bool mask that broadcasts. In a dry run the mask has values: how many are true is a shape.
  public func maskedSelect(
    where mask: Tensor, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let refused = refusal(
      of: "maskedSelect", [("input", self), ("mask", mask)], file: file, line: line
    ) { () throws(Misuse) in
      try requireMask(mask)
      guard !mask.isPlaceholder else {
        throw Misuse("the length of the result is how often the mask is true, and it has no values")
      }
    }
    if let refused { return refused }
    let positions = withoutGradients { mask.truePositions(in: shape) }
    return flattened(file: file, line: line)
      .gathered(Tensor(integers: positions), along: 0, file: file, line: line)
  }
}

/// y[.., c] = 1 where c is the index, else 0.
struct OneHot: TensorOperation {
  let classes: Int
  let dtype: DType
  let site: CallSite
  static var inputNames: [String] { ["indices"] }
  var keeps: Kept { .nothing }
  var label: String { counted(classes, "class", "classes") }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let indices = inputs.spec(0)
    guard indices.dtype == .int64 || indices.dtype == .int32 else {
      throw Misuse("the indices are \(indices.dtype), but must be int64 or int32")
    }
    try requireSize(classes, atLeast: 1, "the number of classes")
    return Specs(try TensorShape(checked: Array(indices.shape) + [classes]), dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let indices = inputs[0].checkedIndices(below: classes, displayName, site)
    let count = indices.count
    // Ones scattered along rows of zeros.
    let zeros = Tensor.zeros(TensorShape([count, classes]), dtype: dtype)
    let ones = Tensor.ones(TensorShape([count, 1]), dtype: dtype)
    let hot = withoutGradients {
      zeros.scatter(ones, at: indices.reshaped(to: [count, 1]), along: 1)
    }
    return Tensors(hot.sharing(TensorShape(Array(indices.shape) + [classes])))
  }

  /// Indices have no gradient, so nothing asks for this.
  func backward(_ node: borrowing Differential) -> Tensors { Tensors(nil) }
}

/// A new last axis of classes with 1 at the index and 0 elsewhere; no gradient.
///
/// - Parameters:
///   - indices: int64 or int32, any shape of at most five axes.
///   - classes: the size of the new axis, at least 1.
///   - dtype: of the result. Default: int64.
/// - Returns: `[..., classes]`.
/// - Precondition: every index is in 0 ..< `classes`.
public func oneHot(
  _ indices: Tensor, classes: Int, dtype: DType = .int64, file: StaticString = #fileID,
  line: UInt = #line
) -> Tensor {
  let operation = OneHot(
    classes: classes, dtype: dtype, site: CallSite(file: file, line: line))
  return apply(operation, to: Tensors(indices), file: file, line: line)[0]
}
