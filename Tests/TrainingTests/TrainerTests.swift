import Tapestry
import Testing

/// A tiny net for 4 x 4 images of two classes.
private struct Small: Model {
  let hidden = Linear(16, 8)
  let output = Linear(8, 2)
  func callAsFunction(_ input: Tensor) -> Tensor {
    output(tanh(hidden(input.flattened(from: 1))))
  }
}

/// Multiplies by a parameter and takes the logarithm: not finite at zero.
private struct Logarithmic: Model {
  let weight = Parameter(Tensor.zeros([16, 2]), name: "weight")
  func callAsFunction(_ input: Tensor) -> Tensor {
    log(matmul(input.flattened(from: 1), weight))
  }
}

/// Images that are bright above (class 0) or below (class 1).
private func images(_ count: Int) -> ImageSet {
  var pixels: [UInt8] = []
  for image in 0..<count {
    for pixel in 0..<16 {
      let isBright = (pixel < 8) == (image % 2 == 0)
      pixels.append(UInt8(isBright ? 150 + (image * 7 + pixel) % 100 : image % 50))
    }
  }
  return ImageSet(
    name: "halves", height: 4, width: 4, classNames: ["above", "below"],
    labels: (0..<count).map { $0 % 2 }, pixels: pixels)
}

private final class Recorder: TrainingObserver {
  var steps: [TrainingProgress] = []
  var onStep: (TrainingProgress) -> Void = { _ in }
  func trainingDidStep(_ progress: TrainingProgress) {
    steps.append(progress)
    onStep(progress)
  }
}

@Suite("Trainer")
struct TrainerTests {
  private func small(seed: UInt64 = 1) -> Small {
    withRandomSource(RandomSource(seed: seed)) { Small() }
  }

  @Test("trains, and reports every step")
  func run() throws {
    let net = small()
    let loader = try BatchLoader(images(50), batchSize: 8, seed: 5)
    let recorder = Recorder()
    let trainer = Trainer(net, optimizer: Adam(net, learningRate: 0.02), observer: recorder)
    let summary = try trainer.run(on: loader, epochs: 6)
    #expect(summary.steps == 42 && summary.images == 300 && !summary.wasStopped)
    #expect(summary.epochs.map(\.epoch) == Array(1...6))
    #expect(recorder.steps.count == 42)
    #expect(recorder.steps.map(\.images).max() == 50)
    #expect(recorder.steps.filter(\.isEndOfEpoch).count == 6)
    #expect(recorder.steps.last?.secondsLeft == 0)
    #expect(try #require(summary.epochs.last).loss < summary.epochs[0].loss)
    let result = evaluate(net, on: try BatchLoader(images(20), batchSize: 7, shuffled: false))
    #expect(result.count == 20 && result.accuracy == 1)
    #expect(result.confusion == [[10, 0], [0, 10]])
    #expect(result.mostFrequentConfusions().isEmpty)
  }

  @Test("equals the loop written by hand, bit for bit")
  func byHand() throws {
    let loader = try BatchLoader(images(40), batchSize: 8, seed: 2)
    let (net, other) = (small(), small())
    let optimizer = SGD(net, learningRate: 0.1, momentum: 0.9)
    for epoch in 0..<3 {
      for batch in loader.epoch(epoch) {
        let loss = softmaxCrossEntropy(net(batch.images), labels: batch.labels)
        optimizer.update(along: loss.gradients())
      }
    }
    let trainer = Trainer(other, optimizer: SGD(other, learningRate: 0.1, momentum: 0.9))
    _ = try trainer.run(on: loader, epochs: 3)
    for (a, b) in zip(net.parameters, other.parameters) {
      #expect(a.value.scalars() == b.value.scalars())
    }
  }

  @Test("the schedule gives the rate of each step")
  func schedule() throws {
    let net = small()
    let optimizer = SGD(net, learningRate: 1)
    let recorder = Recorder()
    nonisolated(unsafe) var rates: [Double] = []
    recorder.onStep = { _ in rates.append(optimizer.learningRate) }
    var trainer = Trainer(net, optimizer: optimizer, observer: recorder)
    trainer.schedule = Schedule { Double($0) / 100 }
    _ = try trainer.run(on: BatchLoader(images(16), batchSize: 8), epochs: 2)
    #expect(rates == [0, 0.01, 0.02, 0.03])
  }

  @Test("stops after the step in which it is asked to")
  func stop() throws {
    let net = small()
    let recorder = Recorder()
    let stop = StopRequest()
    recorder.onStep = { if $0.epoch == 2, $0.step == 3 { stop.request() } }
    let trainer = Trainer(
      net, optimizer: SGD(net, learningRate: 0.1), stopRequest: stop, observer: recorder)
    let summary = try trainer.run(on: BatchLoader(images(40), batchSize: 8), epochs: 9)
    #expect(summary.wasStopped && summary.steps == 8 && summary.epochs.count == 2)
    #expect(try trainer.run(on: BatchLoader(images(40), batchSize: 8), epochs: 9).steps == 0)
  }

  @Test("a request in the last step of all stops nothing")
  func stopAtTheEnd() throws {
    let net = small()
    let recorder = Recorder()
    let stop = StopRequest()
    recorder.onStep = { if $0.epoch == 2, $0.isEndOfEpoch { stop.request() } }
    let trainer = Trainer(
      net, optimizer: SGD(net, learningRate: 0.1), stopRequest: stop, observer: recorder)
    #expect(try !trainer.run(on: BatchLoader(images(40), batchSize: 8), epochs: 2).wasStopped)
  }

  @Test("a loss that is not finite: the op at fault is named, the parameters stay")
  func anomaly() throws {
    let net = Logarithmic()
    let trainer = Trainer(net, optimizer: SGD(net, learningRate: 0.1))
    let error = #expect(throws: TrainingError.self) {
      try trainer.run(on: BatchLoader(images(8), batchSize: 4), epochs: 1)
    }
    guard case .operation(let anomaly) = try #require(error).cause else {
      Issue.record("the cause is \(String(describing: error?.cause))")
      return
    }
    #expect(anomaly.operation == "log")
    #expect("\(anomaly.site)".hasPrefix("TrainerTests.swift:"))
    #expect(error?.epoch == 1 && error?.step == 1)
    #expect(error?.description.contains("log made -inf") == true)
    #expect(net.weight.value.scalars().allSatisfy { $0 == 0 })
  }

  @Test("a parameter that an update made infinite is named")
  func parameter() throws {
    let net = small()
    net.hidden.weight.value = .full(net.hidden.weight.shape, .infinity)
    let trainer = Trainer(
      net, optimizer: SGD(net, learningRate: 0.1), loss: { logits, _ in (logits * logits).sum() })
    let error = #expect(throws: TrainingError.self) {
      try trainer.run(on: BatchLoader(images(8), batchSize: 4), epochs: 1)
    }
    #expect(error?.description.contains("hidden.weight") == true)
  }

  @Test("gradients are limited to a norm")
  func clipping() throws {
    let net = small()
    let before = net.parameters.map { $0.value.scalars() }
    var trainer = Trainer(net, optimizer: SGD(net, learningRate: 1))
    trainer.maximumGradientNorm = 1e-3
    _ = try trainer.run(on: BatchLoader(images(8), batchSize: 8), epochs: 1)
    var squares = 0.0
    for (parameter, old) in zip(net.parameters, before) {
      for (a, b) in zip(parameter.value.scalars(), old) { squares += (a - b) * (a - b) }
    }
    #expect(squares.squareRoot() <= 1.001e-3 && squares.squareRoot() > 0.9e-3)
  }
}
