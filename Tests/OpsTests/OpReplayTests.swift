import TapestryGraph
import TestSupport
import Testing

/// Replays every stored case: value, gradient, Hessian-vector and Jacobian-vector products.
@Suite struct OpReplay {
  @Test("every stored case of every op is reproduced")
  func replay() throws {
    let set = try ReferenceSet("ops")
    #expect(!set.cases.isEmpty)
    var failed = 0
    var unknown: Set<String> = []
    var worst: [(family: String, severity: Double, place: String)] = []
    for reference in set.cases {
      var replay = CaseReplay(reference)
      if let operation = referenceOperations[reference.op] {
        replay.run(operation)
      } else {
        unknown.insert(reference.op)
        replay.failures.append("no function replays the op \(reference.op)")
      }
      if !replay.failures.isEmpty { failed += 1 }
      for failure in replay.failures where !unknown.contains(reference.op) {
        Issue.record("\(reference.name): \(failure)")
      }
      if let place = worst.firstIndex(where: { $0.family == reference.family }) {
        if replay.worst > worst[place].severity {
          worst[place] = (reference.family, replay.worst, replay.worstPlace)
        }
      } else {
        worst.append((reference.family, replay.worst, replay.worstPlace))
      }
    }
    for (family, severity, place) in worst {
      print("  \(family): worst error \(severity) of what is allowed, \(place)")
    }
    print("replayed \(set.cases.count) cases, \(failed) failed")
    #expect(unknown.isEmpty, "no function replays \(unknown.sorted())")
  }
}

/// One case being replayed.
private struct CaseReplay {
  private let reference: ReferenceCase
  var failures: [String] = []
  /// The largest error so far, in units of what the case allows.
  private(set) var worst = 0.0
  private(set) var worstPlace = "nothing compared"

  init(_ reference: ReferenceCase) { self.reference = reference }

  mutating func run(_ operation: ReferenceOperation) {
    let outputs = operation(reference.attributes, reference.inputs)
    let names = reference.names("outputs")
    guard outputs.count == names.count else {
      failures.append("\(outputs.count) outputs, but \(names.count) are stored")
      return
    }
    for (name, output) in zip(names, outputs) { compare(output, name) }
    let hasSecondOrder = !reference.names("hvp").isEmpty
    checkGradients(operation, hasSecondOrder: hasSecondOrder)
    for (place, name) in names.enumerated() where reference.names("jvp").contains(name) {
      checkTangent(operation, output: place, name)
    }
  }

  private mutating func checkGradients(_ operation: ReferenceOperation, hasSecondOrder: Bool) {
    var inputs = reference.inputs
    let leaves = reference.names("gradients").map { name in
      let leaf = inputs[name]!.tracked()
      inputs[name] = leaf
      return (name: name, leaf: leaf)
    }
    let outputs = zip(reference.names("outputs"), operation(reference.attributes, inputs))
      .filter { reference.names("cotangents").contains("g" + $0.0) && $0.1.isTracked }
    guard !leaves.isEmpty, !outputs.isEmpty else {
      if !leaves.isEmpty { failures.append("no output is tracked") }
      return
    }
    let gradients = gradients(
      of: outputs.map(\.1), withRespectTo: leaves.map(\.leaf),
      cotangents: outputs.map { reference.tensor("g" + $0.0) }, recording: hasSecondOrder)
    for (name, leaf) in leaves { compare(gradients[leaf] ?? zeros(like: leaf), "grad." + name) }
    guard hasSecondOrder else { return }

    let pairs = leaves.compactMap { name, leaf in
      gradients[leaf].map { (gradient: $0, direction: reference.tensor("v." + name)) }
    }.filter { $0.gradient.isTracked }
    let second: Gradients? =
      pairs.isEmpty
      ? nil
      : TapestryGraph.gradients(
        of: pairs.map(\.gradient), withRespectTo: leaves.map(\.leaf),
        cotangents: pairs.map(\.direction))
    for (name, leaf) in leaves where reference.names("hvp").contains(name) {
      compare(second?[leaf] ?? zeros(like: leaf), "hvp." + name)
    }
  }

  private mutating func checkTangent(_ operation: ReferenceOperation, output: Int, _ name: String) {
    let moving = reference.names("tangents")
    let (_, tangent) = jvp(
      at: moving.map { reference.tensor($0) }, along: moving.map { reference.tensor("t." + $0) }
    ) { points in
      var inputs = reference.inputs
      for (name, point) in zip(moving, points) { inputs[name] = point }
      return operation(reference.attributes, inputs)[output]
    }
    compare(tangent, "jvp." + name)
  }

  private mutating func compare(_ actual: Tensor, _ role: String) {
    let expected = reference.tensor(role)
    let found = mismatch(
      actual, expected, relativeTolerance: reference.relativeTolerance,
      absoluteTolerance: reference.absoluteTolerance)
    if let found { failures.append("\(role): \(found)") }
    guard actual.shape == expected.shape else { return }
    let error = distance(
      actual.scalars(), expected.scalars(), relativeTolerance: reference.relativeTolerance,
      absoluteTolerance: reference.absoluteTolerance)
    if error.severity >= worst {
      worst = error.severity
      worstPlace = "\(reference.name) \(role)"
    }
  }

  private func zeros(like tensor: Tensor) -> Tensor { .zeros(tensor.shape, dtype: tensor.dtype) }
}
