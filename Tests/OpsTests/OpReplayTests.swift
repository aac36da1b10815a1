import Foundation
import TapestryGraph
import TestSupport
import Testing

/// Replays every stored case: value, gradient, Hessian-vector and Jacobian-vector products.
@Suite struct OpReplay {
  @Test(
    "every stored case of every op is reproduced", .serialized,
    arguments: ReferenceSet.folders("ops"))
  func replay(_ folder: String) throws {
    let set = try ReferenceSet(folder)
    #expect(!set.cases.isEmpty)
    var tally = ReplayTally()
    for reference in set.cases { tally.replay(reference) }
    tally.report(folder)
    #expect(tally.unknown.isEmpty, "no function replays \(tally.unknown.sorted())")
  }

  @Test("the sets of the reference directory are found")
  func lists() {
    #expect(Set(ReferenceSet.folders("ops")).isSuperset(of: ["ops", "ops2"]))
  }
}

/// What a folder's cases gave.
private struct ReplayTally {
  private var replayed = 0
  private var failed = 0
  private(set) var unknown: Set<String> = []
  private var worst: [(family: String, severity: Double, place: String)] = []

  mutating func replay(_ reference: ReferenceCase) {
    guard let operation = referenceOperations[reference.op] else {
      unknown.insert(reference.op)
      failed += 1
      return
    }
    replayed += 1
    var replay = CaseReplay(reference)
    replay.run(operation)
    if !replay.failures.isEmpty { failed += 1 }
    for failure in replay.failures { Issue.record("\(reference.name): \(failure)") }
    guard let place = worst.firstIndex(where: { $0.family == reference.family }) else {
      worst.append((reference.family, replay.worst, replay.worstPlace))
      return
    }
    if replay.worst > worst[place].severity {
      worst[place] = (reference.family, replay.worst, replay.worstPlace)
    }
  }

  func report(_ folder: String) {
    for (family, severity, place) in worst {
      print("  \(folder), \(family): worst error \(severity) of what is allowed, \(place)")
    }
    print("replayed \(replayed) cases, \(failed) failed (\(folder))")
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
    for (name, output) in zip(names, outputs) {
      compare(
        output, name, isExact: reference.isExact || reference.names("integers").contains(name))
    }
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
    // A case may be forward only.
    if leaves.isEmpty { return }
    let outputs = zip(reference.names("outputs"), operation(reference.attributes, inputs))
      .filter { reference.names("cotangents").contains("g" + $0.0) && $0.1.isTracked }
    guard !outputs.isEmpty else {
      failures.append("no output is tracked")
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

  /// Notes what is wrong with a tensor of this role. NaN passes for NaN where the case stores some.
  private mutating func compare(_ actual: Tensor, _ role: String, isExact: Bool = false) {
    let expected = reference.tensor(role)
    if isExact {
      if let found = inexactness(actual, expected) { failures.append("\(role): \(found)") }
      return
    }
    let hasNaN = reference.names("nonFinite").contains(role)
    let found = mismatch(
      actual, expected, relativeTolerance: reference.relativeTolerance,
      absoluteTolerance: reference.absoluteTolerance, equatingNaN: hasNaN)
    if let found { failures.append("\(role): \(found)") }
    guard actual.shape == expected.shape else { return }
    let error = distance(
      actual.scalars(), expected.scalars(), relativeTolerance: reference.relativeTolerance,
      absoluteTolerance: reference.absoluteTolerance, equatingNaN: hasNaN)
    if error.severity >= worst {
      worst = error.severity
      worstPlace = "\(reference.name) \(role)"
    }
  }

  private func zeros(like tensor: Tensor) -> Tensor { .zeros(tensor.shape, dtype: tensor.dtype) }
}
