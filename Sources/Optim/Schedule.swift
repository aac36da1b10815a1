import CTapestryKernels
import TapestryGraph

/// The learning rate as a function of the step, 0 for the first: nothing has to be saved but the step.
///
/// ```swift
/// let schedule = Schedule.linearWarmup(to: 0.1, over: 500)
///   .then(.cosine(from: 0.1, over: 9_500), after: 500)
/// optimizer.learningRate = schedule(optimizer.step)
/// ```
public struct Schedule: Sendable {
  /// The rate in force during a step.
  public let rate: @Sendable (Int) -> Double

  /// A schedule of your own.
  public init(_ rate: @escaping @Sendable (_ step: Int) -> Double) { self.rate = rate }

  /// The rate in force during `step`; a negative step counts as 0.
  public func callAsFunction(_ step: Int) -> Double { rate(max(step, 0)) }

  /// This schedule for its first `steps` steps, then `next`, which counts its steps from there.
  public func then(_ next: Schedule, after steps: Int) -> Schedule {
    Schedule { $0 < steps ? self($0) : next($0 - steps) }
  }

  /// This schedule's rate times that of `other`: for example a warm-up to 1 over any schedule.
  public func times(_ other: Schedule) -> Schedule { Schedule { self($0) * other($0) } }
}

extension Schedule {
  /// `rate`, always.
  public static func constant(_ rate: Double) -> Schedule { Schedule { _ in rate } }

  /// rate · factor^⌊t / every⌋.
  ///
  /// - Precondition: `every` is positive.
  public static func step(
    from rate: Double, every: Int, factor: Double = 0.1, file: StaticString = #fileID,
    line: UInt = #line
  ) -> Schedule {
    requirePositive(every, "step(from:every:factor:)", file, line)
    return Schedule { rate * tapestry_pow(factor, Double($0 / every)) }
  }

  /// rate · factor^n, n being how many milestones are at or before t.
  public static func multiStep(
    from rate: Double, milestones: [Int], factor: Double = 0.1
  ) -> Schedule {
    Schedule { step in
      milestones.reduce(rate) { $1 <= step ? $0 * factor : $0 }
    }
  }

  /// rate · factor^t.
  public static func exponential(from rate: Double, factor: Double) -> Schedule {
    Schedule { rate * tapestry_pow(factor, Double($0)) }
  }

  /// minimum + (rate - minimum) (1 + cos(π t / steps)) / 2, half a cosine down (Loshchilov and Hutter 2017).
  /// Beyond `steps` it rises again along the same cosine, as in PyTorch; end it with ``then(_:after:)``.
  ///
  /// - Precondition: `steps` is positive.
  public static func cosine(
    from rate: Double, over steps: Int, to minimum: Double = 0, file: StaticString = #fileID,
    line: UInt = #line
  ) -> Schedule {
    requirePositive(steps, "cosine(from:over:to:)", file, line)
    return Schedule { halfCosine(from: rate, to: minimum, at: Double($0) / Double(steps)) }
  }

  /// ``cosine(from:over:to:file:line:)`` again and again: periods of `firstPeriod` steps, then each
  /// `periodFactor` times as long as the one before.
  ///
  /// - Precondition: both are positive.
  public static func cosineWarmRestarts(
    from rate: Double, firstPeriod: Int, periodFactor: Int = 1, to minimum: Double = 0,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Schedule {
    requirePositive(firstPeriod, "cosineWarmRestarts(firstPeriod:)", file, line)
    requirePositive(periodFactor, "cosineWarmRestarts(periodFactor:)", file, line)
    return Schedule { step in
      var period = firstPeriod
      var position = step
      if periodFactor == 1 { position %= period }
      while position >= period {
        position -= period
        period *= periodFactor
      }
      return halfCosine(from: rate, to: minimum, at: Double(position) / Double(period))
    }
  }

  /// rate · (startFactor + (1 - startFactor) min(t / steps, 1)): a straight rise, then constant.
  ///
  /// - Precondition: `steps` is positive.
  public static func linearWarmup(
    to rate: Double, over steps: Int, startFactor: Double = 0, file: StaticString = #fileID,
    line: UInt = #line
  ) -> Schedule {
    requirePositive(steps, "linearWarmup(to:over:)", file, line)
    return Schedule { step in
      let part = min(Double(step) / Double(steps), 1)
      return rate * (startFactor + (1 - startFactor) * part)
    }
  }

  /// rate · (1 - min(t / steps, 1))^power.
  ///
  /// - Precondition: `steps` is positive.
  public static func polynomial(
    from rate: Double, over steps: Int, power: Double = 1, file: StaticString = #fileID,
    line: UInt = #line
  ) -> Schedule {
    requirePositive(steps, "polynomial(from:over:)", file, line)
    return Schedule { rate * tapestry_pow(1 - min(Double($0) / Double(steps), 1), power) }
  }
}

/// start at 0, end at 1, half a cosine between.
func halfCosine(from start: Double, to end: Double, at position: Double) -> Double {
  end + (start - end) * (1 + tapestry_cos(Double.pi * position)) / 2
}

func requirePositive(_ value: Int, _ name: String, _ file: StaticString, _ line: UInt) {
  guard value > 0 else {
    trap("Schedule.\(name) needs a positive number, not \(value)", file: file, line: line)
  }
}
