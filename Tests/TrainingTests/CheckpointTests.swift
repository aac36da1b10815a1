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

/// Every optimizer there is, with as much state as it can have.
private let optimizers: [(name: String, make: @Sendable (any Model) -> any Optimizer)] = [
  ("SGD", { SGD($0, learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01) }),
  ("Adam", { Adam($0, learningRate: 0.01, amsgrad: true) }),
  ("AdamW", { AdamW($0, learningRate: 0.01, decays: .weights) }),
  ("Adagrad", { Adagrad($0, learningRate: 0.1) }),
  ("RMSprop", { RMSprop($0, learningRate: 0.01, momentum: 0.5, centered: true) }),
  ("Adadelta", { Adadelta($0) }), ("Adamax", { Adamax($0) }), ("NAdam", { NAdam($0) }),
  ("RAdam", { RAdam($0) }), ("LARS", { LARS($0, learningRate: 1) }), ("Rprop", { Rprop($0) }),
  ("Lion", { Lion($0, learningRate: 0.01) }), ("Muon", { Muon($0, learningRate: 0.01) }),
  ("Adafactor", { Adafactor($0) }), ("LAMB", { LAMB($0, learningRate: 0.01) }),
  (
    "ConstrainedOptimizer",
    {
      let optimizer = ConstrainedOptimizer(Adam($0, learningRate: 0.01))
      optimizer.constrain($0, .maximumNorm(0.5))
      return optimizer
    }
  ),
  ("LBFGS", { LBFGS($0, learningRate: 0.1, historySize: 3) }),
]

/// A run with all that a checkpoint keeps. 50 images in batches of 8: seven batches an epoch.
private struct Run {
  let model = noisy()
  let random = RandomSource(seed: 9)
  var trainer: Trainer
  let loader: BatchLoader

  init(
    _ folder: String, optimizer: (any Model) -> any Optimizer, accumulation: Int = 1,
    every steps: Int = 3
  ) throws {
    trainer = Trainer(model, optimizer: optimizer(model))
    trainer.schedule = .cosine(from: 0.05, over: 40)
    trainer.average = ParameterAverage(model, decay: 0.9)
    trainer.accumulation = accumulation
    trainer.checkpoints = CheckpointFolder(folder, everySteps: steps)
    loader = try BatchLoader(images(50), batchSize: 8, seed: 5)
  }

  func run(epochs: Int, resuming: Bool = false) throws -> TrainingSummary {
    try withRandomSource(random) {
      try trainer.run(on: loader, epochs: epochs, resuming: resuming)
    }
  }

  func run(steps: Int, resuming: Bool = false) throws -> TrainingSummary {
    try withRandomSource(random) {
      try trainer.run(on: loader, steps: steps, resuming: resuming)
    }
  }

  /// Everything that the run has come to.
  var bits: [UInt64] {
    let average = trainer.average?.state ?? []
    let values = (average + trainer.optimizer.state).flatMap { $0.value.scalars() }
    return modelBits(model) + values.map(\.bitPattern) + [random.state.counter]
  }
}

@Suite("Checkpoints")
struct CheckpointTests {
  @Test(
    "2N steps equal N steps, a checkpoint and N more, bit for bit, for every optimizer",
    arguments: optimizers.indices)
  func everyOptimizer(index: Int) throws {
    let scratch = try Scratch()
    let optimizer = optimizers[index].make
    let straight = try Run(scratch("a"), optimizer: optimizer)
    _ = try straight.run(steps: 20)
    // Ten steps end in the middle of the second epoch.
    let first = try Run(scratch("b"), optimizer: optimizer)
    _ = try first.run(steps: 10)
    #expect(first.bits != straight.bits)
    let second = try Run(scratch("b"), optimizer: optimizer)
    let summary = try second.run(steps: 20, resuming: true)
    #expect(summary.steps == 10)
    #expect(second.bits == straight.bits, "\(optimizers[index].name)")
  }

  @Test(
    "a run that is stopped after any step and resumed, again and again, ends in the same bits",
    arguments: [1, 2])
  func stopAnywhere(accumulation: Int) throws {
    let scratch = try Scratch()
    let straight = try Run(
      scratch("a"), optimizer: { Adam($0, learningRate: 0.01) }, accumulation: accumulation)
    let whole = try straight.run(epochs: 3)
    var steps = 0
    var starts = 0
    while starts < 50 {
      var run = try Run(
        scratch("b"), optimizer: { Adam($0, learningRate: 0.01) }, accumulation: accumulation)
      let stop = StopRequest()
      run.trainer.stopRequest = stop
      // Stopped after 1, 2, 3, 4, 1, 2, ... batches.
      let limit = starts % 4 + 1
      var count = 0
      run.trainer.observers = [
        TrainingCallbacks(onStep: { _ in
          count += 1
          if count == limit { stop.request() }
        })
      ]
      let summary = try run.run(epochs: 3, resuming: true)
      starts += 1
      steps += summary.steps
      guard !summary.wasStopped else { continue }
      #expect(run.bits == straight.bits)
      #expect(summary.epochs.map(\.loss) == whole.epochs.map(\.loss))
      #expect(summary.epochs.map(\.accuracy) == whole.epochs.map(\.accuracy))
      break
    }
    #expect(starts > 5 && starts < 50)
    #expect(steps == 21)
  }

  @Test("only the newest are kept; what a killed process left half written goes away")
  func kept() throws {
    let scratch = try Scratch()
    let first = try Run(scratch("a"), optimizer: { SGD($0, learningRate: 0.1) })
    _ = try first.run(epochs: 1)
    #expect(
      Scratch.names(scratch("a")) == [
        "checkpoint-00000006.safetensors", "checkpoint-00000007.safetensors",
      ])
    let leftover = scratch("a/.tapestry-12ab.tmp")
    try AtomicFile.write("half", to: leftover)
    let second = try Run(scratch("a"), optimizer: { SGD($0, learningRate: 0.1) })
    #expect(try second.run(epochs: 1, resuming: true).steps == 0)
    #expect(!Scratch.names(scratch("a")).contains(".tapestry-12ab.tmp"))
    #expect(second.bits == first.bits)
  }

  @Test("a checkpoint that the disk has damaged is passed over for the one before")
  func damaged() throws {
    let scratch = try Scratch()
    let straight = try Run(scratch("a"), optimizer: { SGD($0, learningRate: 0.1) })
    _ = try straight.run(epochs: 2)
    let newest = try #require(straight.trainer.checkpoints?.checkpoints().first)
    try AtomicFile.write("not a safetensors file", to: newest)
    let second = try Run(scratch("a"), optimizer: { SGD($0, learningRate: 0.1) })
    let summary = try second.run(epochs: 2, resuming: true)
    #expect(summary.steps == 2)
    #expect(second.bits == straight.bits)
  }

  @Test("the best weights survive a stop, and the patience goes on")
  func best() throws {
    let scratch = try Scratch()
    func run(_ epochs: Int, resuming: Bool) throws -> (TrainingSummary, [UInt64]) {
      var run = try Run(scratch("a"), optimizer: { SGD($0, learningRate: 0.1) })
      run.trainer.average = nil
      run.trainer.validation = try BatchLoader(images(20), batchSize: 20, shuffled: false)
      run.trainer.schedule = nil
      let (model, optimizer) = (run.model, run.trainer.optimizer)
      // After two good epochs it unlearns.
      run.trainer.objective = { batch in
        let logits = model(batch.images)
        let loss = softmaxCrossEntropy(logits, labels: batch.labels)
        return (logits, loss * (optimizer.step < 14 ? 1 : -1))
      }
      run.trainer.monitor = .loss
      run.trainer.keepsBest = true
      run.trainer.patience = 3
      let summary = try run.run(epochs: epochs, resuming: resuming)
      return (summary, modelBits(run.model))
    }
    let first = try run(3, resuming: false)
    #expect(first.0.best?.epoch == 2 && first.0.ending == .complete)
    // Nothing is better in these epochs: the weights come from the folder.
    let second = try run(9, resuming: true)
    #expect(second.0.best == first.0.best && second.0.ending == .patience)
    #expect(second.0.epochs.count == 5)
    #expect(second.1 == first.1)
  }

  // MARK: - What does not fit

  private func saved(_ scratch: Scratch) throws -> String {
    let net = small()
    try TrainingState(net, optimizer: Adam(net)).save(to: scratch("state.safetensors"))
    return scratch("state.safetensors")
  }

  private func small() -> Small { withRandomSource(RandomSource(seed: 1)) { Small() } }

  private func refusal(
    _ path: String, _ model: any Model, _ optimizer: any Optimizer,
    average: ParameterAverage? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> CheckpointError.Cause {
    let before = modelBits(model)
    var state = TrainingState(model, optimizer: optimizer, average: average)
    let error = try #require(
      throws: CheckpointError.self, sourceLocation: sourceLocation
    ) { try state.load(from: path) }
    #expect(modelBits(model) == before && optimizer.step == 0, sourceLocation: sourceLocation)
    #expect(error.description.hasPrefix("\(path): "), sourceLocation: sourceLocation)
    return error.cause
  }

  @Test(
    "a checkpoint of another model, optimizer or average lists what differs and changes nothing")
  func otherRun() throws {
    let scratch = try Scratch()
    let path = try saved(scratch)
    let other = noisy()
    guard case .otherRun(let problems) = try refusal(path, other, Adam(other)) else {
      Issue.record("not refused as another run")
      return
    }
    #expect(problems == ["missing: mean [8] float32"])
    let net = small()
    #expect(
      try refusal(path, net, SGD(net, learningRate: 1))
        == .otherRun(problems: ["it was trained by Adam, not SGD"]))
    #expect(
      try refusal(path, net, Adam(net), average: ParameterAverage(net, decay: 0.5))
        == .otherRun(
          problems: [
            "step", "hidden.weight", "hidden.bias", "output.weight", "output.bias",
          ].map { "average, missing: \($0)" }))
    let average = ParameterAverage(other, decay: 0.5)
    guard
      case .otherRun(let all) = try refusal(path, other, Adam(other), average: average)
    else {
      Issue.record("not refused as another run")
      return
    }
    #expect(all.first == "missing: mean [8] float32")
    #expect(all.contains("average, missing: step"))
  }

  @Test("weights alone, a newer format and a damaged position are told apart")
  func malformed() throws {
    let scratch = try Scratch()
    let path = try saved(scratch)
    let net = small()
    try net.save(to: scratch("weights.safetensors"))
    #expect(try refusal(scratch("weights.safetensors"), net, Adam(net)) == .notACheckpoint)

    func rewritten(_ key: String, _ text: String) throws -> String {
      let file = try SafetensorsFile(path: path)
      var metadata = file.metadata
      metadata[key] = text
      let items = file.entries.map { entry in
        SafetensorsItem(
          name: entry.name, dtype: entry.dtype, shape: entry.shape,
          bytes: file.withUnsafeBytes(of: entry) { Array($0) })
      }
      try SafetensorsFile.write(items, metadata: metadata, to: scratch("other.safetensors"))
      return scratch("other.safetensors")
    }
    #expect(
      try refusal(rewritten("tapestry_checkpoint", "2"), net, Adam(net))
        == .newerFormat(found: "2", supported: 1))
    for text in ["", "[]", "{\"epoch\":-1}", "{\"epoch\":1e9}", "{"] {
      guard
        case .malformed(let problems) = try refusal(rewritten("position", text), net, Adam(net))
      else {
        Issue.record("\(text) is not refused as malformed")
        continue
      }
      #expect(!problems.isEmpty)
    }
    guard
      case .malformed = try refusal(rewritten("random", "{\"key\":\"-1\"}"), net, Adam(net))
    else {
      Issue.record("the random state is not checked")
      return
    }
  }

  @Test("a run over other images is not continued")
  func otherData() throws {
    let scratch = try Scratch()
    _ = try Run(scratch("a"), optimizer: { SGD($0, learningRate: 0.1) }).run(epochs: 1)
    let run = try Run(scratch("a"), optimizer: { SGD($0, learningRate: 0.1) })
    let error = try #require(throws: CheckpointError.self) {
      try run.trainer.run(
        on: BatchLoader(images(40), batchSize: 8, seed: 5), epochs: 2, resuming: true)
    }
    #expect(
      error.description.contains(
        "was made with 50 images in batches of 8, seed 5, but this run has 40 images"))
  }

  @Test("a file system that takes no more: an error with a remedy, the old checkpoint stays")
  func full() async {
    await #expect(processExitsWith: .success) {
      let scratch = try Scratch()
      let run = try Run(scratch("a"), optimizer: { SGD($0, learningRate: 0.1) })
      _ = try run.run(epochs: 1)
      let before = Scratch.names(scratch("a"))
      _ = signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 512, rlim_max: rlim_t.max)
      try #require(setFileSizeLimit(&limit) == 0)
      let second = try Run(scratch("a"), optimizer: { SGD($0, learningRate: 0.1) })
      let error = try #require(throws: FileError.self) {
        try second.run(epochs: 2, resuming: true)
      }
      try #require(error.description.contains("ulimit -f"))
      try #require(Scratch.names(scratch("a")) == before)
    }
  }
}

private func setFileSizeLimit(_ limit: inout rlimit) -> Int32 {
  #if canImport(Glibc)
    var current = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &current)
    limit.rlim_max = current.rlim_max
    return setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
  #else
    var current = rlimit()
    getrlimit(RLIMIT_FSIZE, &current)
    limit.rlim_max = current.rlim_max
    return setrlimit(RLIMIT_FSIZE, &limit)
  #endif
}
