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

  func has(_ spec: TensorSpec) -> Bool {
    mean.spec == spec && variance.spec == spec && scale.spec == spec && shift.spec == spec
  }

  /// Factors f and numbers b with which it is f x + b, for x = z + bias: f = scale / sqrt(variance + epsilon),
  /// b = shift + (bias - mean) f.
  func affine(_ bias: Tensor?) -> (factors: Tensor, numbers: Tensor) {
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

/// relu(normalised(input * weight + bias) + addend) in one pass over memory, each part if it is there: operands that fit
/// one another, ready to be computed.
package struct FusedConvolution {
  package let output: TensorSpec
  private let problem: tapestry_convolution
  private let input: Tensor
  private let weight: Tensor
  private let factors: Tensor?
  private let numbers: Tensor?
  private let addend: Tensor?
  private let relu: Bool

  /// Nil where the operands do not fit one another: the ops one by one say why.
  ///
  /// - Parameters:
  ///   - normalization: of the channels of the convolution's result.
  ///   - addend: of the result's shape.
  ///   - relu: whether negative results become 0.
  package init?(
    _ input: Tensor, _ weight: Tensor, bias: Tensor?, stride: Pair, padding: Padding2d,
    dilation: Pair, groups: Int, normalization: FixedNormalization?, adding addend: Tensor?,
    relu: Bool
  ) {
    let (input, weight) = (input.resolved, weight.resolved)
    let (bias, addend) = (bias?.resolved, addend?.resolved)
    let geometry = ConvolutionGeometry(
      window: SlidingWindow(
        size: filterSize(weight), stride: stride, padding: padding, dilation: dilation),
      groups: groups)
    guard let problem = try? geometry.problem(input: input.shape, weight: weight.shape),
      input.dtype.isFloatingPoint, weight.dtype == input.dtype
    else { return nil }
    let vector = TensorSpec(TensorShape([weight.shape[0]]), input.dtype)
    output = TensorSpec(problem.outputShape, input.dtype)
    guard normalization?.has(vector) ?? true, bias.map({ $0.spec == vector }) ?? true,
      addend.map({ [output] in $0.spec == output }) ?? true
    else { return nil }
    let affine = normalization?.affine(bias)
    // Where a mean times a factor nears the end of the range, only (z - mean) factor is right: one op after the other.
    if let affine, !affine.factors.isModest || !affine.numbers.isModest { return nil }
    self.problem = problem
    self.input = input
    self.weight = weight
    self.addend = addend
    self.relu = relu
    factors = affine?.factors
    numbers = affine?.numbers ?? bias
  }

  /// The result.
  package func computed() -> Tensor { Tensor(output) { run(to: $0, imageStride: 0) } }

  /// Writes the result, its images so many elements apart; 0: without a gap.
  func run(to y: UnsafeMutableRawPointer, imageStride: Int) {
    withMemory(input, weight, addend ?? input) { x, w, a in
      withMemory(factors ?? weight, numbers ?? weight) { factors, numbers in
        var problem = problem
        var epilogue = tapestry_convolution_epilogue()
        epilogue.scale = self.factors == nil ? nil : factors
        epilogue.bias = self.numbers == nil ? nil : numbers
        epilogue.addend = addend == nil ? nil : a
        epilogue.relu = relu
        epilogue.image_stride = Int64(imageStride)
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

extension Tensor {
  /// Whether all numbers are finite and far from the largest.
  fileprivate var isModest: Bool { scalars().allSatisfy { Swift.abs($0) < 1e30 } }
}
