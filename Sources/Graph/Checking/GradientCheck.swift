/// How closely, and how much, a gradient check compares.
public struct GradientCheckOptions: Sendable {
  /// Agreement asked for, relative to the larger of the two values.
  public var relativeTolerance = 1e-6
  /// Agreement asked for, absolute, in units of the largest result (at least 1).
  public var absoluteTolerance = 1e-9
  /// Order of the derivatives: 1, or 2 to check the derivatives of the gradient as well.
  public var order = 1
  /// Up to this many entries the full Jacobian is compared, beyond it random directions and entries.
  public var fullJacobianLimit = 20_000
  /// Random directions, for all inputs together and for each by itself.
  public var directions = 4
  /// Random single entries besides, when directions are used.
  public var entries = 12
  /// Seed of directions, cotangents and of the random source that the function draws from.
  public var seed: UInt64 = 0

  public init() {}

  /// The default options with some changed.
  public init(
    order: Int = 1, relativeTolerance: Double = 1e-6, absoluteTolerance: Double = 1e-9,
    seed: UInt64 = 0
  ) {
    self.order = order
    self.relativeTolerance = relativeTolerance
    self.absoluteTolerance = absoluteTolerance
    self.seed = seed
  }
}

/// Compares the gradient of `body` at `points` with central differences.
///
/// Computes in float64. Small functions are compared entry by entry of their Jacobian, large ones along random
/// directions and in random entries, always with cotangents that are not constant. A comparison whose steps
/// cross a kink of an op (`relu` at 0, two equal maxima) is skipped and counted. When something does not
/// agree, every recorded op is checked by itself, and the report names the first at fault with its line.
///
/// - Parameters:
///   - names: what the report calls the points; `input 0`, ... by default.
///   - body: a function of the points; any randomness in it is repeated exactly, buffers are not written.
/// - Returns: the report; `report.passed` says whether all agreed.
/// - Precondition: the points are float64 (integer points are passed on, unchecked).
public func checkGradients(
  at points: [Tensor], names: [String] = [], options: GradientCheckOptions = .init(),
  file: StaticString = #fileID, line: UInt = #line, of body: ([Tensor]) -> Tensor
) -> GradientReport {
  withoutActuallyEscaping(body) { body in
    check(
      GradientFunction { [body($0)] }, at: points, names, options, CallSite(file: file, line: line))
  }
}

/// Compares the gradient of a function of one tensor with central differences.
public func checkGradients(
  at point: Tensor, options: GradientCheckOptions = .init(),
  file: StaticString = #fileID, line: UInt = #line, of body: (Tensor) -> Tensor
) -> GradientReport {
  checkGradients(at: [point], names: ["input"], options: options, file: file, line: line) {
    body($0[0])
  }
}

/// Checks one op by itself on these inputs, all its floating-point results together.
public func checkGradients(
  of operation: some TensorOperation, at inputs: [Tensor], options: GradientCheckOptions = .init(),
  file: StaticString = #fileID, line: UInt = #line
) -> GradientReport {
  let names = inputs.indices.map { type(of: operation).inputName($0, of: inputs.count) }
  return check(
    GradientFunction(operation, file: file, line: line), at: inputs, names, options,
    CallSite(file: file, line: line))
}

/// Checks a whole model: the gradient of `body` by every parameter of `container` and by `points`.
///
/// Parameters and buffers stand in as float64 for the duration, so a float32 model is checked untouched.
///
/// - Parameter body: a function of the points that calls the model.
public func checkGradients(
  ofParametersIn container: some ParameterContainer, at points: [Tensor] = [],
  options: GradientCheckOptions = .init(), file: StaticString = #fileID, line: UInt = #line,
  _ body: ([Tensor]) -> Tensor
) -> GradientReport {
  let named = container.namedParameters
  let buffers = container.namedBuffers.map { ($0.buffer as Tensor, widened($0.buffer)) }
  let values = named.map { widened($0.parameter) }
  return withoutActuallyEscaping(body) { body in
    let function = GradientFunction { inputs in
      let pairs = zip(named, inputs).map { ($0.0.parameter as Tensor, $0.1) } + buffers
      return [substituting(pairs) { body(Array(inputs.dropFirst(named.count))) }]
    }
    let names = named.map(\.name) + points.indices.map { "input \($0)" }
    return check(function, at: values + points, names, options, CallSite(file: file, line: line))
  }
}

/// The value in float64.
private func widened(_ tensor: Tensor) -> Tensor {
  Tensor(tensor.scalars(), shape: tensor.shape, dtype: .float64)
}

/// A function under check: tensors to tensors.
struct GradientFunction {
  let call: ([Tensor]) -> [Tensor]

  init(_ call: @escaping ([Tensor]) -> [Tensor]) { self.call = call }

  init(_ operation: some TensorOperation, file: StaticString, line: UInt) {
    call = { inputs in
      apply(operation, to: Tensors(inputs), file: file, line: line).all.filter {
        $0.dtype.isFloatingPoint
      }
    }
  }
}

private func check(
  _ function: GradientFunction, at points: [Tensor], _ names: [String],
  _ options: GradientCheckOptions,
  _ site: CallSite
) -> GradientReport {
  let points = points.map { $0.resolved.detached() }
  for (index, point) in points.enumerated() where point.dtype == .float32 {
    trap(
      Misuse(
        "input \(index) is float32, in which central differences are mostly noise; convert it:"
          + " x.converted(to: .float64)", operation: "checkGradients", site: site))
  }
  let names = points.indices.map { $0 < names.count ? names[$0] : "input \($0)" }
  var report = GradientReport()
  var stages = [(order: 1, function: function)]
  if options.order > 1 { stages.append((2, gradientFunction(of: function, points, options))) }
  for stage in stages where report.failures.isEmpty {
    var comparison = GradientComparison(stage.function, points, names, options, order: stage.order)
    comparison.run()
    report.add(comparison)
    if !comparison.failures.isEmpty {
      report.fault = findFault(in: stage.function, at: points, options)
    }
  }
  return report
}

/// Σ ⟨gradient of ⟨f, c⟩ by input k, v_k⟩ for fixed random c and v: its gradient is the second order of f.
private func gradientFunction(
  of function: GradientFunction, _ points: [Tensor], _ options: GradientCheckOptions
) -> GradientFunction {
  GradientFunction { inputs in
    let random = RandomSource(seed: options.seed &+ 7919)
    let tracked = inputs.map { $0.producer != nil || !$0.dtype.isFloatingPoint ? $0 : $0.tracked() }
    let variables = tracked.filter { $0.dtype.isFloatingPoint }
    let results = recordingGradients { function.call(tracked) }.filter { $0.producer != nil }
    if results.isEmpty { return [.zeros([], dtype: .float64)] }
    let cotangents = results.map { weights(for: $0.spec, random) }
    let gradients = gradientsInOrder(
      of: results, withRespectTo: variables, cotangents: cotangents, retaining: true,
      recording: true,
      site: CallSite(file: #fileID, line: #line))
    return gradients.compactMap { $0 }.map { WeightedSum.of($0, weights(for: $0.spec, random)) }
  }
}

/// Random weights that keep away from zero: a constant cotangent would hide faults (softmax).
func weights(for spec: TensorSpec, _ random: RandomSource) -> Tensor {
  let values = Tensor.uniform(spec.shape, from: -1, to: 1, dtype: .float64, source: random)
    .scalars()
  return Tensor(values.map { $0 + ($0 < 0 ? -0.1 : 0.1) }, shape: spec.shape, dtype: spec.dtype)
}
