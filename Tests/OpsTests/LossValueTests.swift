import Foundation
import TapestryGraph
import TapestryOps
import TestSupport
import Testing

/// Losses at their ends, where a naive formula overflows, loses its digits or divides 0 by 0, and what ends the process.
@Suite struct LossValues {
  @Test("ln cosh keeps its digits near 0 and does not overflow far out")
  func logCosh() {
    let x = Tensor([1e-8, -1e-3, 0.9, 1.1, -800, 1e300], dtype: .float64).tracked()
    let y = logCoshLoss(x, .zeros([6], dtype: .float64), reduction: .none)
    let inner = [0.9, 1.1].map { Foundation.log(Foundation.cosh($0)) }
    expectClose(
      y.detached(),
      [5e-17, 4.999_999_166_666_889e-7, inner[0], inner[1], 800 - Foundation.log(2), 1e300],
      relativeTolerance: 1e-14, absoluteTolerance: 0)
    let slopes = y.sum().gradients()[x]!.scalars()
    #expect(slopes[4] == -1 && slopes[5] == 1 && abs(slopes[0] - 1e-8) < 1e-22)
  }

  @Test("probabilities at both ends: bounded losses, finite gradients")
  func boundedLogarithms() {
    let p = Tensor([0, 1, 0, 1, 1e-30], dtype: .float64).tracked()
    let t = Tensor([1, 0, 0, 1, 0], dtype: .float64)
    let y = binaryCrossEntropy(p, t, reduction: .none)
    expectClose(y.detached(), [100, 100, 0, 0, 1e-30], relativeTolerance: 1e-12)
    #expect(y.sum().gradients()[p]!.scalars().allSatisfy { $0.isFinite })
  }

  @Test("a target of 0 takes no part in the divergence, whatever stands beside it")
  func divergence() {
    let logarithms = Tensor([-1, -2], dtype: .float64).tracked()
    let targets = Tensor([0, 0.5], dtype: .float64).tracked()
    let y = klDivergence(logarithms, targets, reduction: .sum)
    expectClose(y.detached(), [0.5 * (Foundation.log(0.5) + 2)], shape: [])
    let gradients = y.gradients()
    expectClose(gradients[logarithms]!, [0, -0.5])
    #expect(gradients[targets]!.scalars().allSatisfy { $0.isFinite })
  }

  @Test("equal vectors: distance epsilon, and a gradient that is a number", arguments: [1, 2, 3.0])
  func triplet(_ p: Double) {
    let x = sample([2, 3]).tracked()
    for epsilon in [1e-6, 0] {
      let y = tripletMarginLoss(x, positive: x, negative: x, p: p, epsilon: epsilon)
      expectClose(y.detached(), [1], shape: [])
      #expect(y.gradients()[x]!.scalars().allSatisfy { $0.isFinite })
    }
  }

  @Test("focal losses of huge logits are finite, their gradients too", arguments: [0, 0.5, 1, 2])
  func focal(_ gamma: Double) {
    let x = Tensor([800, -800, 800, -800, 0], dtype: .float64).tracked()
    let t = Tensor([1, 0, 0, 1, 1], dtype: .float64)
    let y = sigmoidFocalLoss(x, t, alpha: -1, gamma: gamma, reduction: .none)
    expectClose(
      y.detached(), [0, 0, 800, 800, Foundation.pow(0.5, gamma) * Foundation.log(2)],
      absoluteTolerance: 1e-12)
    #expect(y.sum().gradients()[x]!.scalars().allSatisfy { $0.isFinite })
  }

  @Test("CTC against the sum over all alignments, with its gradient by central differences")
  func ctcByEnumeration() {
    let (steps, classes) = (4, 3)
    let x = sample([steps, 1, classes])
    let p = softmax(x, axis: 2).scalars()
    for labels in [[], [1], [2, 1], [1, 1], [1, 2, 1]] {
      var total = 0.0
      for code in 0..<81 {
        var (rest, path, probability): (Int, [Int], Double) = (code, [], 1)
        for step in 0..<steps {
          path.append(rest % classes)
          probability *= p[step * classes + rest % classes]
          rest /= classes
        }
        var spelled: [Int] = []
        for step in 0..<steps where step == 0 || path[step] != path[step - 1] {
          if path[step] != 0 { spelled.append(path[step]) }
        }
        if spelled == labels { total += probability }
      }
      let loss = ctcLoss(
        x, labels: Tensor(integers: labels + [0], shape: [1, labels.count + 1]),
        inputLengths: Tensor(integers: [steps]), labelLengths: Tensor(integers: [labels.count]),
        reduction: .sum)
      expectClose(loss, [-Foundation.log(total)], shape: [], "\(labels)", relativeTolerance: 1e-12)
    }
  }

  @Test("CTC of too few steps is infinite, or nothing where that was asked for; no steps at all")
  func ctcImpossible() {
    let x = sample([2, 3, 3], dtype: .float32).tracked()
    func losses(zeroInfinity: Bool) -> Tensor {
      ctcLoss(
        x, labels: Tensor(integers: [1, 1, 1, 2, 1, 2], shape: [3, 2]),
        inputLengths: Tensor(integers: [2, 0, 0]), labelLengths: Tensor(integers: [2, 0, 1]),
        zeroInfinity: zeroInfinity, reduction: .none)
    }
    #expect(losses(zeroInfinity: false).scalars() == [.infinity, 0, .infinity])
    let y = losses(zeroInfinity: true)
    #expect(y.scalars() == [0, 0, 0])
    #expect(y.sum().gradients()[x]!.scalars().allSatisfy { $0 == 0 })
    let nothing = ctcLoss(
      .zeros([3, 0, 2]), labels: .zeros([0, 1], dtype: .int64),
      inputLengths: .zeros([0], dtype: .int64), labelLengths: .zeros([0], dtype: .int64))
    #expect(nothing.item == 0)
  }

  @Test("CTC of a thousand steps in float32 agrees with float64")
  func ctcLong() {
    func value(_ dtype: DType) -> (Tensor, Tensor) {
      let x = Tensor((sample([1000, 2, 9]) * 4).scalars(), shape: [1000, 2, 9], dtype: dtype)
        .tracked()
      let labels = Tensor(integers: (0..<400).map { 1 + $0 * 5 % 8 }, shape: [2, 200])
      let y = ctcLoss(
        x, labels: labels, inputLengths: Tensor(integers: [1000, 700]),
        labelLengths: Tensor(integers: [200, 150]), reduction: .sum)
      return (y.detached(), y.gradients()[x]!)
    }
    let (exact, rough) = (value(.float64), value(.float32))
    expectClose(rough.0.converted(to: .float64), exact.0, relativeTolerance: 1e-5)
    expectClose(
      rough.1.converted(to: .float64), exact.1, relativeTolerance: 1e-3, absoluteTolerance: 1e-4)
  }

  @Test("values out of range end the process with words and the user's line")
  func traps() async {
    let sign = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = hingeEmbeddingLoss(.zeros([3]), labels: Tensor(integers: [1, 0, -1]))
    }
    expectWords(sign, "hingeEmbeddingLoss: label 0.0 (element 1) is neither 1 nor -1")
    let blank = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = ctcLoss(
        .zeros([3, 1, 4]), labels: Tensor(integers: [2, 0], shape: [1, 2]),
        inputLengths: Tensor(integers: [3]), labelLengths: Tensor(integers: [2]))
    }
    expectWords(blank, "ctcLoss: label 0 at position [0, 1] is the blank")
    let length = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = ctcLoss(
        .zeros([3, 1, 4]), labels: Tensor(integers: [2, 0], shape: [1, 2]),
        inputLengths: Tensor(integers: [4]), labelLengths: Tensor(integers: [1]))
    }
    expectWords(length, "ctcLoss: input length 4 of sample 0 is not in 0 ... 3")
    let label = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = multiLabelMarginLoss(
        .zeros([1, 2]), labels: Tensor(integers: [2, -1], shape: [1, 2]))
    }
    expectWords(label, "multiLabelMarginLoss: label 2 at position [0, 0] is none of the 2 classes")
  }

  private func expectWords(_ result: ExitTest.Result?, _ words: String) {
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains(words), "\(text)")
    #expect(text.contains("LossValueTests.swift"))
  }
}
