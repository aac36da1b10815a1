import TapestryGraph
import TapestryOptim
import TestSupport
import Testing

// Outside the exit tests, in whose expansion `#line` is not that of this file.
private let nesterovLine = #line + 2
private func nesterovMisused() {
  _ = SGD(makeParameters(), learningRate: 0.1, nesterov: true)
}

private let gradientsLine = #line + 3
private func gradientsMisused() {
  let gradients = makeGradients(makeParameters(), step: 0)
  SGD(makeParameters(), learningRate: 0.1).update(along: gradients)
}

@Suite struct OptimizerMisuseTests {
  @Test("Nesterov without momentum is refused with words")
  func nesterovWithoutMomentum() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      nesterovMisused()
    }
    expectMessage(
      result, "nesterov looks ahead along the momentum", "not momentum 0.0 and dampening 0.0",
      "OptimizerMisuseTests.swift:\(nesterovLine)")
  }

  @Test("Nesterov with dampening is refused with words")
  func nesterovWithDampening() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = SGD(makeParameters(), learningRate: 0.1, momentum: 0.9, dampening: 0.5, nesterov: true)
    }
    expectMessage(result, "not momentum 0.9 and dampening 0.5")
  }

  @Test("a negative learning rate is refused with words")
  func negativeRate() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      Adam(makeParameters()).learningRate = -0.1
    }
    expectMessage(result, "Adam: learningRate must be finite and at least 0, not -0.1")
  }

  @Test("a beta of 1 is refused with words")
  func betaOfOne() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = AdamW(makeParameters(), beta2: 1)
    }
    expectMessage(result, "AdamW: beta2 must be at least 0 and less than 1, not 1.0")
  }

  @Test("numbers out of the range of the newer optimizers are refused with words")
  func newer() async {
    let steps = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Muon(makeParameters(), newtonSchulzSteps: 0)
    }
    expectMessage(steps, "Muon: newtonSchulzSteps must be positive, not 0")
    let decay = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Adafactor(makeParameters(), beta2Decay: 0.5)
    }
    expectMessage(decay, "Adafactor: beta2Decay must be finite and at most 0, not 0.5")
    let bounds = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = LAMB(makeParameters(), bounds: -1...1)
    }
    expectMessage(bounds, "LAMB: bounds must be at least 0, not -1.0...1.0")
    let weight = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Lion(makeParameters(), weightDecay: -1)
    }
    expectMessage(weight, "Lion: weightDecay must be finite and at least 0, not -1.0")
  }

  @Test("the gradients of another model are refused with words")
  func foreignGradients() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      gradientsMisused()
    }
    expectMessage(
      result, "none of its 2 parameters is among the 2 tensors that have a gradient here",
      "OptimizerMisuseTests.swift:\(gradientsLine)")
  }

  @Test("two parameters of one name are refused with words")
  func sameName() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let twins = [Parameter(.ones([1]), name: "w"), Parameter(.ones([1]), name: "w")]
      _ = SGD(twins, learningRate: 0.1)
    }
    expectMessage(result, "two parameters are called \"w\"")
  }

  @Test("a group that chooses nothing is refused with words")
  func emptyGroup() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      SGD(makeParameters(), learningRate: 0.1).adjust(where: { $0.name == "bais" })
    }
    expectMessage(result, "chose none of the parameters [\"weight\", \"bias\"]")
  }

  @Test("a schedule over no steps is refused with words")
  func emptySchedule() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Schedule.cosine(from: 0.1, over: 0)
    }
    expectMessage(result, "Schedule.cosine(from:over:to:) needs a positive number, not 0")
  }
}

/// Expects all `parts` in what a process wrote before it ended.
private func expectMessage(
  _ result: ExitTest.Result?, _ parts: String...,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  for part in parts {
    #expect(text.contains(part), "the message was: \(text)", sourceLocation: sourceLocation)
  }
}
