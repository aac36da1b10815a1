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
  let etaMinus, etaPlus, minimumStep, maximumStep: Double

  public init(
    _ container: some ParameterContainer, learningRate: Double = 1e-2, etaMinus: Double = 0.5,
    etaPlus: Double = 1.2, minimumStep: Double = 1e-6, maximumStep: Double = 50,
    file: StaticString = #fileID, line: UInt = #line
  ) {
    self.etaMinus = etaMinus
    self.etaPlus = etaPlus
    self.minimumStep = minimumStep
    self.maximumStep = maximumStep
    super.init(
      container, learningRate: learningRate,
      slots: [Slot(name: "previousGradient"), Slot(name: "stepSize")], file: file, line: line)
    guard etaMinus > 0, etaMinus < 1, etaPlus > 1, etaPlus.isFinite else {
      trap(
        "Rprop: etaMinus must be between 0 and 1 and etaPlus above 1, not \(etaMinus) and \(etaPlus)",
        file: file, line: line)
    }
    guard minimumStep >= 0, minimumStep <= maximumStep else {
      trap(
        "Rprop: step sizes cannot be limited to \(minimumStep) ... \(maximumStep)", file: file,
        line: line)
    }
  }

  override func move(_ step: ParameterStep) {
    step.run(
      Rule(
        firstStep: step.number == 1 ? step.learningRate : nil, etaMinus: etaMinus,
        etaPlus: etaPlus, minimumStep: minimumStep, maximumStep: maximumStep))
  }

  private struct Rule: ElementRule {
    /// The step size to begin with, at the first update.
    let firstStep: Double?
    let etaMinus, etaPlus, minimumStep, maximumStep: Double

    func advance<Real: BinaryFloatingPoint>(_ arrays: StepArrays<Real>, _ range: Range<Int>) {
      let (minimumStep, maximumStep) = (Real(minimumStep), Real(maximumStep))
      let (etaMinus, etaPlus) = (Real(etaMinus), Real(etaPlus))
      let (previous, sizes) = (arrays.state[0], arrays.state[1])
      if let firstStep { for index in range { sizes[index] = Real(firstStep) } }
      for index in range {
        var g = arrays.gradient(at: index, decay: 0)
        var size = sizes[index]
        // Signs, because the product of two tiny gradients would underflow to 0.
        let agreement = sign(g) * sign(previous[index])
        if agreement > 0 { size *= etaPlus }
        if agreement < 0 {
          size *= etaMinus
          g = 0
        }
        size = min(max(size, minimumStep), maximumStep)
        sizes[index] = size
        previous[index] = g
        arrays.parameter[index] -= sign(g) * size
      }
    }

    /// -1, 0, 1 or NaN.
    @inline(__always) private func sign<Real: BinaryFloatingPoint>(_ x: Real) -> Real {
      x > 0 ? 1 : x < 0 ? -1 : x
    }
  }
}
