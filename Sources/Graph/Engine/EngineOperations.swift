import CTapestryKernels

/// The ops that the engine itself needs; everything else lives in the module of ops.

/// a + b for equal shapes: where the cotangents of a tensor used twice meet.
struct Accumulate: TensorOperation {
  var keeps: Kept { .nothing }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs[0].spec == inputs[1].spec else {
      throw Misuse("\(inputs[0].spec) and \(inputs[1].spec) cannot be summed")
    }
    return Specs(inputs[0].spec)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (a, b) = (inputs[0], inputs[1])
    var size = Int64(a.count)
    var stride: Int64 = 1
    return Tensors(
      Tensor(a.spec) { y in
        withMemory(a, b) { a, b in
          tapestry_binary(
            Int32(TAPESTRY_ADD), inputs[0].dtype.code, 1, &size, &stride, &stride, a, b, y)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent, node.cotangent)
  }
}

/// a + b for equal shapes and types.
func sum(_ a: Tensor, _ b: Tensor) -> Tensor { apply(Accumulate(), to: Tensors(a, b))[0] }

/// Σ a b as a number.
package func innerProduct(_ a: Tensor, _ b: Tensor) -> Double {
  a.readingMemory { x in
    b.readingMemory { y in tapestry_dot(a.dtype.code, Int64(a.count), x, y) }
  }
}

/// y = x on the same memory: a new place in the graph.
struct Identity: TensorOperation {
  var keeps: Kept { .nothing }
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { Specs(inputs[0].spec) }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].sharing(inputs[0].shape))
  }
  func backward(_ node: borrowing Differential) -> Tensors { Tensors(node.cotangent) }
  func jvp(_ node: borrowing Differential) -> Tensors { Tensors(node.tangent(0)) }
}

/// y = Σ w x, a scalar, for a constant w: what second-order checks differentiate.
struct WeightedSum: TensorOperation {
  let weights: Tensor
  var keeps: Kept { .nothing }

  static func of(_ x: Tensor, _ weights: Tensor) -> Tensor {
    apply(WeightedSum(weights: weights), to: Tensors(x))[0]
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { Specs([], inputs[0].dtype) }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(Tensor(innerProduct(inputs[0], weights), dtype: inputs[0].dtype))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(apply(Scaled(tensor: weights), to: Tensors(node.cotangent))[0])
  }

  /// y = s w for a scalar s and a constant w: the transpose.
  struct Scaled: TensorOperation {
    let tensor: Tensor
    var keeps: Kept { .nothing }

    func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs { Specs(tensor.spec) }

    func forward(_ inputs: borrowing Tensors) -> Tensors {
      let factor = inputs[0].item
      return Tensors(
        Tensor(tensor.spec) { y in
          tensor.withMemory { x in
            tapestry_unary(
              Int32(TAPESTRY_AFFINE), tensor.dtype.code, Int64(tensor.count), x, y, factor, 0)
          }
        })
    }

    func backward(_ node: borrowing Differential) -> Tensors {
      Tensors(WeightedSum.of(node.cotangent, tensor))
    }
  }
}
