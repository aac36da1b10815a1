import TapestryGraph
import TapestryOps
import TestSupport

/// A function of 30 ops that a seed determines: which op, of which earlier results, with which sizes.
///
/// Choices depend on the seed and on shapes alone, never on values, so the function is as smooth as
/// its ops. Each step takes earlier results, most often the last; those that nothing took are summed up in the end, so
/// that no op is idle.
final class RandomGraph {
  enum Step: String, CaseIterable {
    case tanh, sigmoid, sin, gelu, softplus, softmax, exp, square, sqrt, log, relu, leakyRelu, elu
    case add, subtract, multiply, divide, power, maximum, select
    case mean, sum, max, variance, logSumExp, norm
    case reshape, transpose, flip, slice, pad, concatenate, stack, broadcast, image
    case matmul, convolution, transposedConvolution
    case maxPool, averagePool, lpPool, adaptivePool
    case batchNorm, layerNorm, groupNorm, localResponse, crossEntropy, checkpoint
  }

  /// An image and a store of weights.
  static var inputs: [Tensor] { [sample([2, 2, 4, 4], seed: 31), sample([24], seed: 32)] }

  private let random: RandomSource
  private var results: [(tensor: Tensor, isUsed: Bool)] = []
  private var weights = Tensor(0)
  private var steps: [String] = []

  init(seed: UInt64) { random = RandomSource(seed: seed &* 7_919) }

  /// The weighted sums of all results that no other op took, and the names of the steps.
  func run(_ inputs: [Tensor]) -> (output: Tensor, steps: [String]) {
    weights = inputs[1]
    results = [(inputs[0], false)]
    while steps.count < 30 {
      let step = Step.allCases[random.integer(below: Step.allCases.count)]
      let place = draw()
      let x = results[place].tensor
      guard let y = apply(step, x), y.count > 0, y.count <= 128 else { continue }
      results[place].isUsed = true
      results.append((y, false))
      steps.append(step.rawValue)
    }
    let loose = results.filter { !$0.isUsed }.map(\.tensor)
    let sums = loose.enumerated().map { index, x in
      (x * sample(x.shape, seed: UInt64(500 + index))).sum()
    }
    return (stack(sums), steps)
  }

  /// The place of an operand: two times out of three the last result.
  private func draw() -> Int {
    let last = results.count - 1
    return random.integer(below: 3) > 0 ? last : random.integer(below: last + 1)
  }

  /// A second operand that broadcasts with `x`: an earlier result, or its mean.
  private func partner(of x: Tensor) -> Tensor {
    let place = draw()
    results[place].isUsed = true
    let y = results[place].tensor
    return y.shape == x.shape ? y : y.mean()
  }

  /// Weights of a shape, drawn with repetition from the store.
  private func weight(_ shape: TensorShape) -> Tensor {
    let indices = (0..<shape.elementCount).map { _ in random.integer(below: weights.count) }
    let values = weights.gathered(Tensor(integers: indices), along: 0)
    let fanIn = shape.rank == 4 ? shape[1] * shape[2] * shape[3] : shape[0]
    return values.reshaped(to: Array(shape)) / Double(fanIn).squareRoot()
  }

  private func number(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + random.integer(below: range.count)
  }

  private func axis(of x: Tensor) -> Int? {
    let axes = (0..<x.rank).filter { x.shape[$0] > 1 }
    return axes.isEmpty ? nil : axes[random.integer(below: axes.count)]
  }

  /// The step on `x`, or `nil` where the shape does not suit it.
  private func apply(_ step: Step, _ x: Tensor) -> Tensor? {
    switch step {
    case .tanh: return TapestryOps.tanh(x)
    case .sigmoid: return TapestryOps.sigmoid(x)
    case .sin: return TapestryOps.sin(x)
    case .gelu: return TapestryOps.gelu(x)
    case .softplus: return TapestryOps.softplus(x)
    case .exp: return TapestryOps.exp(TapestryOps.tanh(x))
    case .square: return TapestryOps.square(TapestryOps.tanh(x))
    case .sqrt: return TapestryOps.sqrt(TapestryOps.square(x) + 1)
    case .log: return TapestryOps.log(TapestryOps.square(x) + 0.5)
    case .relu: return TapestryOps.relu(x)
    case .leakyRelu: return TapestryOps.leakyRelu(x, slope: 0.3)
    case .elu: return TapestryOps.elu(x)
    case .add: return x + partner(of: x)
    case .subtract: return x - partner(of: x)
    case .multiply: return x * TapestryOps.tanh(partner(of: x))
    case .divide: return x / (TapestryOps.square(partner(of: x)) + 1)
    case .power: return pow(TapestryOps.sigmoid(x) + 0.5, TapestryOps.tanh(partner(of: x)))
    case .maximum: return TapestryOps.maximum(x, partner(of: x) * 0.7 + 0.013)
    case .select:
      let mask = sample(x.shape, seed: UInt64(number(1...99))) .> 0
      return TapestryOps.select(where: mask, x, else: partner(of: x) * 0.5)
    case .checkpoint:
      let y = partner(of: x)
      return checkpointed { TapestryOps.tanh(x * 0.5) * y + TapestryOps.sin(x * y) }
    default: return apply(reduction: step, x)
    }
  }

  private func apply(reduction step: Step, _ x: Tensor) -> Tensor? {
    switch step {
    case .mean, .sum, .max, .variance, .logSumExp, .norm, .softmax, .layerNorm:
      guard let axis = axis(of: x) else { return nil }
      let keeps = random.integer(below: 2) == 0
      switch step {
      case .mean: return x.mean(along: axis, keepingDimensions: keeps)
      case .sum: return x.sum(along: axis, keepingDimensions: keeps) / Double(x.shape[axis])
      case .max: return x.max(along: axis, keepingDimensions: keeps)
      case .variance: return x.variance(along: axis, keepingDimensions: keeps)
      case .logSumExp: return x.logSumExp(along: axis, keepingDimensions: keeps)
      // Not at 0, where a norm has a corner.
      case .norm: return (TapestryOps.tanh(x) + 2).norm(along: axis, keepingDimensions: keeps)
      case .softmax: return TapestryOps.softmax(x, axis: axis)
      default:
        let last = x.transposed(axis, to: x.rank - 1)
        let shape: TensorShape = [last.shape[x.rank - 1]]
        return TapestryOps.layerNorm(last, normalizedShape: shape, epsilon: 0.1)
      }
    default: return apply(shape: step, x)
    }
  }

  private func apply(shape step: Step, _ x: Tensor) -> Tensor? {
    switch step {
    case .reshape: return x.reshaped(to: random.integer(below: 2) == 0 ? [-1] : [1, -1])
    case .transpose: return x.rank < 2 ? nil : x.transposed(random.permutation(of: x.rank))
    case .flip: return axis(of: x).map { x.flipped(along: $0) }
    case .slice:
      return axis(of: x).map { x.sliced(1..., along: $0, step: number(1...2)) }
    case .pad:
      let sides = (0..<x.rank).map { _ in (number(0...1), number(0...1)) }
      return x.padded(sides, value: 0.3)
    case .concatenate:
      guard x.rank > 0 else { return nil }
      return TapestryOps.concatenate(
        [x, TapestryOps.sin(x), x], along: random.integer(below: x.rank))
    case .stack:
      return x.rank > 4 ? nil : TapestryOps.stack([x, partner(of: x) + x * 0.5], along: 0)
    case .broadcast:
      return x.rank > 4 || x.count > 30 ? nil : x.broadcast(to: TensorShape([2] + Array(x.shape)))
    case .image:
      guard x.rank != 4, x.count >= 4 else { return nil }
      let indices = (0..<32).map { _ in random.integer(below: x.count) }
      return x.flattened().gathered(Tensor(integers: indices, shape: [1, 2, 4, 4]), along: 0)
    case .matmul:
      guard x.rank >= 2, let size = x.shape.last else { return nil }
      return TapestryOps.matmul(x, weight([size, number(1...4)]))
    case .crossEntropy:
      guard x.rank == 2, x.shape[1] > 1 else { return nil }
      let labels = (0..<x.shape[0]).map { _ in random.integer(below: x.shape[1]) }
      return softmaxCrossEntropy(x, labels: Tensor(integers: labels), reduction: .none)
    default: return x.rank == 4 ? apply(image: step, x) : nil
    }
  }

  private func apply(image step: Step, _ x: Tensor) -> Tensor? {
    let (channels, height, width) = (x.shape[1], x.shape[2], x.shape[3])
    let window = Pair(
      height: number(1...Swift.min(3, height)), width: number(1...Swift.min(3, width)))
    let stride = Pair(height: number(1...2), width: number(1...2))
    switch step {
    case .convolution:
      let groups = channels % 2 == 0 ? number(1...2) : 1
      return conv2d(
        x, weight([2 * groups, channels / groups, window.height, window.width]), stride: stride,
        padding: Padding2d(height: number(0...1), width: number(0...1)), groups: groups)
    case .transposedConvolution:
      return convTranspose2d(
        x, weight([channels, 2, window.height, window.width]), stride: stride)
    case .maxPool: return maxPool2d(x, window: window, stride: stride)
    case .averagePool:
      return averagePool2d(
        x, window: window, stride: stride, ceilMode: true, countingPadding: false)
    case .lpPool: return lpPool2d(x + 1.7, window: window, exponent: 2, stride: stride)
    case .adaptivePool: return adaptiveAveragePool2d(x, outputSize: stride)
    case .groupNorm:
      guard x.count / x.shape[0] >= 4 else { return nil }
      return TapestryOps.groupNorm(x, groups: 1, epsilon: 0.1)
    case .batchNorm:
      guard x.count / channels >= 4 else { return nil }
      let zeros = Tensor.zeros([channels], dtype: .float64)
      return TapestryOps.batchNorm(
        x, runningMean: Buffer(zeros), runningVariance: Buffer(zeros + 1), epsilon: 0.1)
    case .localResponse: return localResponseNormalization(x, size: 3, alpha: 0.5)
    default: return nil
    }
  }
}

extension Tensor {
  /// Two axes exchanged.
  fileprivate func transposed(_ a: Int, to b: Int) -> Tensor {
    var order = Array(0..<rank)
    order.swapAt(a, b)
    return rank < 2 ? self : transposed(order)
  }
}
