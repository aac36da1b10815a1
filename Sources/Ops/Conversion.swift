import CTapestryKernels
import TapestryGraph

/// y = x as another element type. Between floating types the derivative is the conversion back.
struct Convert: PointwiseOperation {
  let dtype: DType
  var keeps: Kept { .nothing }
  var label: String { "to \(dtype)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    Specs(inputs.spec(0).shape, dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    return Tensors(
      Tensor(x.shape, dtype) { y in
        x.withMemory { tapestry_convert(x.dtype.code, dtype.code, Int64(x.count), $0, y) }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent.converted(to: node.inputSpec(0).dtype))
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0)?.converted(to: dtype))
  }
}

extension Tensor {
  /// The elements as another type; this tensor itself where it has that type.
  ///
  /// Between floating types rounded to nearest, and differentiable. Floating to integer truncates and saturates,
  /// NaN gives 0; int64 to int32 saturates; to bool means `!= 0`; from bool gives 0 and 1.
  ///
  /// - Precondition: none; every type converts to every other.
  public func converted(
    to dtype: DType, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    self.dtype == dtype
      ? self : apply(Convert(dtype: dtype), to: Tensors(self), file: file, line: line)[0]
  }
}
