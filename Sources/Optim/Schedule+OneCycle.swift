import TapestryGraph

extension Schedule {
  /// How a stretch of ``oneCycle(maximum:over:warmupFraction:annealing:initialDivisor:finalDivisor:threePhase:file:line:)``
  /// goes from one rate to the next.
  public enum Annealing: Sendable {
    /// Half a cosine.
    case cosine
    /// A straight line.
    case linear
  }

  /// One rise and one fall (Smith and Topin 2018), with M the maximum:
  ///
  /// - from M / initialDivisor at t = 0 to M at t = warmupFraction · steps - 1,
  /// - with `threePhase` back to M / initialDivisor at t = 2 · warmupFraction · steps - 2,
  /// - then to M / initialDivisor / finalDivisor at t = steps - 1, and no further.
  ///
  /// The turning points need not be whole.
  ///
  /// - Precondition: `steps` is at least 2; the turning points come in that order: 1 < warmupFraction · steps,
  ///   and warmupFraction below 1 (below 1/2 with three phases); divisors are positive.
  public static func oneCycle(
    maximum: Double, over steps: Int, warmupFraction: Double = 0.3, annealing: Annealing = .cosine,
    initialDivisor: Double = 25, finalDivisor: Double = 1e4, threePhase: Bool = false,
    file: StaticString = #fileID, line: UInt = #line
  ) -> Schedule {
    let initial = maximum / initialDivisor
    let last = Double(steps - 1)
    let peak = warmupFraction * Double(steps) - 1
    var turns: [(step: Double, rate: Double)] = [(0, initial), (peak, maximum)]
    if threePhase { turns.append((2 * peak, initial)) }
    turns.append((last, initial / finalDivisor))
    guard zip(turns, turns.dropFirst()).allSatisfy({ $0.step < $1.step }), initialDivisor > 0,
      finalDivisor > 0
    else {
      trap(
        "Schedule.oneCycle: its rates would turn at the steps \(turns.map(\.step)), which must rise,"
          + " and the divisors \(initialDivisor) and \(finalDivisor) must be positive", file: file,
        line: line)
    }
    let stretches = Array(zip(turns, turns.dropFirst()))
    return Schedule { step in
      let position = min(Double(step), last)
      let (start, end) = stretches.first { position <= $0.1.step } ?? stretches[stretches.count - 1]
      let part = (position - start.step) / (end.step - start.step)
      switch annealing {
      case .cosine: return halfCosine(from: start.rate, to: end.rate, at: part)
      case .linear: return start.rate + (end.rate - start.rate) * part
      }
    }
  }
}
