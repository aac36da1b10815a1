import TapestryGraph
import TapestryOps

// Convolutions and fully connected layers with what follows them, in one pass over memory. That is done where it goes
// unnoticed: nothing is recorded, observed, run dry or tapped, so that only the result counts, as in `inference { }`.
// Everywhere else the calls below are layers one after the other, so summaries, drawings, exports and gradients know
// nothing of it. Both ways give the same result up to rounding. Factors of a normalisation are made of its values at
// every call: nothing is cached.

extension Conv2d {
  /// `relu(norm(convolution(input)) + addend)`, in one pass over memory under `inference { }`.
  ///
  /// ```swift
  /// let x = conv1(input, then: bn1, relu)
  /// return conv2(x, then: bn2, adding: input, relu)
  /// ```
  ///
  /// - Parameters:
  ///   - input: `[N, in, H, W]`.
  ///   - norm: of the convolution's channels.
  ///   - addend: shaped like the result; made after the normalisation when layers run one by one. Default: none.
  ///   - relu: comes last. Default: none.
  /// - Returns: `[N, out, H', W']`.
  public func callAsFunction(
    _ input: Tensor, then norm: BatchNorm2d, adding addend: @autoclosure () -> Tensor? = nil,
    _ relu: ReLU? = nil, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    guard onlyResultsCount, norm.isFixed else {
      return oneByOne(input, norm, relu, file, line, addend)
    }
    let addend = addend()
    return fused(input, then: norm, adding: addend, relu: relu != nil)
      ?? oneByOne(input, norm, relu, file, line) { addend }
  }

  /// `relu(convolution(input))`, in one pass over memory under `inference { }`.
  public func callAsFunction(
    _ input: Tensor, then relu: ReLU, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    fused(input, relu: true) ?? relu(self(input, file: file, line: line), file: file, line: line)
  }

  /// Nil where it would be noticed, where the normalisation depends on the batch, and where operands do not fit: the layers
  /// themselves shall say so.
  func fused(
    _ input: Tensor, then norm: BatchNorm2d? = nil, adding addend: Tensor? = nil, relu: Bool
  ) -> Tensor? {
    guard onlyResultsCount, norm?.isFixed ?? true else { return nil }
    return prepared(input, norm?.fixed, adding: addend, relu: relu)?.computed()
  }

  /// Nil where operands do not fit.
  func prepared(
    _ input: Tensor, _ normalization: FixedNormalization? = nil, adding addend: Tensor? = nil,
    relu: Bool = false
  ) -> FusedConvolution? {
    FusedConvolution(
      input, weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
      groups: groups, normalization: normalization, adding: addend, relu: relu)
  }

  private func oneByOne(
    _ input: Tensor, _ norm: BatchNorm2d, _ relu: ReLU?, _ file: StaticString, _ line: UInt,
    _ addend: () -> Tensor?
  ) -> Tensor {
    let x = self(input, file: file, line: line)
    if mayFuseLayers, let relu { return norm.rectified(x, adding: addend(), by: relu) }
    let normal = norm(x, file: file, line: line)
    let sum = addend().map { normal + $0 } ?? normal
    return relu?(sum, file: file, line: line) ?? sum
  }
}

extension BatchNorm2d {
  /// Whether the running statistics are used, and not those of the batch.
  var isFixed: Bool { !isTraining || runningMean.isFrozen }

  var fixed: FixedNormalization {
    FixedNormalization(
      mean: runningMean, variance: runningVariance, scale: weight, shift: bias, epsilon: epsilon)
  }
}

extension Linear {
  /// `relu(linear(input))`, in one pass over memory under `inference { }`.
  public func callAsFunction(
    _ input: Tensor, then relu: ReLU, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    fusedWithRelu(input) ?? relu(self(input, file: file, line: line), file: file, line: line)
  }

  /// Nil where it would be noticed, and where operands do not fit: the layers themselves shall say so.
  fileprivate func fusedWithRelu(_ input: Tensor) -> Tensor? {
    onlyResultsCount ? fusedLinear(input, weight, bias: bias) : nil
  }
}

/// The result of the layer at `index` and those behind it that are fused with it, and the place after them. Nil where there
/// are none.
func fusedLayers(
  _ layers: [any Model], from index: Int, on input: Tensor
) -> (result: Tensor, next: Int)? {
  guard onlyResultsCount, index + 1 < layers.count else { return nil }
  switch layers[index] {
  case let conv as Conv2d:
    let norm = layers[index + 1] as? BatchNorm2d
    let next = norm == nil ? index + 1 : index + 2
    let hasRelu = next < layers.count && layers[next] is ReLU
    guard norm != nil || hasRelu else { return nil }
    return conv.fused(input, then: norm, relu: hasRelu).map { ($0, hasRelu ? next + 1 : next) }
  case let linear as Linear where layers[index + 1] is ReLU:
    return linear.fusedWithRelu(input).map { ($0, index + 2) }
  default:
    return nil
  }
}

/// Whether nobody would notice which ops make a result.
var onlyResultsCount: Bool { leavesOnlyResults && mayFuseLayers }
