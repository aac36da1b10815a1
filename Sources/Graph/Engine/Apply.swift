/// Runs an op on its inputs and records it: the one place where nodes come from.
///
/// Parameters are replaced by their present values, the shape rule is asked, the forward runs, and if an
/// input is tracked and the scope is recording, the results get a node as their producer.
///
/// - Returns: the results; untracked where nothing is recorded.
/// - Precondition: the shape rule accepts the inputs. In a ``dryRun(_:)`` the first refusal is thrown there.
public func apply(
  _ operation: some TensorOperation, to inputs: Tensors,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensors {
  let scope = Scope.current
  var survey = Survey(inputs)
  if survey.hasCells {
    var values = inputs
    survey.resolve(&values, scope)
    return dispatch(operation, to: values, survey, scope, file, line)
  }
  return dispatch(operation, to: inputs, survey, scope, file, line)
}

@inline(__always)
private func dispatch(
  _ operation: some TensorOperation, to inputs: Tensors, _ survey: Survey, _ scope: Scope,
  _ file: StaticString, _ line: UInt
) -> Tensors {
  if survey.isSpecial || scope.flags.contains(.dryRun) || scope.flags.contains(.watched) {
    return applySpecial(operation, to: inputs, survey, scope, file: file, line: line)
  }
  return run(operation, inputs, isTracked: survey.isTracked, scope, file, line)
}

/// The plain case: all operands have values, nothing but recording is in force.
@inline(__always)
private func run(
  _ operation: some TensorOperation, _ inputs: Tensors, isTracked: Bool, _ scope: Scope,
  _ file: StaticString, _ line: UInt
) -> Tensors {
  let specs: Specs
  do {
    specs = try operation.specs(for: inputs)
  } catch {
    trap(error.completed(operation, inputs, site(scope, file, line)))
  }
  var outputs = operation.forward(inputs, specs)
  if outputs.count != 1 || specs.count != 1 || !outputs.isFresh(specs[0]) {
    checkOutputs(&outputs, specs, of: operation, site: { site(scope, file, line) })
  }
  if isTracked && scope.flags.contains(.recording) {
    record(operation, inputs, specs, &outputs, site(scope, file, line))
  }
  return outputs
}

/// What `apply` wants to know of its operands, in one look at each.
private struct Survey {
  private(set) var isTracked = false
  /// A placeholder, or an absent operand.
  private(set) var isSpecial = false
  /// Parameters and buffers, to be replaced by their values: a bit for each operand, the last one for all from there.
  private var cells: UInt32 = 0
  var hasCells: Bool { cells != 0 }

  @inline(__always)
  init(_ inputs: borrowing Tensors) {
    if inputs.count > 0 { look(at: inputs.first, 0) }
    if inputs.count > 1 { look(at: inputs.second, 1) }
    if inputs.count > 2 { look(at: inputs.third, 2) }
    if inputs.count > 3 { for index in 3..<inputs.count { look(at: inputs.at(index), index) } }
  }

  @inline(__always)
  private mutating func look(at input: Tensor?, _ index: Int) {
    guard let input else {
      isSpecial = true
      return
    }
    if input.memory == nil {
      if input.cell == nil { isSpecial = true } else { cells |= 1 << UInt32(min(index, 31)) }
    }
    if input.producer != nil { isTracked = true }
  }

  /// Replaces the cells that were found by their values.
  mutating func resolve(_ inputs: inout Tensors, _ scope: Scope) {
    for index in 0..<inputs.count where cells >> UInt32(min(index, 31)) & 1 != 0 {
      guard let value = inputs.at(index)?.resolve(scope) else { continue }
      if value.memory == nil { isSpecial = true }
      if value.producer != nil { isTracked = true }
      inputs.slot(index) { $0 = value }
    }
  }
}

extension Tensors {
  /// Whether the first is a new tensor of this kind.
  @inline(__always)
  fileprivate func isFresh(_ spec: TensorSpec) -> Bool {
    guard let first else { return false }
    return first.producer == nil && first.cell == nil && first.declaredSpec == spec
  }
}

/// The rare cases: dry runs and watched scopes go their own way, and what has no values is refused.
@inline(never)
private func applySpecial(
  _ operation: some TensorOperation, to inputs: Tensors, _ survey: Survey, _ scope: Scope,
  file: StaticString, line: UInt
) -> Tensors {
  for index in 0..<inputs.count where inputs.at(index) == nil {
    trap("\(operation.displayName): input \(index) is absent", file: file, line: line)
  }
  if scope.flags.contains(.dryRun) || survey.isSpecial {
    return applyDry(operation, to: inputs, scope, file: file, line: line)
  }
  return applyWatched(operation, to: inputs, survey.isTracked, scope, file: file, line: line)
}

/// Where a call made in this scope is said to come from: inside a walk, the line of the node under way.
func site(_ scope: Scope, _ file: StaticString, _ line: UInt) -> CallSite {
  if let node = scope.walk?.current { return node.site }
  return CallSite(file: file, line: line, layer: scope.layer)
}

/// Makes the node and sets it as the producer of the fresh results.
private func record(
  _ operation: some TensorOperation, _ inputs: Tensors, _ specs: Specs, _ outputs: inout Tensors,
  _ site: CallSite
) {
  var isDifferentiable = false
  for index in 0..<specs.count where specs[index].dtype.isFloatingPoint { isDifferentiable = true }
  guard isDifferentiable else { return }
  let node = Node(
    operation, keeps: operation.keeps, site: site, inputs: inputs, outputs: outputs, specs: specs)
  if specs[0].dtype.isFloatingPoint {
    if isKnownUniquelyReferenced(&outputs.first) {
      outputs.first!.producer = node
    } else {
      outputs.first = Tensor(specs[0], memory: outputs.first!.memory, producer: node)
    }
  }
  for index in 1..<max(specs.count, 1) where specs[index].dtype.isFloatingPoint {
    outputs.slot(index) {
      $0 = Tensor(specs[index], memory: $0!.memory, producer: node, outputIndex: index)
    }
  }
}

/// A forward must deliver what its shape rule announced, and tensors of its own.
@inline(__always)
private func checkOutputs(
  _ outputs: inout Tensors, _ specs: Specs, of operation: some TensorOperation,
  site: () -> CallSite
) {
  var fits = outputs.count == specs.count
  for index in 0..<outputs.count {
    guard let output = outputs.at(index), index < specs.count else {
      fits = false
      break
    }
    fits = fits && output.declaredSpec == specs[index]
    // Op authors may compose ops, or hand an input through; neither may leave a producer here.
    if output.producer != nil || output.cell != nil {
      outputs.slot(index) { $0 = output.detached() }
    }
  }
  if !fits {
    let announced = (0..<specs.count).map { specs[$0].description }
    let delivered = outputs.all.map(\.spec.description)
    trap(
      Misuse(
        "forward returned \(delivered), but its shape rule announced \(announced)",
        operation: operation.displayName, site: site()))
  }
}

// MARK: - Dry runs

/// Runs the shape rule alone; a refusal is remembered for `dryRun` to throw, and the results are unknown.
private func applyDry(
  _ operation: some TensorOperation, to inputs: Tensors, _ scope: Scope, file: StaticString,
  line: UInt
) -> Tensors {
  let site = site(scope, file, line)
  guard scope.flags.contains(.dryRun) else {
    let misuse = Misuse(
      "an operand is a placeholder without values; those belong inside dryRun { }")
    trap(misuse.completed(operation, inputs, site))
  }
  if let unknown = inputs.all.first(where: \.isUnknown) { return Tensors(unknown) }
  do {
    let specs = try operation.specs(for: inputs)
    var outputs = Tensors()
    for index in 0..<specs.count { outputs.append(Tensor(specs[index], memory: nil)) }
    if scope.flags.contains(.recording), inputs.all.contains(where: { $0.producer != nil }) {
      record(operation, inputs, specs, &outputs, site)
    }
    if scope.flags.contains(.watched) {
      notify(
        scope,
        OperationEvent(
          operation: operation, inputs: inputs, outputs: outputs, specs: specs, site: site,
          isBackward: scope.walk != nil, nanoseconds: 0))
    }
    return outputs
  } catch {
    scope.extras?.dryRun?.note(error.completed(operation, inputs, site))
    let shape = inputs.count > 0 ? inputs[0].spec : TensorSpec([], .float32)
    return Tensors(Tensor(shape, memory: nil, isUnknown: true))
  }
}

extension Misuse {
  /// The misuse with op, operands and place filled in.
  func completed(_ operation: some TensorOperation, _ inputs: Tensors, _ site: CallSite) -> Misuse {
    let operands = (0..<inputs.count).map {
      (name: type(of: operation).inputName($0, of: inputs.count), tensor: inputs[$0])
    }
    return completed(operation.displayName, operands, site)
  }

  func completed(
    _ operation: String, _ operands: [(name: String, tensor: Tensor)], _ site: CallSite
  ) -> Misuse {
    var misuse = self
    misuse.operation = operation
    misuse.site = site
    let width = operands.lazy.map(\.name.count).max() ?? 0
    misuse.operands = operands.map { name, tensor in
      let padding = String(repeating: " ", count: width - name.count)
      return "\(name)\(padding) \(tensor.spec)\(origin(of: tensor))"
    }
    misuse.findCaller()
    return misuse
  }

  /// ` parameter "conv1.weight"` or ` from maxPool2d at LeNet.swift:31`
  private func origin(of tensor: Tensor) -> String {
    guard let node = tensor.producer else { return "" }
    return node.isLeaf ? " \(node.name)" : " from \(node.name) at \(node.site)"
  }
}

// MARK: - Watched scopes

/// The slow path of `apply`: observers and anomaly detection.
private func applyWatched(
  _ operation: some TensorOperation, to inputs: Tensors, _ isTracked: Bool, _ scope: Scope,
  file: StaticString, line: UInt
) -> Tensors {
  let extras = scope.extras!
  let site = site(scope, file, line)
  let specs: Specs
  do {
    specs = try operation.specs(for: inputs)
  } catch {
    trap(error.completed(operation, inputs, site))
  }
  let isTimed = !extras.observers.isEmpty
  let start = isTimed ? ContinuousClock.now : nil
  // What a composed forward does inside is not reported again.
  var inner = scope.with { extras in
    extras.observers = []
    extras.anomalies = nil
  }
  inner.flags.remove(.recording)
  var outputs = inner.run { operation.forward(inputs, specs) }
  let elapsed = start.map { ContinuousClock.now - $0 } ?? .zero
  checkOutputs(&outputs, specs, of: operation, site: { site })
  if isTracked && scope.flags.contains(.recording) {
    record(operation, inputs, specs, &outputs, site)
  }
  let event = OperationEvent(
    operation: operation, inputs: inputs, outputs: outputs, specs: specs, site: site,
    isBackward: scope.walk != nil,
    nanoseconds: Int(elapsed.components.attoseconds / 1_000_000_000)
      + Int(elapsed.components.seconds) * 1_000_000_000)
  notify(scope, event)
  extras.anomalies?.examine(event, under: scope.walk?.current)
  return outputs
}

private func notify(_ scope: Scope, _ event: OperationEvent) {
  for observer in scope.extras?.observers ?? [] { observer.didApply(event) }
}
