import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryOptim

/// Everything that the rest of a training run depends on, to be saved in one file and continued from bit for bit:
/// parameters, buffers, optimizer, average, random source, position.
///
/// ``Trainer`` does this by itself. In a loop of your own:
///
/// ```swift
/// var run = TrainingState(net, optimizer: optimizer)
/// if resuming { try run.load(from: "run.safetensors") }
/// while run.position.epoch < 10 {
///   for batch in loader.epoch(run.position.epoch, from: run.position.batch) {
///     let loss = softmaxCrossEntropy(net(batch.images), labels: batch.labels)
///     optimizer.update(along: loss.gradients())
///     run.position.batch += 1
///     if optimizer.step % 100 == 0 { try run.save(to: "run.safetensors") }
///   }
///   run.position.beginNextEpoch()
/// }
/// ```
///
/// The file is a safetensors file: tensors `model.NAME`, `optimizer.NAME` and `average.NAME`, and texts. A schedule
/// is a function of the optimizer's step and needs no place of its own.
public struct TrainingState {
  /// The version of the format that is written.
  public static let format = 1

  public let model: any Model
  public let optimizer: any Optimizer
  public let average: ParameterAverage?
  /// Where the run stands.
  public var position: TrainingPosition

  /// - Parameters:
  ///   - optimizer: holds the model's parameters.
  ///   - average: of the model, where there is one.
  public init(
    _ model: any Model, optimizer: any Optimizer, average: ParameterAverage? = nil,
    position: TrainingPosition = TrainingPosition()
  ) {
    self.model = model
    self.optimizer = optimizer
    self.average = average
    self.position = position
  }

  private enum Key {
    static let format = "tapestry_checkpoint"
    static let position = "position"
    static let random = "random"
    static let optimizer = "optimizer"
  }

  private enum Prefix {
    static let model = "model."
    static let optimizer = "optimizer."
    static let average = "average."
  }

  /// Writes the state, all or nothing: whenever the process ends, the file is the old or the new one.
  ///
  /// - Parameters:
  ///   - metadata: further texts to store.
  ///   - random: the source whose state is kept. Default: the one in force.
  /// - Throws: `FileError` when the file cannot be written; what was there before is then unchanged.
  public func save(
    to path: String, metadata: [String: String] = [:], random: RandomSource = .current
  ) throws(FileError) {
    var items = model.state.map { StateFile.item(Prefix.model + $0.name, $0.value) }
    items += optimizer.state.map { StateFile.item(Prefix.optimizer + $0.name, $0.value) }
    items += (average?.state ?? []).map { StateFile.item(Prefix.average + $0.name, $0.value) }
    let key = random.state
    var texts = metadata
    texts[Key.format] = String(Self.format)
    texts[Key.optimizer] = optimizerKind
    let randomText: JSONValue = [
      "key": .string(String(key.key)), "counter": .string(String(key.counter)),
    ]
    do throws(JSONWritingError) {
      texts[Key.position] = try position.json.text()
      texts[Key.random] = try randomText.text()
    } catch {
      throw FileError(path: path, cause: .unwritableJSON(error))
    }
    try SafetensorsFile.write(items, metadata: texts, to: path)
  }

  /// Continues from a saved state.
  ///
  /// - Parameter random: the source that continues. Default: the one in force.
  /// - Throws: `FileError` for a file that cannot be read, ``CheckpointError`` with everything that does not fit;
  ///   then nothing has changed.
  public mutating func load(from path: String, random: RandomSource = .current) throws {
    try load(SafetensorsFile(path: path), path: path, random: random)
  }

  /// Continues from the open file at `path`.
  mutating func load(_ file: SafetensorsFile, path: String, random: RandomSource) throws {
    do throws(SafetensorsError) {
      try file.verify()
    } catch {
      throw FileError(path: path, cause: .safetensors(error))
    }
    func refused(_ cause: CheckpointError.Cause) -> CheckpointError {
      CheckpointError(path: path, cause: cause)
    }
    guard let format = file.metadata[Key.format] else { throw refused(.notACheckpoint) }
    guard let number = Int(format), number <= Self.format else {
      throw refused(.newerFormat(found: format, supported: Self.format))
    }
    var reader = PositionReader()
    let position = TrainingPosition(reader.text(file, Key.position), &reader)
    let key = reader.text(file, Key.random)
    let randomState = RandomKey(key: reader.word(key, "key"), counter: reader.word(key, "counter"))
    guard reader.problems.isEmpty else { throw refused(.malformed(problems: reader.problems)) }

    let weights = SafetensorsState(file).under(Prefix.model)
    var problems: [String] = []
    var plan: StatePlan?
    do {
      plan = try StatePlan(
        model.members.state, from: weights, source: path, isExact: true,
        verifying: false)
    } catch {
      problems = error.problems
    }
    let before = (optimizer: optimizer.state, average: average?.state ?? [])
    do {
      problems += try optimizerProblems(in: file, refused)
      problems += try averageProblems(in: file, refused)
      guard problems.isEmpty else { throw refused(.otherRun(problems: problems)) }
    } catch {
      // Back to the states of before, which they accept.
      try optimizer.load(state: before.optimizer)
      try average?.load(state: before.average)
      throw error
    }
    plan?.assign(from: weights)
    random.state = randomState
    self.position = position
  }

  /// The model's arrays in a state file, by their names in the model, also when it is a checkpoint.
  ///
  /// ```swift
  /// let file = try SafetensorsState(path: "runs/digits/checkpoint-00000500.safetensors")
  /// try net.load(TrainingState.weights(in: file))
  /// ```
  public static func weights(in file: SafetensorsState) -> SafetensorsState {
    file.metadata[Key.format] == nil ? file : file.under(Prefix.model)
  }

  private var optimizerKind: String {
    // Constraints are no part of the state.
    var optimizer = optimizer
    while let constrained = optimizer as? ConstrainedOptimizer { optimizer = constrained.base }
    return String(describing: type(of: optimizer))
  }

  /// Loads the optimizer, or says why not.
  private func optimizerProblems(
    in file: SafetensorsFile, _ refused: (CheckpointError.Cause) -> CheckpointError
  ) throws -> [String] {
    if let kind = file.metadata[Key.optimizer], kind != optimizerKind {
      return ["it was trained by \(kind), not \(optimizerKind)"]
    }
    do {
      try optimizer.load(state: try state(Prefix.optimizer, in: file, refused))
      return []
    } catch let error as OptimizerStateError {
      return error.problems(of: "optimizer")
    }
  }

  /// Loads the average, where there is one, or says why not.
  private func averageProblems(
    in file: SafetensorsFile, _ refused: (CheckpointError.Cause) -> CheckpointError
  ) throws -> [String] {
    let saved = try state(Prefix.average, in: file, refused)
    guard let average else {
      return saved.isEmpty ? [] : ["it has an average of the parameters, this run has none"]
    }
    do {
      try average.load(state: saved)
      return []
    } catch {
      return error.problems(of: "average")
    }
  }

  private func state(
    _ prefix: String, in file: SafetensorsFile,
    _ refused: (CheckpointError.Cause) -> CheckpointError
  ) throws -> [(name: String, value: Tensor)] {
    var state: [(name: String, value: Tensor)] = []
    for entry in file.entries {
      guard let name = entry.name.afterExactPrefix(prefix) else { continue }
      guard let dtype = DType.allCases.first(where: { StateFile.dtype($0) == entry.dtype }),
        let value = StateFile.tensor(entry, of: file, dtype: dtype)
      else {
        throw refused(
          .otherRun(problems: ["\(entry.name) is \(entry.shape) \(entry.dtype.rawValue)"]))
      }
      // Counters of updates, which no run brings so far that adding to them overflows.
      if dtype == .int64, value.count == 1, let count = value.integers().first,
        !PositionReader.counts.contains(count)
      {
        throw refused(.malformed(problems: ["\(entry.name) is \(count), which is no count"]))
      }
      state.append((name, value))
    }
    return state
  }
}

extension PositionReader {
  /// The JSON object in a text of the file's metadata.
  fileprivate mutating func text(_ file: SafetensorsFile, _ key: String) -> JSONValue {
    if let text = file.metadata[key], let json = try? JSONValue(parsing: Array(text.utf8)),
      json.object != nil
    {
      return json
    }
    problems.append("its text \(quoted(key)) is missing or no JSON object")
    return .object(JSONObject())
  }
}

extension OptimizerStateError {
  fileprivate func problems(of what: String) -> [String] {
    missing.map { "\(what), missing: \($0)" } + unknown.map { "\(what), unknown: \($0)" }
      + unfit.map { "\(what): \($0)" }
  }
}

extension Model {
  /// Gives the parameters and buffers, in the order of a state file, these values.
  package func assign(_ values: [Tensor]) {
    for ((_, target), value) in zip(members.state, values) {
      if let parameter = target as? Parameter { parameter.value = value }
      if let buffer = target as? Buffer { buffer.value = value }
    }
  }
}
