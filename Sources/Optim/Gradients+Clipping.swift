import CTapestryKernels
import TapestryGraph

extension Gradients {
  /// The Euclidean norm of all gradients together: the root of the sum of all squares.
  ///
  /// Summed in double precision in the order of the parameters, blocked by index: the same bits on any number of
  /// threads. Not finite when an element is not, or when a square overflows float64.
  public var norm: Double {
    tapestry_sqrt(
      tensors.reduce(0) { sum, tensor in
        sum
          + tensor.readingMemory {
            tapestry_sum_of_squares(tensor.dtype.code, Int64(tensor.count), $0)
          }
      })
  }

  /// Scaled down together so that their ``norm`` is at most `maximum`: every gradient is multiplied by
  /// min(1, maximum / (norm + 1e-6)), as in PyTorch.
  ///
  /// No scaling can mend a norm that is not finite: then the gradients come back as they are, and the norm that
  /// is returned says so. A training loop decides what to do:
  ///
  /// ```swift
  /// let (clipped, norm) = gradients.clipped(toNorm: 1)
  /// if norm.isFinite { optimizer.update(along: clipped) } else { skipped += 1 }
  /// ```
  ///
  /// Costs a pass over the gradients for the norm, and one more where they have to be scaled; passing
  /// ``clippingFactor(toNorm:file:line:)`` to the optimizer's `scale` saves the second.
  ///
  /// - Returns: the gradients, and their norm before.
  /// - Precondition: `maximum` is positive.
  public func clipped(
    toNorm maximum: Double, file: StaticString = #fileID, line: UInt = #line
  ) -> (gradients: Gradients, norm: Double) {
    let (factor, norm) = clippingFactor(toNorm: maximum, file: file, line: line)
    if factor == 1 { return (self, norm) }
    return (map { $0.elementwise(TAPESTRY_AFFINE, factor, 0) }, norm)
  }

  /// What ``clipped(toNorm:file:line:)`` would multiply by, and the norm: 1 where nothing has to be scaled, or
  /// where the norm is not finite.
  ///
  /// ```swift
  /// let (factor, norm) = gradients.clippingFactor(toNorm: 1)
  /// if norm.isFinite { optimizer.update(along: gradients, scale: factor) }
  /// ```
  public func clippingFactor(
    toNorm maximum: Double, file: StaticString = #fileID, line: UInt = #line
  ) -> (factor: Double, norm: Double) {
    requirePositive(maximum, "toNorm", file, line)
    let norm = self.norm
    return (norm.isFinite ? min(1, maximum / (norm + 1e-6)) : 1, norm)
  }

  /// Every element limited to ± `maximum`; NaN stays NaN.
  ///
  /// - Precondition: `maximum` is positive.
  public func clipped(
    toMagnitude maximum: Double, file: StaticString = #fileID, line: UInt = #line
  ) -> Gradients {
    requirePositive(maximum, "toMagnitude", file, line)
    return map { $0.elementwise(TAPESTRY_CLIP, -maximum, maximum) }
  }

  private func requirePositive(
    _ maximum: Double, _ label: String, _ file: StaticString, _ line: UInt
  ) {
    guard maximum > 0 else {
      trap("clipped(\(label):) needs a positive number, not \(maximum)", file: file, line: line)
    }
  }

}

extension Tensor {
  /// f of every element, outside the graph.
  fileprivate func elementwise(_ function: Int, _ alpha: Double, _ beta: Double) -> Tensor {
    Tensor(spec) { y in
      withMemory { x in
        tapestry_unary(Int32(function), dtype.code, Int64(count), x, y, alpha, beta)
      }
    }
  }
}
