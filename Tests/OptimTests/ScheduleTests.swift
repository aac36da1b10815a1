import TapestryOptim
import Testing

@Suite struct ScheduleTests {
  @Test("schedules follow each other, each counting from its own start")
  func then() {
    let schedule = Schedule.linearWarmup(to: 1, over: 4)
      .then(.step(from: 1, every: 2, factor: 0.5), after: 4)
      .then(.constant(0.125), after: 7)
    #expect((0..<9).map { schedule($0) } == [0, 0.25, 0.5, 0.75, 1, 1, 0.5, 0.125, 0.125])
  }

  @Test("a warm-up to 1 over another schedule multiplies")
  func times() {
    let schedule = Schedule.linearWarmup(to: 1, over: 2).times(.constant(4))
    #expect((0..<4).map { schedule($0) } == [0, 2, 4, 4])
  }

  @Test("cosine starts at the rate, is halfway at half time, and ends at the minimum")
  func cosine() {
    let schedule = Schedule.cosine(from: 1, over: 10, to: 0.5)
    #expect(schedule(0) == 1)
    #expect(abs(schedule(5) - 0.75) < 1e-12)
    #expect(abs(schedule(10) - 0.5) < 1e-12)
  }

  @Test("one cycle holds its last rate when a run goes on")
  func oneCycleEnds() {
    let schedule = Schedule.oneCycle(
      maximum: 1, over: 10, warmupFraction: 0.5, annealing: .linear, initialDivisor: 10,
      finalDivisor: 10)
    #expect(abs(schedule(0) - 0.1) < 1e-12)
    #expect(abs(schedule(4) - 1) < 1e-12)
    #expect(abs(schedule(9) - 0.01) < 1e-12)
    #expect(schedule(50) == schedule(9))
  }

  @Test("a step below 0 counts as the first")
  func negative() {
    #expect(Schedule.exponential(from: 2, factor: 0.5)(-3) == 2)
  }

  @Test("a plateau that is saved continues where it was")
  func plateau() {
    var first = ReduceOnPlateau(from: 1, factor: 0.5, patience: 1)
    for metric in [3.0, 3, 3] { first.report(metric) }
    #expect(first.rate == 0.5)
    first.report(3)
    var second = ReduceOnPlateau(from: 1, factor: 0.5, patience: 1)
    second.state = first.state
    #expect(first.report(3) == second.report(3))
    #expect(second.rate == 0.25)
  }

  @Test("NaN is never an improvement")
  func notANumber() {
    var plateau = ReduceOnPlateau(from: 1, factor: 0.5, patience: 1)
    plateau.report(.nan)
    plateau.report(.nan)
    #expect(plateau.rate == 0.5)
    #expect(plateau.state.best == nil)
  }
}
