import CTapestryKernels
import TapestryGraph

// What shape rules and forwards of several families share.

/// All operands must have the element type of the first, a floating-point one unless told otherwise.
func requireSameType(
  _ inputs: borrowing Tensors, allowingIntegers: Bool = false
) throws(Misuse) {
  let dtype = inputs[0].dtype
  guard dtype.isFloatingPoint || allowingIntegers else {
    throw Misuse("needs float32 or float64, not \(dtype); convert with converted(to:)")
  }
  for index in 1..<max(inputs.count, 1) where inputs[index].dtype != dtype {
    throw Misuse(
      "operands differ in type, \(dtype) and \(inputs[index].dtype); convert one with converted(to:)")
  }
}

/// An axis counted from 0; a negative one counts from the end.
func normalizedAxis(_ axis: Int, rank: Int) throws(Misuse) -> Int {
  let positive = axis < 0 ? axis + rank : axis
  guard positive >= 0, positive < rank else {
    throw Misuse("axis \(axis) does not exist in a tensor with \(rank) axes")
  }
  return positive
}

/// Strides with which a dense tensor of `shape` is read as `target`: 0 along broadcast axes.
func broadcastStrides(_ shape: TensorShape, to target: TensorShape) -> [Int64] {
  let missing = target.rank - shape.rank
  let strides = shape.strides
  return target.indices.map { axis in
    axis < missing || shape[axis - missing] == 1 ? 0 : Int64(strides[axis - missing])
  }
}

extension Tensor {
  /// y = f(x; alpha, beta), elementwise, by a kernel.
  func mapped(_ function: Int, _ alpha: Double = 0, _ beta: Double = 0) -> Tensor {
    Tensor(spec) { y in
      withMemory { x in
        tapestry_unary(Int32(function), dtype.code, Int64(count), x, y, alpha, beta)
      }
    }
  }

  /// y = f(a, b), elementwise with broadcasting, by a kernel. The shapes have been checked.
  func combined(_ function: Int, with other: Tensor) -> Tensor {
    if shape == other.shape {
      var size = Int64(count)
      var stride: Int64 = 1
      return Tensor(spec) { y in
        TapestryGraph.withMemory(self, other) { a, b in
          tapestry_binary(Int32(function), dtype.code, 1, &size, &stride, &stride, a, b, y)
        }
      }
    }
    let target = TensorShape.broadcast(shape, other.shape)!
    return Tensor(target, dtype) { y in
      TapestryGraph.withMemory(self, other) { a, b in
        tapestry_binary(
          Int32(function), dtype.code, Int32(target.rank), target.map(Int64.init),
          broadcastStrides(shape, to: target), broadcastStrides(other.shape, to: target), a, b, y)
      }
    }
  }
}
