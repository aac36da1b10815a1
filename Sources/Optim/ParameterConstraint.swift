import TapestryGraph

/// What the values of a parameter have to satisfy, restored after every step of a ``ConstrainedOptimizer``.
public struct ParameterConstraint: Sendable {
  let restore: @Sendable (Parameter) -> Void
  /// Why a parameter of this shape and type cannot have the constraint.
  let problem: @Sendable (TensorSpec) -> String?

  private init(
    _ restore: @escaping @Sendable (Parameter) -> Void,
    problem: @escaping @Sendable (TensorSpec) -> String? = { _ in nil }
  ) {
    self.restore = restore
    self.problem = problem
  }

  /// A constraint of your own.
  ///
  /// - Parameter projected: the nearest values that satisfy it, of the same shape and type.
  public init(_ projected: @escaping @Sendable (_ value: Tensor) -> Tensor) {
    self.init { parameter in parameter.value = withoutGradients { projected(parameter.value) } }
  }

  /// Every slice at a place along `axis` has at most this Euclidean norm; a longer one is scaled down to it (Srivastava et
  /// al. 2014, section 5.1).
  ///
  /// In weights `[out, in]` and filters `[out, in, kH, kW]` axis 0 limits the weights into each unit, axis 1, the columns of a
  /// matrix, those that leave an input. One pass over memory, and another over what is too long.
  ///
  /// - Precondition: `limit` is positive; the parameters have the axis.
  public static func maximumNorm(
    _ limit: Double, axis: Int = 0, file: StaticString = #fileID, line: UInt = #line
  ) -> ParameterConstraint {
    guard limit > 0, axis >= 0 else {
      trap(
        "ParameterConstraint.maximumNorm: needs a positive limit and an axis of 0 or more, not \(limit) and"
          + " axis \(axis)", file: file, line: line)
    }
    return ParameterConstraint(
      { parameter in
        let shape = parameter.shape
        let inner = shape.dropFirst(axis + 1).reduce(1, *)
        parameter.update { memory in
          if parameter.dtype == .float64 {
            limitSlices(
              memory.assumingMemoryBound(to: Double.self), shape.elementCount, shape[axis], inner,
              limit)
          } else {
            limitSlices(
              memory.assumingMemoryBound(to: Float.self), shape.elementCount, shape[axis], inner,
              limit)
          }
        }
      },
      problem: { axis < $0.shape.rank ? nil : "it has no axis \(axis)" })
  }

  /// Every element lies in `range`; others become the nearer end.
  public static func range(_ range: ClosedRange<Double>) -> ParameterConstraint {
    ParameterConstraint { parameter in
      parameter.update { memory in
        if parameter.dtype == .float64 {
          limitElements(memory.assumingMemoryBound(to: Double.self), parameter.count, range)
        } else {
          limitElements(memory.assumingMemoryBound(to: Float.self), parameter.count, range)
        }
      }
    }
  }
}

/// Element i is in slice i / inner % slices.
private func limitSlices<Real: BinaryFloatingPoint>(
  _ values: UnsafeMutablePointer<Real>, _ count: Int, _ slices: Int, _ inner: Int, _ limit: Double
) {
  guard count > 0 else { return }
  var squares = [Double](repeating: 0, count: slices)
  for start in stride(from: 0, to: count, by: inner) {
    var sum = 0.0
    for index in start..<start + inner { sum += Double(values[index]) * Double(values[index]) }
    squares[start / inner % slices] += sum
  }
  let factors = squares.map { $0 > limit * limit ? limit / $0.squareRoot() : 1 }
  for start in stride(from: 0, to: count, by: inner) {
    let factor = Real(factors[start / inner % slices])
    guard factor != 1 else { continue }
    for index in start..<start + inner { values[index] *= factor }
  }
}

private func limitElements<Real: BinaryFloatingPoint>(
  _ values: UnsafeMutablePointer<Real>, _ count: Int, _ range: ClosedRange<Double>
) {
  let (low, high) = (Real(range.lowerBound), Real(range.upperBound))
  for index in 0..<count {
    if values[index] < low { values[index] = low }
    if values[index] > high { values[index] = high }
  }
}

/// Any optimizer, with constraints on parameters that hold after each of its steps.
///
/// ```swift
/// let optimizer = ConstrainedOptimizer(SGD(net, learningRate: 0.1, momentum: 0.9))
/// optimizer.constrain(net, .maximumNorm(3))
/// optimizer.constrain(net, .range(0...1)) { $0.name == "mixture.weight" }
/// ```
///
/// Rate, step and state are those of the ``base``: a checkpoint fits with the constraints or without.
public final class ConstrainedOptimizer: Optimizer {
  /// What makes the steps.
  public let base: any Optimizer
  private var constrained: [(parameter: Parameter, constraint: ParameterConstraint)] = []

  /// - Parameter base: makes the steps.
  public init(_ base: any Optimizer) { self.base = base }

  /// Holds parameters of `container` to a constraint from now on, starting with the values that they have. Several
  /// constraints of a parameter are restored in the order in which they were given.
  ///
  /// - Parameter isChosen: which parameters. Default: those of two axes or more, so neither biases nor the scales and shifts
  ///   of normalisation.
  /// - Precondition: at least one parameter is chosen, and the constraint suits the shapes of all of them.
  public func constrain(
    _ container: some ParameterContainer, _ constraint: ParameterConstraint,
    file: StaticString = #fileID, line: UInt = #line,
    where isChosen: ((name: String, parameter: Parameter)) -> Bool = { $0.parameter.shape.rank > 1 }
  ) {
    let chosen = container.namedParameters.filter(isChosen)
    if chosen.isEmpty {
      trap(
        "ConstrainedOptimizer: constrain chose none of the parameters"
          + " \(container.namedParameters.map(\.name))", file: file, line: line)
    }
    for (name, parameter) in chosen {
      if let problem = constraint.problem(parameter.value.spec) {
        trap(
          "ConstrainedOptimizer: \"\(name)\" \(parameter.value.spec) cannot be constrained: \(problem)",
          file: file, line: line)
      }
      constraint.restore(parameter)
      constrained.append((parameter, constraint))
    }
  }

  public var learningRate: Double {
    get { base.learningRate }
    set { base.learningRate = newValue }
  }

  public var step: Int { base.step }

  public func update(along gradients: Gradients, scale: Double, file: StaticString, line: UInt) {
    base.update(along: gradients, scale: scale, file: file, line: line)
    for (parameter, constraint) in constrained
    where !parameter.isFrozen && gradients[parameter] != nil {
      constraint.restore(parameter)
    }
  }

  public var state: [(name: String, value: Tensor)] { base.state }

  public func load(state: [(name: String, value: Tensor)]) throws(OptimizerStateError) {
    try base.load(state: state)
  }
}
