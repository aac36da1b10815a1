import Foundation
import TapestryGraph
import TapestryOps
import TestSupport
import Testing

// What is a convention: integers out of range, rows without a softmax, empty batches, samples among others.

extension SpecialValues {
  @Test("a row of logits with +infinity has no probabilities: NaN, in its row alone")
  func softmaxOfInfinity() {
    let x = Tensor([[1, .infinity, 0], [1, 2, 3], [0, -.infinity, 0]], dtype: .float64)
    for y in [softmax(x), logSoftmax(x)] {
      let found = y.scalars()
      #expect(
        found[0..<3].contains(where: { $0.isNaN }) && !found[3...].contains(where: { $0.isNaN }))
    }
    #expect(softmax(x).scalars()[6...].elementsEqual([0.5, 0, 0.5]))
  }

  @Test("integers: division by 0 gives 0, what does not fit int32 saturates when converted")
  func integers() {
    let a = Tensor(integers: [7, -7, 0, .min], dtype: .int64)
    let b = Tensor(integers: [0, 0, 0, -1], dtype: .int64)
    #expect((a / b).integers() == [0, 0, 0, .min])
    let wide = Tensor(integers: [1 << 40, -(1 << 40), 5, Int(Int32.max), .min])
    #expect(
      wide.converted(to: .int32).integers()
        == [Int(Int32.max), Int(Int32.min), 5, Int(Int32.max), Int(Int32.min)])
  }

  @Test("integers that do not fit int32 end the process with words and the user's line")
  func integersOutOfRange() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Tensor(integers: [1, 1 << 40], dtype: .int32)
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("1099511627776 does not fit int32"), "\(text)")
    #expect(text.contains("SpecialValueTests+Conventions.swift"), "\(text)")
  }

  @Test("regions with a corner that is no number end the process with words and the user's line")
  func regionsOfNothing() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = roiPool(
        Tensor.ones([1, 1, 4, 4]), regions: Tensor([[0, .nan, 0, 2, 2]]), outputSize: 2)
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("roiPool: region 0 has a corner that is no number"), "\(text)")
    #expect(text.contains("SpecialValueTests+Conventions.swift"), "\(text)")
    // Infinite corners lie outside of every image.
    let whole = roiPool(
      Tensor.ones([1, 1, 4, 4]), regions: Tensor([[0, -.infinity, 0, .infinity, 3]]), outputSize: 1)
    #expect(whole.scalars() == [1])
  }

  @Test("one class has no rivals: no hinge loss, no gradient")
  func hingeOfOneClass() {
    let x = Tensor([[3], [-2]], dtype: .float64).tracked()
    for power in [1, 2] {
      let loss = multiclassHinge(x, labels: Tensor(integers: [0, 0]), power: power)
      #expect(loss.item == 0)
      #expect(loss.gradients()[x]!.scalars() == [0, 0])
    }
  }

  @Test("a batch without images leaves the running statistics as they are")
  func emptyBatchStatistics() {
    for (shape, relu) in [([0, 3, 4, 4], false), ([0, 3], true)] as [(TensorShape, Bool)] {
      let mean = Buffer(Tensor([1, 2, 3]))
      let variance = Buffer(Tensor([4, 5, 6]))
      let x = Tensor.zeros(shape).tracked()
      let scale = Tensor.ones([3]).tracked()
      let y = batchNorm(x, runningMean: mean, runningVariance: variance, scale: scale, relu: relu)
      #expect(y.shape == shape)
      #expect(mean.value.scalars() == [1, 2, 3] && variance.value.scalars() == [4, 5, 6])
      let gradient = y.sum().gradients()
      #expect(gradient[x]!.shape == shape && gradient[scale]!.scalars() == [0, 0, 0])
    }
  }

  @Test(
    "losses of no samples are 0, with gradients of their shape", arguments: LossReduction.allCases)
  func emptyLosses(_ reduction: LossReduction) {
    let labels = Tensor(integers: [], shape: [0])
    let losses: [(Tensor) -> Tensor] = [
      { softmaxCrossEntropy($0, labels: labels, reduction: reduction) },
      { softmaxCrossEntropy($0, labels: labels, labelSmoothing: 0.1, reduction: reduction) },
      { softmaxCrossEntropy($0, probabilities: softmax($0).detached(), reduction: reduction) },
      { negativeLogLikelihood(logSoftmax($0), labels: labels, reduction: reduction) },
      { multiclassHinge($0, labels: labels, reduction: reduction) },
      { meanSquaredError($0, $0.detached(), reduction: reduction) },
      { halfSquaredError($0, $0.detached(), reduction: reduction) },
      { l1Loss($0, $0.detached(), reduction: reduction) },
      { huberLoss($0, $0.detached(), reduction: reduction) },
      { smoothL1Loss($0, $0.detached(), reduction: reduction) },
      { binaryCrossEntropyWithLogits($0, $0.detached(), reduction: reduction) },
    ]
    for loss in losses {
      let x = Tensor.zeros([0, 3]).tracked()
      let value = loss(x)
      #expect(value.scalars().allSatisfy { $0 == 0 })
      #expect(value.sum().gradients()[x]?.shape == [0, 3])
    }
  }

  @Test("a sample's bits do not depend on its batch in ops that treat samples by themselves")
  func samplesByThemselves() {
    let x = sample([5, 4, 6, 6], dtype: .float32)
    let one = x.sliced(2..<3, along: 0)
    let functions: [(String, (Tensor) -> Tensor)] = [
      ("elementwise", { gelu($0) * 3 + sigmoid($0) }), ("maxPool2d", { maxPool2d($0, window: 2) }),
      ("averagePool2d", { averagePool2d($0, window: 3, stride: 1, padding: 1) }),
      ("layerNorm", { layerNorm($0, normalizedShape: [6]) }),
      ("groupNorm", { groupNorm($0, groups: 2) }), ("softmax", { softmax($0) }),
      ("localResponseNormalization", { localResponseNormalization($0, size: 3) }),
    ]
    for (name, function) in functions {
      #expect(
        function(x).sliced(2..<3, along: 0).scalars() == function(one).scalars(), "\(name)")
    }
    // Products and convolutions choose their ways by the size of the batch: rounding may differ.
    let weight = sample([8, 4, 3, 3], seed: 2, dtype: .float32)
    expectClose(
      conv2d(x, weight).sliced(2..<3, along: 0), conv2d(one, weight), relativeTolerance: 1e-5,
      absoluteTolerance: 1e-5)
  }
}
