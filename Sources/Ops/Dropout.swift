import CTapestryKernels
import TapestryGraph

/// y = mask x, where the mask is 0 with `probability` and otherwise 1 / (1 - probability).
///
/// The mask is made from its key each time and never kept; the op is its own transpose.
struct Dropout: PointwiseOperation {
  let probability: Double
  let key: RandomKey
  /// Whether one number decides for a whole channel.
  let isChannelwise: Bool

  var keeps: Kept { .nothing }
  var label: String { "p \(probability)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    guard probability >= 0, probability <= 1 else {
      throw Misuse("the probability lies in 0 ... 1, it is \(probability)")
    }
    guard !isChannelwise || inputs[0].rank >= 2 else {
      throw Misuse(
        "channels lie on axis 1, but the input has \(counted(inputs[0].rank, "axis", "axes"))")
    }
    return Specs(inputs.spec(0))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let x = inputs[0]
    if isChannelwise { return Tensors(x.combined(TAPESTRY_MULTIPLY, with: channelMask(x))) }
    var count = Int64(x.count)
    var stride: Int64 = 1
    return Tensors(
      Tensor(x.spec) { y in
        fill(y, x.dtype, count: x.count)
        x.withMemory { x in
          tapestry_binary(
            Int32(TAPESTRY_MULTIPLY), inputs.spec(0).dtype.code, 1, &count, &stride, &stride, x, y,
            y)
        }
      })
  }

  private func channelMask(_ x: Tensor) -> Tensor {
    var shape = x.shape
    for axis in 2..<shape.rank { shape[axis] = 1 }
    return Tensor(shape, x.dtype) { fill($0, x.dtype, count: shape.elementCount) }
  }

  private func fill(_ mask: UnsafeMutableRawPointer, _ dtype: DType, count: Int) {
    let value = probability < 1 ? 1 / (1 - probability) : 0
    tapestry_random_mask(dtype.code, key.key, key.counter, Int64(count), probability, value, mask)
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(apply(self, to: Tensors(node.cotangent))[0])
  }

  func jvp(_ node: borrowing Differential) -> Tensors {
    Tensors(node.tangent(0).map { apply(self, to: Tensors($0))[0] })
  }
}

private func dropout(
  _ x: Tensor, _ probability: Double, isChannelwise: Bool, file: StaticString, line: UInt
) -> Tensor {
  if probability == 0 || !isTraining { return x }
  // A dry run draws no random numbers.
  let key = x.isPlaceholder ? RandomKey(key: 0, counter: 0) : RandomSource.current.next()
  return apply(
    Dropout(probability: probability, key: key, isChannelwise: isChannelwise), to: Tensors(x),
    file: file, line: line)[0]
}

/// The input with each element dropped with a probability, and the rest scaled to keep the expected
/// sum; under `inference(_:)` the input itself.
///
/// y = x · mask / (1 - probability). The mask comes from the scope's random source (one block of
/// numbers per call); its key is part of the recorded op, so the backward pass and recomputation
/// see the same mask, and nothing is kept.
///
/// - Parameters:
///   - x: any shape.
///   - probability: of dropping an element, in 0 ... 1. Default: 0.5.
/// - Precondition: float32 or float64, the probability in range.
///
/// Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.
public func dropout(
  _ x: Tensor, probability: Double = 0.5, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  dropout(x, probability, isChannelwise: false, file: file, line: line)
}

/// As ``dropout(_:probability:file:line:)``, for whole channels of `[N, C, ...]`: neighbouring
/// pixels are too alike for dropping single ones to matter.
///
/// Tompson et al., "Efficient object localization using convolutional networks", 2014.
public func dropout2d(
  _ x: Tensor, probability: Double = 0.5, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  dropout(x, probability, isChannelwise: true, file: file, line: line)
}

/// x · mask / (1 - probability) for a given mask of zeros and ones.
package func dropout(_ x: Tensor, mask: Tensor, probability: Double) -> Tensor {
  x * (mask.detached().converted(to: x.dtype) * (1 / (1 - probability)))
}
