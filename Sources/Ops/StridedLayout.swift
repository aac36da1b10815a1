import CTapestryKernels
import TapestryGraph

// Regular ways through a tensor's memory, and their transposes. Diagonals, sliding windows and patches of images are
// such ways; their indices may meet in one element.

/// Index (i, j, ...) of `sizes` stands for element start + i strides[0] + j strides[1] + ... of a tensor of `shape`.
struct StridedLayout: Sendable {
  let shape: TensorShape
  let sizes: TensorShape
  let strides: [Int64]
  let start: Int
  /// Whether no two indices meet in one element.
  let isInjective: Bool
}

/// y[i] = x[the element that index i stands for].
struct StridedPart: TensorOperation {
  /// The function that the user called.
  let function: String
  let layout: StridedLayout
  var displayName: String { function }
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs.spec(0).shape == layout.shape else {
      throw Misuse("reads a tensor of shape \(layout.shape), not \(inputs.spec(0).shape)")
    }
    return Specs(layout.sizes, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(
      inputs[0].copied(
        to: layout.sizes, sizes: layout.sizes,
        targetStrides: layout.sizes.strides.map(Int64.init), sourceStrides: layout.strides,
        sourceStart: layout.start))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(
      apply(StridedSum(function: function, layout: layout), to: Tensors(node.cotangent))[0])
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { apply(self, to: Tensors($0))[0] })
  }
}

/// y = 0, and y[the element that index i stands for] += x[i]: the transpose of ``StridedPart``.
struct StridedSum: TensorOperation {
  let function: String
  let layout: StridedLayout
  var displayName: String { function }
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs.spec(0).shape == layout.sizes else {
      throw Misuse("adds up a tensor of shape \(layout.sizes), not \(inputs.spec(0).shape)")
    }
    try requireSameType(inputs)
    return Specs(layout.shape, inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    let strides = layout.sizes.strides.map(Int64.init)
    if layout.isInjective {
      return Tensors(
        x.copied(
          to: layout.shape, sizes: layout.sizes, targetStrides: layout.strides,
          targetStart: layout.start, sourceStrides: strides, clearing: 0))
    }
    return Tensors(
      Tensor(layout.shape, x.dtype) { y in
        tapestry_fill(x.dtype.code, Int64(layout.shape.elementCount), 0, y)
        if layout.sizes.elementCount == 0 { return }
        x.withMemory { x in
          tapestry_strided_add(
            inputs.spec(0).dtype.code, Int32(layout.sizes.rank), layout.sizes.map(Int64.init),
            layout.strides, y + layout.start * inputs.spec(0).dtype.size, strides, x)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(
      apply(StridedPart(function: function, layout: layout), to: Tensors(node.cotangent))[0])
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { apply(self, to: Tensors($0))[0] })
  }
}
