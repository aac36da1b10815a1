import TapestryGraph
import TapestryOptim
import TestSupport
import Testing

/// Replays every stored trajectory of an optimizer, schedule and clipping.
@Suite struct OptimReplay {
  @Test(
    "every stored case of every optimizer, schedule and clipping is reproduced", .serialized,
    arguments: ReferenceSet.folders("optim"))
  func replay(_ folder: String) throws {
    let set = try ReferenceSet(folder, tensorFile: "trajectories")
    #expect(!set.cases.isEmpty)
    var failed = 0
    var worst: [(op: String, severity: Double, place: String)] = []
    for reference in set.cases {
      var replay = OptimCaseReplay(reference)
      replay.run()
      if let first = replay.failures.first {
        failed += 1
        Issue.record("\(reference.name): \(replay.failures.count) failures, first: \(first)")
      }
      if let place = worst.firstIndex(where: { $0.op == reference.op }) {
        if replay.worst > worst[place].severity {
          worst[place] = (reference.op, replay.worst, replay.worstPlace)
        }
      } else {
        worst.append((reference.op, replay.worst, replay.worstPlace))
      }
    }
    print("\(folder):")
    for (op, severity, place) in worst {
      print("  \(op): worst error \(severity) of what is allowed, \(place)")
    }
    print("replayed \(set.cases.count) cases, \(failed) failed")
  }

  @Test("the sets of the fixtures are found")
  func folders() {
    #expect(Set(ReferenceSet.folders("optim")).isSuperset(of: ["optim", "optim2"]))
  }
}

/// One case being replayed.
private struct OptimCaseReplay {
  private let reference: ReferenceCase
  private(set) var failures: [String] = []
  /// The largest error so far, in units of what the case allows.
  private(set) var worst = 0.0
  private(set) var worstPlace = "nothing compared"

  init(_ reference: ReferenceCase) { self.reference = reference }

  mutating func run() {
    switch reference.entry["kind"]?.string {
    case "optimizer": replayOptimizer()
    case "schedule": replaySchedule()
    case "clipping": replayClipping()
    case let kind: failures.append("nothing replays cases of kind \(kind ?? "none")")
    }
    if failures.isEmpty, worstPlace == "nothing compared" { failures.append(worstPlace) }
  }

  private mutating func replayOptimizer() {
    let names = reference.names("parameters")
    let parameters = names.map { Parameter(reference.tensor("initial." + $0), name: $0) }
    guard let optimizer = referenceOptimizer(reference.op, reference.attributes, parameters) else {
      failures.append("no optimizer replays \(reference.op)")
      return
    }
    let gradients = names.map { rows(of: reference.tensor("gradients." + $0)) }
    let expected = names.map { rows(of: reference.tensor("parameters." + $0)) }
    for step in 0..<(reference.entry["steps"]?.int ?? 0) {
      optimizer.update(along: makeGradients(parameters, gradients.map { $0[step] }))
      for (place, parameter) in parameters.enumerated() {
        compare(parameter.value, expected[place][step], "\(names[place]) after step \(step)")
      }
    }
  }

  private mutating func replaySchedule() {
    let count = reference.entry["steps"]?.int ?? 0
    var rates: [Double] = []
    if reference.op == "reduceOnPlateau" {
      var plateau = referencePlateau(reference.attributes)
      for metric in reference.tensor("metric").scalars() {
        rates.append(plateau.rate)
        plateau.report(metric)
      }
    } else if let schedule = referenceSchedule(reference.op, reference.attributes) {
      rates = (0..<count).map { schedule($0) }
    } else {
      failures.append("no schedule replays \(reference.op)")
      return
    }
    compare(
      Tensor(rates, dtype: .float64), reference.tensor("learningRates"), "learningRates")
  }

  private mutating func replayClipping() {
    let names = reference.names("parameters")
    let parameters = names.map { Parameter(reference.tensor("gradients." + $0), name: $0) }
    let gradients = makeGradients(parameters, names.map { reference.tensor("gradients." + $0) })
    let clipped: Gradients
    switch reference.op {
    case "globalNorm":
      let result = gradients.clipped(toNorm: reference.attributes.double("maximumNorm"))
      compare(Tensor(result.norm, dtype: .float64), reference.tensor("norm"), "norm")
      clipped = result.gradients
    case "value":
      clipped = gradients.clipped(
        toMagnitude: reference.attributes.double("maximumMagnitude"))
    default:
      failures.append("no clipping replays \(reference.op)")
      return
    }
    for (name, parameter) in zip(names, parameters) {
      guard let actual = clipped[parameter] else {
        failures.append("\(name) has lost its gradient")
        continue
      }
      compare(actual, reference.tensor("clipped." + name), name)
    }
  }

  private mutating func compare(_ actual: Tensor, _ expected: Tensor, _ place: String) {
    let found = mismatch(
      actual, expected, relativeTolerance: reference.relativeTolerance,
      absoluteTolerance: reference.absoluteTolerance)
    if let found { failures.append("\(place): \(found)") }
    guard actual.shape == expected.shape else { return }
    let error = distance(
      actual.scalars(), expected.scalars(), relativeTolerance: reference.relativeTolerance,
      absoluteTolerance: reference.absoluteTolerance)
    if error.severity >= worst {
      worst = error.severity
      worstPlace = "\(reference.name) \(place)"
    }
  }
}

/// The tensors stacked along the first axis.
private func rows(of tensor: Tensor) -> [Tensor] {
  let shape = TensorShape(tensor.shape.dropFirst())
  let values = tensor.scalars()
  return (0..<tensor.shape[0]).map { row in
    let start = row * shape.elementCount
    return Tensor(
      Array(values[start..<start + shape.elementCount]), shape: shape, dtype: tensor.dtype)
  }
}
