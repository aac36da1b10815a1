import TapestryFiles
import TapestryOptim

/// How the learning rate goes, as `--schedule` says it: a name, then numbers with colons.
enum ScheduleChoice: Equatable {
  case constant
  case cosine
  case step(every: Double, factor: Double)
  case multiStep(at: [Double], factor: Double)
  case exponential(factor: Double)
  case polynomial(power: Double)
  case oneCycle(warmup: Double)
  case restarts(period: Double, factor: Int)
  case plateau(patience: Int, factor: Double)

  static let help = """
    constant, cosine, step:EPOCHS:FACTOR, multistep:EPOCH+EPOCH+...:FACTOR, exponential:FACTOR (an epoch), \
    polynomial:POWER, one-cycle:SHARE (of rising), restarts:EPOCHS:FACTOR (cosines, each FACTOR times as long), \
    or plateau:EPOCHS:FACTOR (when the loss stops falling). FACTOR and what follows may be left out.
    """

  private static let names = [
    "constant", "cosine", "step", "multistep", "exponential", "polynomial", "one-cycle", "restarts",
    "plateau",
  ]

  /// What `text` says.
  ///
  /// - Throws: ``CommandError`` that says what is wrong, with the nearest name.
  init(_ text: String) throws(CommandError) {
    let words = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    var numbers = ScheduleNumbers(text, words.dropFirst())
    switch words[0] {
    case "constant": self = .constant
    case "cosine": self = .cosine
    case "step":
      self = .step(
        every: try numbers.next("EPOCHS", above: 0), factor: try numbers.next("FACTOR", or: 0.1))
    case "multistep":
      self = .multiStep(
        at: try numbers.list("EPOCH+EPOCH+..."), factor: try numbers.next("FACTOR", or: 0.1))
    case "exponential": self = .exponential(factor: try numbers.next("FACTOR", or: 0.9))
    case "polynomial": self = .polynomial(power: try numbers.next("POWER", or: 1))
    case "one-cycle":
      let share = try numbers.next("SHARE", or: 0.3)
      guard share < 1 else { throw numbers.error("SHARE must be less than 1") }
      self = .oneCycle(warmup: share)
    case "restarts":
      self = .restarts(
        period: try numbers.next("EPOCHS", above: 0), factor: try numbers.whole("FACTOR", or: 1))
    case "plateau":
      self = .plateau(
        patience: try numbers.whole("EPOCHS", or: 5), factor: try numbers.next("FACTOR", or: 0.1))
    default:
      let near = nearest(words[0], in: Self.names).map { " (did you mean '\($0)'?)" } ?? ""
      throw CommandError(
        "'--schedule' is '\(text)', but must begin with one of \(Self.names.joined(separator: ", "))\(near)"
      )
    }
    try numbers.finish()
  }

  /// The rate as a function of the update, and what lowers it by the loss.
  ///
  /// - Parameters:
  ///   - rate: the rate to begin with, or the highest.
  ///   - epochs: of the run.
  ///   - updates: of an epoch.
  ///   - warmup: epochs of a straight rise at the beginning, before what the schedule says of the others.
  /// - Throws: ``CommandError`` for a run that is too short for it.
  func make(
    rate: Double, epochs: Int, updates: Int, warmup: Double
  ) throws(CommandError) -> (schedule: Schedule, plateau: ReduceOnPlateau?) {
    let total = epochs * updates
    let rise = Int((warmup * Double(updates)).rounded())
    guard rise < max(total, 1) else {
      throw CommandError(
        "'--warmup' is \(warmup) epochs, but the run has only \(counted(epochs, "epoch"))")
    }
    let rest = max(total - rise, 1)
    let schedule = try schedule(rate: rate, over: rest, updates: updates)
    var plateau: ReduceOnPlateau?
    if case .plateau(let patience, let factor) = self {
      plateau = ReduceOnPlateau(from: 1, factor: factor, patience: patience)
    }
    guard rise > 0 else { return (schedule, plateau) }
    // From the first update on, whose rate would otherwise be 0.
    let beginning = Schedule.linearWarmup(
      to: rate, over: rise, startFactor: 1 / Double(rise + 1))
    return (beginning.then(schedule, after: rise), plateau)
  }

  private func schedule(
    rate: Double, over steps: Int, updates: Int
  ) throws(CommandError) -> Schedule {
    func count(_ epochs: Double) -> Int { max(Int((epochs * Double(updates)).rounded()), 1) }
    switch self {
    case .constant, .plateau: return .constant(rate)
    case .cosine: return .cosine(from: rate, over: steps)
    case .step(let every, let factor):
      return .step(from: rate, every: count(every), factor: factor)
    case .multiStep(let epochs, let factor):
      return .multiStep(from: rate, milestones: epochs.map(count), factor: factor)
    case .exponential(let factor):
      // Once an epoch, as the name of the number says.
      return .step(from: rate, every: updates, factor: factor)
    case .polynomial(let power): return .polynomial(from: rate, over: steps, power: power)
    case .oneCycle(let share):
      guard share * Double(steps) > 1 else {
        throw CommandError(
          "'--schedule one-cycle:\(share)' rises over less than two of the \(counted(steps, "update")); "
            + "train for more epochs")
      }
      return .oneCycle(maximum: rate, over: steps, warmupFraction: share)
    case .restarts(let period, let factor):
      return .cosineWarmRestarts(
        from: rate, firstPeriod: count(period), periodFactor: factor)
    }
  }
}

/// The numbers behind a schedule's name.
private struct ScheduleNumbers {
  private let text: String
  private var words: ArraySlice<String>

  init(_ text: String, _ words: ArraySlice<String>) {
    self.text = text
    self.words = words
  }

  func error(_ problem: String) -> CommandError {
    CommandError("'--schedule' is '\(text)': \(problem)")
  }

  mutating func next(
    _ name: String, or value: Double? = nil, above limit: Double = 0
  ) throws(CommandError) -> Double {
    guard let word = words.popFirst() else {
      if let value { return value }
      throw error("\(name) is missing")
    }
    return try number(word, name, above: limit)
  }

  mutating func whole(_ name: String, or value: Int) throws(CommandError) -> Int {
    guard let word = words.popFirst() else { return value }
    guard let number = Int(word), (1...1_000_000).contains(number) else {
      throw error("\(name) is '\(word)', but must be a whole number of at least 1")
    }
    return number
  }

  mutating func list(_ name: String) throws(CommandError) -> [Double] {
    guard let word = words.popFirst() else { throw error("\(name) is missing") }
    var numbers: [Double] = []
    for part in word.split(separator: "+", omittingEmptySubsequences: false) {
      numbers.append(try number(String(part), name, above: 0))
    }
    return numbers
  }

  func finish() throws(CommandError) {
    if let word = words.first { throw error("'\(word)' is more than it takes") }
  }

  private func number(
    _ word: String, _ name: String, above limit: Double
  ) throws(CommandError) -> Double {
    guard let number = Double(word), number > limit, number <= 1e6 else {
      throw error("\(name) is '\(word)', but must be a number greater than \(fixed(limit, 0))")
    }
    return number
  }
}
