import CTapestryKernels
import TapestryGraph

// A convolution and a fully connected layer with what follows them, by one kernel each, for scopes in which nothing but
// the result is wanted. They are no ops: nothing is recorded and no observer is told. Layers decide when to call them.

/// A batch normalisation with given statistics: y = (x - mean) / sqrt(variance + epsilon) · scale + shift per channel.
package struct FixedNormalization {
  let mean: Tensor
  let variance: Tensor
  let scale: Tensor
  let shift: Tensor
  let epsilon: Double

  package init(
    mean: Tensor, variance: Tensor, scale: Tensor, shift: Tensor, epsilon: Double
  ) {
    self.mean = mean.resolved
    self.variance = variance.resolved
    self.scale = scale.resolved
    self.shift = shift.resolved
    self.epsilon = epsilon
  }

  fileprivate var vectors: [Tensor] { [mean, variance, scale, shift] }

  /// Factors f and numbers b with which it is f x + b, for x = z + bias: f = scale / sqrt(variance + epsilon),
  /// b = shift + (bias - mean) f.
  fileprivate func affine(_ bias: Tensor?) -> (factors: Tensor, numbers: Tensor) {
    var numbers: Tensor?
    let factors = Tensor(scale.spec) { factors in
      numbers = Tensor(scale.spec) { numbers in
        withMemory(mean, variance, bias ?? mean) { mean, variance, offset in
          withMemory(scale, shift) { scale, shift in
            tapestry_convolution_fold(
              self.scale.dtype.code, Int64(self.scale.count), epsilon, mean, variance, scale, shift,
              bias == nil ? nil : offset, factors, numbers)
          }
        }
      }
    }
    return (factors, numbers ?? shift)
  }
}

/// relu(normalised(input * weight + bias) + addend) in one pass over memory, each part if it is there.
///
/// - Parameters:
///   - normalization: of the channels of the convolution's result.
///   - addend: of the result's shape.
///   - relu: whether negative results become 0.
/// - Returns: `nil` where the operands do not fit one another: the ops one by one say why.
package func fusedConv2d(
  _ input: Tensor, _ weight: Tensor, bias: Tensor?, stride: Pair, padding: Padding2d,
  dilation: Pair, groups: Int, normalization: FixedNormalization?, adding addend: Tensor?,
  relu: Bool
) -> Tensor? {
  let (x, weight, bias, addend) = (
    input.resolved, weight.resolved, bias?.resolved, addend?.resolved
  )
  let geometry = ConvolutionGeometry(
    window: SlidingWindow(
      size: filterSize(weight), stride: stride, padding: padding, dilation: dilation),
    groups: groups)
  guard var problem = try? geometry.problem(input: x.shape, weight: weight.shape),
    x.dtype.isFloatingPoint, weight.dtype == x.dtype
  else { return nil }
  let vector = TensorSpec(TensorShape([weight.shape[0]]), x.dtype)
  let output = TensorSpec(problem.outputShape, x.dtype)
  guard (normalization?.vectors ?? []).allSatisfy({ $0.spec == vector }),
    bias.map({ $0.spec == vector }) ?? true, addend.map({ $0.spec == output }) ?? true
  else { return nil }
  let affine = normalization?.affine(bias)
  let numbers = affine?.numbers ?? bias
  return Tensor(output) { y in
    withMemory(x, weight, addend ?? x) { x, w, a in
      withMemory(affine?.factors ?? weight, numbers ?? weight) { factors, bias in
        var epilogue = tapestry_convolution_epilogue()
        epilogue.scale = affine == nil ? nil : factors
        epilogue.bias = numbers == nil ? nil : bias
        epilogue.addend = addend == nil ? nil : a
        epilogue.relu = relu
        tapestry_convolution_forward(output.dtype.code, &problem, x, w, &epilogue, y)
      }
    }
  }
}

/// relu(input weightᵀ + bias) in one pass over memory.
///
/// - Returns: `nil` where the operands do not fit one another: the ops one by one say why.
package func fusedLinear(_ input: Tensor, _ weight: Tensor, bias: Tensor?) -> Tensor? {
  var inputs = Tensors(input.resolved, weight.resolved)
  if let bias { inputs.append(bias.resolved) }
  guard (try? Linear().specs(for: inputs)) != nil else { return nil }
  return Linear.product(inputs, relu: true)
}
