import Synchronization
import TapestryGraph
import TapestryOps
import TestSupport
import Testing

/// What the table cannot say: ties, extremes, masks, messages that end the process.
@Suite struct NetworkOps {
  @Test("max pooling gives the gradient of a tie to the first pixel in scan order")
  func ties() {
    let x = Tensor.ones([1, 1, 2, 4], dtype: .float64).tracked()
    let y = maxPool2d(x, window: 2)
    expectClose(
      y.gradients(cotangent: Tensor([3, 5], shape: [1, 1, 1, 2], dtype: .float64))[x]!,
      [3, 0, 5, 0, 0, 0, 0, 0], shape: [1, 1, 2, 4])
    let z = adaptiveMaxPool2d(x, outputSize: [1, 3])
    expectClose(z.sum().gradients()[x]!, [1, 1, 1, 0, 0, 0, 0, 0], shape: [1, 1, 2, 4])
  }

  @Test("max pooling passes NaN on, and padding never wins")
  func nonFinite() {
    let x = Tensor([-5, .nan, -7, -8], shape: [1, 1, 2, 2], dtype: .float64)
    #expect(maxPool2d(x, window: 2).item.isNaN)
    #expect(
      adaptiveMaxPool2d(Tensor([1, .nan, 2], shape: [1, 1, 1, 3]), outputSize: [1, 2])
        .scalars().allSatisfy { $0.isNaN })
    let y = maxPool2d(
      Tensor([-5, -6, -7, -8], shape: [1, 1, 2, 2]), window: 2, stride: 1, padding: 1)
    expectClose(y, [-5, -5, -6, -5, -5, -6, -7, -7, -8], shape: [1, 1, 3, 3])
  }

  @Test("indices are kept only where something can flow back")
  func indices() {
    let x = sample([1, 1, 4, 4])
    let y = maxPool2d(x, window: 2)
    #expect(!y.isTracked)
    expectClose(y, maxPool2d(x.tracked(), window: 2).detached())
  }

  @Test("softmax and cross-entropy of huge logits are exact")
  func extremes() {
    let x = Tensor([[1e4, 0, -1e4]], dtype: .float64).tracked()
    expectClose(softmax(x), [1, 0, 0], shape: [1, 3])
    expectClose(logSoftmax(x), [0, -1e4, -2e4], shape: [1, 3])
    let loss = softmaxCrossEntropy(x, labels: Tensor(integers: [2]))
    #expect(loss.item == 2e4)
    expectClose(loss.gradients()[x]!, [1, 0, -1], shape: [1, 3])
    let smooth = softmaxCrossEntropy(x, labels: Tensor(integers: [0]), labelSmoothing: 0.3)
    #expect(abs(smooth.item - 0.3 / 3 * 3e4) < 1e-6)
    let bce = binaryCrossEntropyWithLogits(
      Tensor([1e4, -1e4], dtype: .float64), Tensor([1, 0], dtype: .float64), reduction: .sum)
    #expect(bce.item == 0)
  }

  @Test("a class that is impossible does not spoil the likelihood of another")
  func impossible() {
    let x = Tensor([[0, -.infinity]], dtype: .float64).tracked()
    let loss = negativeLogLikelihood(
      x, labels: Tensor(integers: [0]), classWeights: Tensor([2, 1], dtype: .float64))
    #expect(loss.item == 0)
    expectClose(loss.gradients()[x]!, [-1, 0], shape: [1, 2])
  }

  @Test(
    "where all labels are ignored the loss and its gradient are 0",
    arguments: LossReduction.allCases)
  func ignored(_ reduction: LossReduction) {
    let labels = Tensor(integers: [7, 7])
    for weights in [nil, Tensor([1, 2, 3], dtype: .float64)] {
      for smoothing in [0, 0.1] {
        let x = sample([2, 3]).tracked()
        let loss = softmaxCrossEntropy(
          x, labels: labels, classWeights: weights, labelSmoothing: smoothing, ignoring: 7,
          reduction: reduction)
        #expect(loss.scalars().allSatisfy { $0 == 0 })
        let gradient = loss.sum().gradients()[x]!
        #expect(gradient.scalars().allSatisfy { $0 == 0 })
      }
    }
  }

  @Test("the fused cross-entropy equals its composed form")
  func fused() {
    for dtype in [DType.float64, .float32] {
      let x = sample([5, 7, 3], dtype: dtype).tracked()
      let labels = Tensor(integers: (0..<15).map { $0 * 5 % 7 }, shape: [5, 3])
      let ones = Tensor.ones([7], dtype: dtype)
      for reduction in LossReduction.allCases {
        let a = softmaxCrossEntropy(x, labels: labels, ignoring: 3, reduction: reduction)
        let b = softmaxCrossEntropy(
          x, labels: labels, classWeights: ones, ignoring: 3, reduction: reduction)
        expectClose(a, b, absoluteTolerance: dtype == .float64 ? 1e-12 : 1e-6)
        expectClose(
          a.sum().gradients()[x]!, b.sum().gradients()[x]!,
          absoluteTolerance: dtype == .float64 ? 1e-12 : 1e-6)
      }
    }
  }

  @Test("dropout drops about its share, scales the rest, and repeats with its seed")
  func dropoutMask() {
    let x = Tensor.ones([100, 100]).tracked()
    let y = withRandomSource(RandomSource(seed: 1)) { dropout(x, probability: 0.25) }
    let values = y.scalars()
    let dropped = values.filter { $0 == 0 }.count
    #expect(abs(dropped - 2500) < 200)
    #expect(values.allSatisfy { $0 == 0 || abs($0 - 4.0 / 3) < 1e-6 })
    // The backward pass sees the same mask.
    expectClose(y.sum().gradients()[x]!, y.detached())
    let again = withRandomSource(RandomSource(seed: 1)) { dropout(x, probability: 0.25) }
    expectClose(again, y.detached())
    let other = withRandomSource(RandomSource(seed: 2)) { dropout(x, probability: 0.25) }
    #expect(other.scalars() != values)
  }

  @Test("dropout passes its input on under inference and for probability 0")
  func dropoutOff() {
    let x = sample([3, 4])
    #expect(inference { dropout(x) } === x)
    #expect(dropout(x, probability: 0) === x)
    #expect(dropout(x, probability: 1).scalars().allSatisfy { $0 == 0 })
  }

  @Test("a dry run draws no random numbers")
  func dryDropout() throws {
    let source = RandomSource(seed: 5)
    try withRandomSource(source) {
      let y = try dryRun { dropout2d(.shape([2, 3, 4, 4])) }
      #expect(y.shape == [2, 3, 4, 4])
    }
    #expect(source.state.counter == 0)
  }

  @Test("dropout2d drops whole channels")
  func channels() {
    let y = withRandomSource(RandomSource(seed: 1)) { dropout2d(Tensor.ones([20, 10, 3, 3])) }
    let values = y.scalars()
    var dropped = 0
    for channel in 0..<200 {
      let pixels = Set(values[channel * 9..<channel * 9 + 9])
      #expect(pixels.count == 1)
      if pixels == [0] { dropped += 1 }
    }
    #expect(dropped > 60 && dropped < 140)
  }

  @Test("a checkpointed body drops the same elements when it runs again")
  func recomputed() {
    let x = sample([4, 50]).tracked()
    let y = checkpointed { dropout(x) * x }
    // y = mask x², so its derivative is 2 y / x.
    let expected = y.detached() / x.detached() * 2
    expectClose(y.sum().gradients()[x]!, expected, absoluteTolerance: 1e-12)
  }

  @Test("a convolution skips the gradient of an image that is not tracked")
  func firstLayer() {
    let counter = NameCounter()
    let w = Parameter(sample([2, 1, 3, 3]), name: "w")
    let b = Parameter(sample([2]), name: "b")
    let y = conv2d(sample([1, 1, 5, 5]), w, bias: b).sum()
    let count = observing(counter) { y.gradients().count }
    #expect(count == 2)
    #expect(counter.names.contains("conv2dWeightGradient"))
    #expect(!counter.names.contains("convTranspose2d"))
  }

  @Test("costs count two operations per product")
  func costs() {
    let counter = NameCounter()
    observing(counter) {
      _ = conv2d(.ones([2, 4, 6, 6]), .ones([8, 2, 3, 3]), groups: 2)
      _ = matmul(.ones([5, 3, 4]), .ones([4, 7]))
      _ = linear(.ones([3, 4]), .ones([5, 4]))
    }
    #expect(counter.arithmetic == [2 * 2 * 8 * 16 * 2 * 9, 2 * 5 * 3 * 7 * 4, 2 * 3 * 5 * 4])
    #expect(counter.labels == ["3x3, groups 2", "", ""])
  }

  @Test("labels out of range end the process with label, position and classes")
  func labels() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = softmaxCrossEntropy(
        .zeros([2, 3, 2]), labels: Tensor(integers: [0, 1, 5, 2], shape: [2, 2]))
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(
      text.contains(
        "softmaxCrossEntropy: label 5 at position [1, 0] is none of the 3 classes, 0 to 2"))
    #expect(text.contains("NetworkOpTests.swift"))
  }

  @Test("an index outside the image ends the process with words")
  func unpoolIndex() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = maxUnpool2d(
        .zeros([1, 1, 1, 1]), indices: Tensor(integers: [16], shape: [1, 1, 1, 1], dtype: .int32),
        outputSize: 4)
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("maxUnpool2d: index 16 lies outside an output of 4x4"))
  }

  @Test("a composed loss traps under its own name, with the user's line")
  func composed() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = meanSquaredError(.zeros([4, 1]), .zeros([4]))
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("meanSquaredError: predictions have shape [4, 1], but targets [4]"))
    #expect(text.contains("predictions [4, 1] float32"))
    #expect(text.contains("NetworkOpTests.swift"))
  }
}

/// Notes names, labels and costs of the ops that run.
private final class NameCounter: OperationObserver {
  private let seen = Mutex<[(name: String, label: String, arithmetic: Int)]>([])
  var names: [String] { seen.withLock { $0.map(\.name) } }
  var labels: [String] { seen.withLock { $0.map(\.label) } }
  var arithmetic: [Int] { seen.withLock { $0.map(\.arithmetic) } }

  func didApply(_ event: OperationEvent) {
    seen.withLock {
      $0.append((event.name, event.operation.label, event.cost.arithmetic))
    }
  }
}
