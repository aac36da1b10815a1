/// Lowers the learning rate when a metric has stopped improving: the one schedule with a memory.
///
/// ```swift
/// var plateau = ReduceOnPlateau(from: 0.1, patience: 5)
/// // after each epoch
/// optimizer.learningRate = plateau.report(validationLoss)
/// ```
public struct ReduceOnPlateau: Sendable {
  /// Which way the metric is better.
  public enum Mode: Sendable { case minimize, maximize }

  /// What an improvement is measured against: a part of the best value so far, or a number.
  public enum Threshold: Sendable {
    case relative(Double)
    case absolute(Double)
  }

  /// What a checkpoint has to keep.
  public struct State: Sendable, Equatable, Codable {
    /// The rate in force.
    public var rate: Double
    /// The best metric so far.
    public var best: Double?
    /// Reports in a row that were not better.
    public var badCount = 0
    /// Reports left during which nothing counts as bad.
    public var cooldownCount = 0

    /// Before the first report.
    public init(rate: Double) { self.rate = rate }
  }

  public let mode: Mode
  public let factor: Double
  public let patience: Int
  public let threshold: Threshold
  public let cooldown: Int
  public let minimumRate: Double
  public let epsilon: Double

  /// Save and restore this.
  public var state: State

  /// The rate in force.
  public var rate: Double { state.rate }

  /// - Parameters:
  ///   - rate: the rate to begin with.
  ///   - factor: multiplies the rate.
  ///   - patience: how many reports without improvement are put up with.
  ///   - threshold: an improvement has to be larger than this.
  ///   - cooldown: reports after a reduction that are not counted as bad.
  ///   - minimumRate: no lower than this.
  ///   - epsilon: a reduction by less than this is not made.
  public init(
    from rate: Double, mode: Mode = .minimize, factor: Double = 0.1, patience: Int = 10,
    threshold: Threshold = .relative(1e-4), cooldown: Int = 0, minimumRate: Double = 0,
    epsilon: Double = 1e-8
  ) {
    self.mode = mode
    self.factor = factor
    self.patience = patience
    self.threshold = threshold
    self.cooldown = cooldown
    self.minimumRate = minimumRate
    self.epsilon = epsilon
    state = State(rate: rate)
  }

  /// Takes note of a metric and returns the rate to go on with. NaN is no improvement.
  @discardableResult
  public mutating func report(_ metric: Double) -> Double {
    if isBetter(metric) {
      state.best = metric
      state.badCount = 0
    } else {
      state.badCount += 1
    }
    if state.cooldownCount > 0 {
      state.cooldownCount -= 1
      state.badCount = 0
    }
    if state.badCount > patience {
      let reduced = max(state.rate * factor, minimumRate)
      if state.rate - reduced > epsilon { state.rate = reduced }
      state.cooldownCount = cooldown
      state.badCount = 0
    }
    return state.rate
  }

  private func isBetter(_ metric: Double) -> Bool {
    guard let best = state.best else { return !metric.isNaN }
    switch (mode, threshold) {
    case (.minimize, .relative(let part)): return metric < best * (1 - part)
    case (.minimize, .absolute(let amount)): return metric < best - amount
    case (.maximize, .relative(let part)): return metric > best * (1 + part)
    case (.maximize, .absolute(let amount)): return metric > best + amount
    }
  }
}
