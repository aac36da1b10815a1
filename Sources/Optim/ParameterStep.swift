import CTapestryKernels
import TapestryGraph

/// One parameter's step, as memory: every array has `count` elements of `dtype`.
struct ParameterStep {
  let dtype: DType
  let count: Int
  /// 1 at the parameter's first update.
  let number: Int
  let learningRate: Double
  /// Multiplies the optimizer's weight decay.
  let weightDecayFactor: Double
  /// Multiplies the gradient before anything else.
  let gradientScale: Double
  let gradient: UnsafeRawPointer
  let state: [UnsafeMutableRawPointer]
  let parameter: UnsafeMutableRawPointer

  /// Runs `rule` on all elements, in pieces spread over the threads. Elements do not depend on each other, so
  /// the pieces change no bits.
  func run(_ rule: some ElementRule) {
    if dtype == .float64 {
      run(rule, as: Double.self)
    } else {
      run(rule, as: Float.self)
    }
  }

  private func run<Real: BinaryFloatingPoint>(_ rule: some ElementRule, as type: Real.Type) {
    let arrays = StepArrays(
      gradient: gradient.assumingMemoryBound(to: Real.self),
      state: state.map { $0.assumingMemoryBound(to: Real.self) },
      parameter: parameter.assumingMemoryBound(to: Real.self), gradientScale: Real(gradientScale))
    let pieceLength = 1 << 14
    let pieces = (count + pieceLength - 1) / pieceLength
    withoutActuallyEscaping({ (index: Int) in
      let start = index * pieceLength
      rule.advance(arrays, start..<min(start + pieceLength, count))
    }) { body in
      parallel(pieces, body)
    }
  }
}

/// The typed arrays of a step.
struct StepArrays<Real: BinaryFloatingPoint> {
  let gradient: UnsafePointer<Real>
  let state: [UnsafeMutablePointer<Real>]
  let parameter: UnsafeMutablePointer<Real>
  let gradientScale: Real

  /// The scaled gradient with weight decay in it: g + decay θ.
  @inline(__always) func gradient(at index: Int, decay: Real) -> Real {
    gradient[index] * gradientScale + decay * parameter[index]
  }
}

/// What an optimizer does with each element, constants of this step included.
protocol ElementRule {
  func advance<Real: BinaryFloatingPoint>(_ arrays: StepArrays<Real>, _ range: Range<Int>)
}

/// Calls `body` for every index, spread over the worker threads.
private func parallel(_ count: Int, _ body: @escaping (Int) -> Void) {
  var body = body
  withUnsafeMutablePointer(to: &body) { context in
    tapestry_parallel(Int64(count), context) { context, index in
      context!.assumingMemoryBound(to: ((Int) -> Void).self).pointee(Int(index))
    }
  }
}
