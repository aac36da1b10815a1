import Synchronization

/// Compares the analytic derivatives of a function at a point with central differences.
struct GradientComparison {
  private let function: GradientFunction
  private let points: [Tensor]
  private let names: [String]
  private let options: GradientCheckOptions
  private let order: Int
  /// The points that can move.
  private let variables: [Int]
  private let random: RandomSource

  private(set) var checked = 0
  private(set) var skipped = 0
  private(set) var kinks: [String] = []
  private(set) var worst: GradientReport.Comparison?
  private(set) var failures: [GradientReport.Comparison] = []

  init(
    _ function: GradientFunction, _ points: [Tensor], _ names: [String],
    _ options: GradientCheckOptions,
    order: Int
  ) {
    self.function = function
    self.points = points
    self.names = names
    self.options = options
    self.order = order
    variables = points.indices.filter { points[$0].dtype.isFloatingPoint }
    random = RandomSource(seed: options.seed &+ 104_729 &* UInt64(order))
  }

  mutating func run() {
    let base = evaluate(points)
    let outputCount = base.values.reduce(0) { $0 + $1.count }
    let inputCount = variables.reduce(0) { $0 + points[$1].count }
    if outputCount == 0 || inputCount == 0 { return }
    if outputCount * inputCount <= options.fullJacobianLimit, outputCount <= 400 {
      compareJacobian(base)
    } else {
      compareDirections(base)
    }
  }

  // MARK: Evaluation

  /// The values at some point, and on which sides of their kinks all ops were.
  private struct Evaluation {
    var values: [[Double]]
    var sides: [UInt64]
    var kinks: [KinkObserver.Seen]
  }

  private func evaluate(_ inputs: [Tensor]) -> Evaluation {
    let observer = KinkObserver()
    let results = deterministically {
      observing(observer) { function.call(inputs).map { $0.scalars() } }
    }
    let seen = observer.all
    return Evaluation(values: results, sides: seen.map(\.kink.side), kinks: seen)
  }

  /// The same random numbers every time, and no buffer written.
  private func deterministically<Result>(_ body: () -> Result) -> Result {
    Scope.current.with { extras in
      extras.randomSource = RandomSource(seed: options.seed)
      extras.replay = StateReplay()
    }.run(body)
  }

  /// The derivative of every result along `direction` (per variable and element), or `nil` where the steps
  /// cross a kink: five points, fourth order.
  private mutating func numeric(along direction: [[Double]], from base: Evaluation) -> [[Double]]? {
    for step in [1e-4, 1e-6] {
      var samples: [Evaluation] = []
      for multiple in [-2.0, -1, 1, 2] {
        samples.append(evaluate(moved(by: multiple * step, along: direction)))
      }
      guard samples.allSatisfy({ $0.sides == base.sides }) else {
        if step == 1e-6 { note(base, samples) }
        continue
      }
      return base.values.indices.map { result in
        base.values[result].indices.map { index in
          let f = samples.map { $0.values[result][index] }
          return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * step)
        }
      }
    }
    skipped += 1
    return nil
  }

  private func moved(by step: Double, along direction: [[Double]]) -> [Tensor] {
    var inputs = points
    for (position, variable) in variables.enumerated() {
      let moved = zip(points[variable].scalars(), direction[position]).map { $0 + step * $1 }
      inputs[variable] = Tensor(moved, shape: points[variable].shape, dtype: points[variable].dtype)
    }
    return inputs
  }

  private mutating func note(_ base: Evaluation, _ samples: [Evaluation]) {
    for (index, seen) in base.kinks.enumerated()
    where samples.contains(where: { index >= $0.sides.count || $0.sides[index] != seen.kink.side })
    {
      let text =
        "\(seen.operation) at \(seen.site): element \(seen.kink.index) sits \(seen.kink.distance) from a kink"
      if !kinks.contains(text) { kinks.append(text) }
    }
  }

  // MARK: Full Jacobian

  private mutating func compareJacobian(_ base: Evaluation) {
    let rows = analyticRows(base)
    let scale = magnitude(base)
    for (position, variable) in variables.enumerated() {
      let values = points[variable].scalars()
      for element in values.indices {
        let size = max(1, abs(values[element]))
        var direction = noDirection
        direction[position][element] = size
        guard let column = numeric(along: direction, from: base) else { continue }
        var row = 0
        for result in base.values.indices {
          for index in base.values[result].indices {
            record(
              names[variable], element, in: points[variable].shape,
              analytic: rows[row][position][element], numeric: column[result][index] / size, scale)
            row += 1
          }
        }
      }
    }
  }

  /// Per result element the gradient by every variable.
  private func analyticRows(_ base: Evaluation) -> [[[Double]]] {
    let (leaves, results) = traced()
    var rows: [[[Double]]] = []
    for result in results {
      for index in 0..<result.count {
        rows.append(pull(leaves, [result], [unit(result.spec, at: index)]))
      }
    }
    return rows
  }

  // MARK: Directions

  private mutating func compareDirections(_ base: Evaluation) {
    let (leaves, results) = traced()
    let cotangents = results.map { weights(for: $0.spec, random) }
    let gradients = pull(leaves, results, cotangents)
    let weightValues = cotangents.map { $0.scalars() }
    let scale = zip(weightValues, base.values).reduce(1.0) { sum, pair in
      sum + zip(pair.0, pair.1).reduce(0) { $0 + abs($1.0 * $1.1) }
    }
    var trials: [(name: String, element: (Int, Int)?, direction: [[Double]])] = []
    for _ in 0..<options.directions { trials.append(("all inputs", nil, randomDirection(nil))) }
    if variables.count > 1 {
      for position in variables.indices {
        trials.append((names[variables[position]], nil, randomDirection(position)))
      }
    }
    for _ in 0..<options.entries {
      let position = random.integer(below: variables.count)
      let point = points[variables[position]]
      if point.count == 0 { continue }
      let element = random.integer(below: point.count)
      var direction = noDirection
      direction[position][element] = 1
      trials.append((names[variables[position]], (position, element), direction))
    }
    for trial in trials {
      guard let derivative = numeric(along: trial.direction, from: base) else { continue }
      let numeric = zip(weightValues, derivative).reduce(0.0) { sum, pair in
        sum + zip(pair.0, pair.1).reduce(0) { $0 + $1.0 * $1.1 }
      }
      let analytic = zip(gradients, trial.direction).reduce(0.0) { sum, pair in
        sum + zip(pair.0, pair.1).reduce(0) { $0 + $1.0 * $1.1 }
      }
      record(
        trial.name, trial.element?.1, in: trial.element.map { points[variables[$0.0]].shape } ?? [],
        analytic: analytic, numeric: numeric, scale)
    }
  }

  private var noDirection: [[Double]] {
    variables.map { [Double](repeating: 0, count: points[$0].count) }
  }

  /// Random components, bounded and away from zero; of one variable, or of all.
  private func randomDirection(_ only: Int?) -> [[Double]] {
    var direction = noDirection
    for position in variables.indices where only == nil || only == position {
      direction[position] = weights(for: points[variables[position]].spec, random).scalars()
    }
    return direction
  }

  // MARK: Analytic side and bookkeeping

  private func traced() -> (leaves: [Tensor], results: [Tensor]) {
    var inputs = points
    for variable in variables { inputs[variable] = points[variable].tracked() }
    let results = deterministically { recordingGradients { function.call(inputs) } }
    return (variables.map { inputs[$0] }, results.map(\.resolved))
  }

  private func pull(_ leaves: [Tensor], _ results: [Tensor], _ cotangents: [Tensor]) -> [[Double]] {
    let pairs = zip(results, cotangents).filter { $0.0.producer != nil }
    guard !pairs.isEmpty else { return leaves.map { [Double](repeating: 0, count: $0.count) } }
    let gradients = deterministically {
      gradientsInOrder(
        of: pairs.map(\.0), withRespectTo: leaves, cotangents: pairs.map(\.1), retaining: true,
        recording: false, site: CallSite(file: #fileID, line: #line))
    }
    return zip(leaves, gradients).map {
      $1?.scalars() ?? [Double](repeating: 0, count: $0.count)
    }
  }

  private func magnitude(_ base: Evaluation) -> Double {
    base.values.reduce(1.0) { $1.reduce($0) { max($0, abs($1)) } }
  }

  private mutating func record(
    _ name: String, _ element: Int?, in shape: TensorShape, analytic: Double, numeric: Double,
    _ scale: Double
  ) {
    checked += 1
    let allowed =
      options.absoluteTolerance * scale + options.relativeTolerance
      * max(abs(analytic), abs(numeric))
    let difference = abs(analytic - numeric)
    // A NaN on either side compares as a failure.
    let severity = difference.isFinite ? difference / allowed : .infinity
    let comparison = GradientReport.Comparison(
      order: order, input: name, index: element.map { multiIndex($0, in: shape) },
      analytic: analytic,
      numeric: numeric, severity: severity)
    if severity > worst?.severity ?? -1 { worst = comparison }
    if severity > 1 { failures.append(comparison) }
  }
}

/// The position of a row-major element, an index per axis.
private func multiIndex(_ element: Int, in shape: TensorShape) -> [Int] {
  zip(shape.strides, shape).map { stride, size in element / stride % max(size, 1) }
}

/// Notes where every op with kinks stands, in the order of the calls.
final class KinkObserver: OperationObserver {
  struct Seen: Sendable {
    let operation: String
    let site: CallSite
    let kink: Kink
  }

  private let seen = Mutex<[Seen]>([])
  var all: [Seen] { seen.withLock { $0 } }

  func didApply(_ event: OperationEvent) {
    guard let kink = event.operation.kink(at: event.inputs) else { return }
    seen.withLock { $0.append(Seen(operation: event.name, site: event.site, kink: kink)) }
  }
}
