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
          tapestry_binary(Int32(TAPESTRY_ADD), inputs[0].dtype.code, 1, &size, &stride, &stride, a, b, y)
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
func dot(_ a: Tensor, _ b: Tensor) -> Double {
  withMemory(a, b) { x, y in tapestry_dot(a.dtype.code, Int64(a.count), x, y) }
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
