import Synchronization
import TapestryGraph
import TapestryOps
import TestSupport
import Testing

/// Running statistics: when they move, and when they must not.
@Suite struct Normalization {
  private let mean = Buffer(Tensor([1, -1], dtype: .float64))
  private let variance = Buffer(Tensor([4, 9], dtype: .float64))
  private let x = Tensor([[1, 2], [3, 6], [5, 1]], dtype: .float64)

  private func normalized(_ x: Tensor) -> Tensor {
    batchNorm(x, runningMean: mean, runningVariance: variance, momentum: 0.5)
  }

  @Test("training records the new batch with its weight, the variance unbiased")
  func moving() {
    let y = normalized(x)
    expectClose(mean.value, [2, 1])
    expectClose(variance.value, [4, 8])
    expectClose(y.mean(along: 0), [0, 0], absoluteTolerance: 1e-12)
  }

  @Test("inference uses the running statistics and writes none")
  func still() {
    let y = inference { normalized(x) }
    expectClose(mean.value, [1, -1])
    expectClose(y.sliced(0..<1, along: 0), [0, 3 / 9.00001.squareRoot()], shape: [1, 2])
  }

  @Test("dry runs write nothing, and recomputation writes once")
  func once() throws {
    let shape = try dryRun { normalized(.shape([4, 2], dtype: .float64)).shape }
    #expect(shape == [4, 2])
    expectClose(mean.value, [1, -1])
    let (points, mean, variance) = (x.tracked(), mean, variance)
    let y = checkpointed {
      batchNorm(points, runningMean: mean, runningVariance: variance, momentum: 0.5)
    }
    expectClose(mean.value, [2, 1])
    _ = (y * y * y).sum().gradients()
    expectClose(mean.value, [2, 1])
    expectClose(variance.value, [4, 8])
  }

  @Test("a float32 layer under float64 substitutes keeps float32 statistics")
  func substituted() {
    let mean = Buffer(Tensor([0, 0]))
    let variance = Buffer(Tensor([1, 1]))
    let y = substituting([
      (mean, Tensor([0, 0], dtype: .float64)), (variance, Tensor([1, 1], dtype: .float64)),
    ]) { batchNorm(x, runningMean: mean, runningVariance: variance, momentum: 1) }
    #expect(y.dtype == .float64)
    expectClose(mean.value, Tensor([3, 3]))
  }

  @Test("a constant channel is normalised to 0")
  func constant() {
    let y = layerNorm(.full([2, 3], 1e6), normalizedShape: [3])
    expectClose(y, [0, 0, 0, 0, 0, 0], shape: [2, 3])
  }

  @Test("a normalisation is one op, forward and backward, and agrees with its composed form")
  func composed() {
    let x = sample([3, 4, 5, 2]).tracked()
    let (scale, shift) = (sample([4], seed: 2).tracked(), sample([4], seed: 3).tracked())
    let addend = sample(x.shape, seed: 7).tracked()
    let statistics = (
      Buffer(sample([4], seed: 4)), Buffer(positiveSample([4], seed: 5))
    )
    let channels: TensorShape = [1, 4, 1, 1]
    func standardized(_ x: Tensor, _ axes: [Int]) -> Tensor {
      let centred = x - x.mean(along: axes, keepingDimensions: true)
      return centred / sqrt(square(centred).mean(along: axes, keepingDimensions: true) + 1e-5)
    }
    func affine(_ z: Tensor) -> Tensor {
      z * scale.reshaped(to: channels) + shift.reshaped(to: channels)
    }
    func normalized(adding addend: Tensor? = nil, relu: Bool = false) -> Tensor {
      batchNorm(
        x, runningMean: statistics.0, runningVariance: statistics.1, scale: scale, shift: shift,
        adding: addend, relu: relu)
    }
    let pairs: [(name: String, fused: () -> Tensor, composed: () -> Tensor)] = [
      ("batchNorm", { normalized() }, { affine(standardized(x, [0, 2, 3])) }),
      (
        "batchNorm", { inference { recordingGradients { normalized() } } },
        {
          let mean = statistics.0.value.reshaped(to: channels)
          let variance = statistics.1.value.reshaped(to: channels)
          return affine((x - mean) / sqrt(variance + 1e-5))
        }
      ),
      ("batchNorm", { normalized(relu: true) }, { relu(normalized()) }),
      (
        "batchNorm", { normalized(adding: addend, relu: true) }, { relu(normalized() + addend) }
      ),
      (
        "batchNorm",
        { inference { recordingGradients { normalized(adding: addend, relu: true) } } },
        { inference { recordingGradients { relu(normalized() + addend) } } }
      ),
      (
        "groupNorm", { groupNorm(x, groups: 2, scale: scale, shift: shift) },
        { affine(standardized(x.reshaped(to: [3, 2, 20]), [2]).reshaped(to: x.shape)) }
      ),
      (
        "layerNorm", { layerNorm(x, normalizedShape: [4, 5, 2]) },
        { standardized(x, [1, 2, 3]) }
      ),
      (
        "localResponseNormalization",
        { localResponseNormalization(x, size: 3, alpha: 0.5) },
        {
          let squares = square(x).padded([(0, 0), (1, 1), (0, 0), (0, 0)])
          let sums = (0..<3).map { squares.sliced($0..<$0 + 4, along: 1) }
          return x * pow((sums[0] + sums[1] + sums[2]) * (0.5 / 3) + 1, -0.75)
        }
      ),
    ]
    let cotangent = sample(x.shape, seed: 6)
    for pair in pairs {
      let names = OperationNames()
      let leaves = [x, scale, shift, addend]
      let (y, fused) = observing(names) {
        let y = pair.fused()
        return (y, gradients(of: [y], withRespectTo: leaves, cotangents: [cotangent]))
      }
      #expect(names.all == [pair.name, pair.name + "Gradient"])
      let expected = pair.composed()
      expectClose(y, expected, "\(pair.name)", relativeTolerance: 1e-12)
      let composed = gradients(of: [expected], withRespectTo: leaves, cotangents: [cotangent])
      for leaf in leaves {
        if let gradient = composed[leaf] {
          expectClose(
            fused[leaf]!, gradient, "\(pair.name)", relativeTolerance: 1e-11,
            absoluteTolerance: 1e-12)
        }
      }
    }
  }
}

/// The names of the ops that were run, in order.
private final class OperationNames: OperationObserver {
  private let names = Mutex<[String]>([])
  var all: [String] { names.withLock { $0 } }
  func didApply(_ event: OperationEvent) { names.withLock { $0.append(event.name) } }
}
