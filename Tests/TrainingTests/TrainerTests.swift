import Tapestry
import TapestryFiles
import TestSupport
import Testing

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Multiplies by a parameter and takes the logarithm: not finite at zero.
private struct Logarithmic: Model {
  let weight = Parameter(Tensor.zeros([16, 2]), name: "weight")
  func callAsFunction(_ input: Tensor) -> Tensor {
    log(matmul(input.flattened(from: 1), weight))
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
    let trainer = Trainer(net, optimizer: Adam(net, learningRate: 0.02), observers: [recorder])
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

  @Test("learns the probabilities of images that are mixed, in the loop and by hand alike")
  func mixtures() throws {
    let loader = try BatchLoader(
      images(40), batchSize: 8, augmentation: [.mixup(alpha: 1)], seed: 2)
    let (net, other, labelled) = (small(), small(), small())
    let optimizer = SGD(net, learningRate: 0.1)
    var mixed = 0
    for batch in loader.epoch(0) {
      let targets = try #require(batch.probabilities)
      mixed += targets.scalars().count { $0 > 0.01 && $0 < 0.99 }
      let loss = softmaxCrossEntropy(net(batch.images), probabilities: targets)
      optimizer.update(along: loss.gradients())
    }
    #expect(mixed > 10)
    _ = try Trainer(other, optimizer: SGD(other, learningRate: 0.1)).run(on: loader, epochs: 1)
    #expect(modelBits(net) == modelBits(other))
    // A loss of the labels sees nothing of the mixture.
    let trainer = Trainer(
      labelled, optimizer: SGD(labelled, learningRate: 0.1),
      loss: { softmaxCrossEntropy($0, labels: $1) })
    _ = try trainer.run(on: loader, epochs: 1)
    #expect(modelBits(labelled) != modelBits(other))
  }

  @Test("images that cannot be read end a run, or are passed over, whole batches of them too")
  func brokenImages() throws {
    let scratch = try Scratch()
    let root = scratch("photos")
    for name in ["", "/a", "/b"] { try #require(mkdir(root + name, 0o755) == 0) }
    for index in 0..<5 {
      for (label, name) in ["a", "b"].enumerated() {
        let image = RasterImage(
          width: 4, height: 4, channels: 1,
          bytes: (0..<16).map { UInt8($0 * 9 + label * 99 + index) })
        try image.write(to: "\(root)/\(name)/\(index).png")
      }
    }
    // Decoded when they are needed, so that nothing is found out before.
    let set = try ImageSet.load(classFolders: root, size: (4, 4), channels: 1, memoryLimit: 0)
    for name in ["a/1", "a/2", "b/4"] { truncate("\(root)/\(name).png", 20) }
    func loader(_ broken: BrokenImages) throws -> BatchLoader {
      try BatchLoader(set, batchSize: 1, shuffled: false, broken: broken)
    }
    let net = small()
    let trainer = Trainer(net, optimizer: SGD(net, learningRate: 0.01))
    let error = #expect(throws: DatasetError.self) {
      try trainer.run(on: loader(.refused), epochs: 2)
    }
    #expect(error?.description.contains("a/1.png") == true)
    for accumulation in [1, 4] {
      var trainer = trainer
      trainer.accumulation = accumulation
      let before = trainer.optimizer.step
      let summary = try trainer.run(on: loader(.skipped), epochs: 3)
      #expect(summary.ending == .complete && summary.images == 21)
      #expect(summary.epochs.map(\.images) == [7, 7, 7])
      #expect(trainer.optimizer.step - before == (accumulation == 1 ? 21 : 6))
    }
    #expect(throws: DatasetError.self) {
      try trainer.findLearningRate(on: loader(.refused), from: 1e-4, to: 1e-2, steps: 30)
    }
  }

  @Test("a run over images of which none can be read ends with an error that lists them")
  func nothingReadable() throws {
    let scratch = try Scratch()
    let root = scratch("photos")
    for name in ["", "/a", "/b"] { try #require(mkdir(root + name, 0o755) == 0) }
    let names = ["a/0", "a/1", "b/0"]
    for name in names {
      let image = RasterImage(
        width: 4, height: 4, channels: 1, bytes: Array(repeating: 7, count: 16))
      try image.write(to: "\(root)/\(name).png")
    }
    let set = try ImageSet.load(classFolders: root, size: (4, 4), channels: 1, memoryLimit: 0)
    for name in names { truncate("\(root)/\(name).png", 20) }
    let loader = try BatchLoader(set, batchSize: 2, broken: .skipped)
    let net = small()
    let trainer = Trainer(net, optimizer: SGD(net, learningRate: 0.01))
    for length in [Trainer.Length.steps(5), .epochs(2)] {
      let error = #expect(throws: DatasetError.self) {
        try trainer.run(on: loader, for: length)
      }
      for name in names { #expect(error?.description.contains("\(name).png") == true) }
    }
    #expect(trainer.optimizer.step == 0)
  }

  @Test("the schedule gives the rate of each step")
  func schedule() throws {
    let net = small()
    let optimizer = SGD(net, learningRate: 1)
    let recorder = Recorder()
    nonisolated(unsafe) var rates: [Double] = []
    recorder.onStep = { _ in rates.append(optimizer.learningRate) }
    var trainer = Trainer(net, optimizer: optimizer, observers: [recorder])
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
      net, optimizer: SGD(net, learningRate: 0.1), stopRequest: stop, observers: [recorder])
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
      net, optimizer: SGD(net, learningRate: 0.1), stopRequest: stop, observers: [recorder])
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

  @Test("gradients that are not finite: the op of the backward pass is named, the parameters stay")
  func gradientAnomaly() throws {
    let net = small()
    let before = modelBits(net)
    // The root has no derivative at 0, and its value is finite.
    let trainer = Trainer(
      net, optimizer: SGD(net, learningRate: 0.1), loss: { logits, _ in sqrt(logits * 0).sum() })
    let error = #expect(throws: TrainingError.self) {
      try trainer.run(on: BatchLoader(images(8), batchSize: 4), epochs: 1)
    }
    guard case .operation(let anomaly) = try #require(error).cause else {
      Issue.record("the cause is \(String(describing: error?.cause))")
      return
    }
    #expect(anomaly.operation.hasSuffix("in the backward of sqrt"), "\(anomaly.operation)")
    #expect("\(anomaly.site)".hasPrefix("TrainerTests.swift:"))
    #expect(error?.description.contains("the gradients are not finite") == true)
    #expect(modelBits(net) == before)
  }

  @Test("accumulated batches make the step of one large batch")
  func accumulation() throws {
    let (net, other) = (small(), small())
    let recorder = Recorder()
    var trainer = Trainer(net, optimizer: SGD(net, learningRate: 0.5), observers: [recorder])
    trainer.accumulation = 3
    // 22 images: batches of 4, 4, 4 and 4, 4, 2.
    _ = try trainer.run(on: BatchLoader(images(22), batchSize: 4, seed: 3), epochs: 2)
    #expect(trainer.optimizer.step == 4)
    #expect(recorder.steps.map(\.updates) == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4])
    let whole = Trainer(other, optimizer: SGD(other, learningRate: 0.5))
    _ = try whole.run(on: BatchLoader(images(22), batchSize: 12, seed: 3), epochs: 2)
    for (a, b) in zip(net.parameters, other.parameters) {
      for (x, y) in zip(a.scalars(), b.scalars()) { #expect(abs(x - y) < 1e-6) }
    }
  }

  @Test("validation: records, best weights, and an end when patience is over")
  func validation() throws {
    let net = small()
    let recorder = Recorder()
    var trainer = Trainer(net, optimizer: SGD(net, learningRate: 0.1), observers: [recorder])
    // The rate is 0 from the third epoch on: nothing improves any more.
    trainer.schedule = Schedule { $0 < 10 ? 0.1 : 0 }
    trainer.validation = try BatchLoader(images(20), batchSize: 7, shuffled: false)
    trainer.patience = 2
    trainer.monitor = .loss
    trainer.keepsBest = true
    let summary = try trainer.run(on: BatchLoader(images(40), batchSize: 8), epochs: 50)
    #expect(summary.ending == .patience && summary.epochs.count == 4)
    #expect(recorder.history.count == 4)
    let best = try #require(summary.best)
    #expect(best.epoch == 2)
    #expect(summary.epochs[1].validation?.loss == best.loss)
    #expect(summary.epochs[0].validation?.topFiveAccuracy == nil)
    let result = evaluate(net, on: try #require(trainer.validation))
    #expect(result.loss == best.loss && result.accuracy == best.accuracy)
  }

  @Test("the best weights come back, although later ones are worse")
  func keepsBest() throws {
    let net = small()
    let optimizer = SGD(net, learningRate: 0.1)
    // After two good epochs it unlearns.
    var trainer = Trainer(
      net, optimizer: optimizer,
      loss: { softmaxCrossEntropy($0, labels: $1) * (optimizer.step < 10 ? 1 : -1) })
    trainer.validation = try BatchLoader(images(20), batchSize: 20, shuffled: false)
    trainer.monitor = .loss
    trainer.keepsBest = true
    let summary = try trainer.run(on: BatchLoader(images(40), batchSize: 8), epochs: 4)
    let best = try #require(summary.best)
    #expect(try #require(summary.epochs[3].validation).loss > best.loss)
    #expect(evaluate(net, on: try #require(trainer.validation)).loss == best.loss)
  }

  @Test("the average is what is validated and kept")
  func average() throws {
    let net = small()
    var trainer = Trainer(net, optimizer: SGD(net, learningRate: 0.3))
    let average = ParameterAverage(net, decay: 0.9)
    trainer.average = average
    trainer.validation = try BatchLoader(images(20), batchSize: 20, shuffled: false)
    trainer.keepsBest = true
    let summary = try trainer.run(on: BatchLoader(images(40), batchSize: 8), epochs: 1)
    #expect(average.step == 5)
    let averaged = average.substituted { modelBits(net) }
    // The model holds the averages now, as the best there was.
    #expect(modelBits(net) == averaged)
    #expect(summary.best?.loss == evaluate(net, on: try #require(trainer.validation)).loss)
  }

  @Test("a plateau lowers the rate, of the schedule too")
  func plateau() throws {
    func rates(_ schedule: Schedule?) throws -> [Double] {
      let net = small()
      let recorder = Recorder()
      var trainer = Trainer(net, optimizer: SGD(net, learningRate: 9), observers: [recorder])
      trainer.schedule = schedule
      // No loss is lower by all of itself.
      trainer.plateau = ReduceOnPlateau(
        from: 0.2, factor: 0.5, patience: 1, threshold: .relative(1))
      _ = try trainer.run(on: BatchLoader(images(8), batchSize: 8), epochs: 6)
      return recorder.steps.map(\.learningRate)
    }
    #expect(try rates(nil) == [0.2, 0.2, 0.2, 0.1, 0.1, 0.05])
    #expect(try rates(.constant(1)) == [1, 1, 1, 0.5, 0.5, 0.25])
  }

  @Test("a length in steps ends in the middle of an epoch")
  func steps() throws {
    let net = small()
    var epochs = 0
    nonisolated(unsafe) var updates: [Int] = []
    let trainer = Trainer(
      net, optimizer: SGD(net, learningRate: 0.1),
      observers: [TrainingCallbacks(onStep: { updates.append($0.updates) })])
    let summary = try trainer.run(on: BatchLoader(images(40), batchSize: 8), steps: 7)
    epochs = summary.epochs.count
    #expect(epochs == 2 && summary.steps == 7 && summary.ending == .complete)
    #expect(updates == Array(1...7))
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
