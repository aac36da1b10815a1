import CTapestryKernels
import TapestryGraph

/// Rprop (Riedmiller and Braun 1993): a step size per element that grows while the sign of the gradient stays and
/// shrinks when it changes. For whole data sets, not for batches.
///
///     where g times the previous g is positive   step ← etaPlus step
///     where it is negative                       step ← etaMinus step, g ← 0 (also as the next previous g)
///     step limited to minimumStep ... maximumStep;  θ ← θ - sign(g) step
///
/// Step sizes start at the learning rate, which has no other effect.
public final class Rprop: ParameterwiseOptimizer {
  public init(
    _ container: some ParameterContainer, learningRate: Double = 1e-2, etaMinus: Double = 0.5,
    etaPlus: Double = 1.2, minimumStep: Double = 1e-6, maximumStep: Double = 50,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    super.init(
      container, learningRate: learningRate,
      rule: RpropRule(
        etaMinus: etaMinus, etaPlus: etaPlus, minimumStep: minimumStep, maximumStep: maximumStep),
      file: file, line: line)
  }
}

private struct RpropRule: ParameterRule {
  let etaMinus, etaPlus, minimumStep, maximumStep: Double
  let weightDecay = 0.0

  func check(_ arguments: ArgumentChecks) {
    arguments.require(
      etaMinus > 0 && etaMinus < 1 && etaPlus > 1 && etaPlus.isFinite,
      "etaMinus must be between 0 and 1 and etaPlus above 1, not \(etaMinus) and \(etaPlus)")
    arguments.require(
      minimumStep >= 0 && minimumStep <= maximumStep,
      "step sizes cannot be limited to \(minimumStep) ... \(maximumStep)")
  }

  func slots(of spec: TensorSpec) -> [StateSlot] {
    [StateSlot("previousGradient"), StateSlot("stepSize")]
  }

  func move(_ step: ParameterStep) {
    step.run(TAPESTRY_RPROP, step.state[0], step.state[1]) {
      $0.first = step.number == 1
      $0.shrink = etaMinus
      $0.grow = etaPlus
      $0.lowest = minimumStep
      $0.highest = maximumStep
    }
  }
}
