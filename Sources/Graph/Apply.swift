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
  var inputs = inputs
  var isTracked = false
  var isFaulty = false
  for index in 0..<inputs.count {
    guard let input = inputs.list[index] else {
      trap("\(operation.displayName): input \(index) is absent", file: file, line: line)
    }
    let value = input.cell == nil ? input : input.resolve(scope)
    if value !== input { inputs.list[index] = value }
    if value.producer != nil { isTracked = true }
    if value.memory == nil { isFaulty = true }
  }
  if scope.flags.contains(.dryRun) || isFaulty {
    return applyDry(operation, to: inputs, scope, file: file, line: line)
  }

  let specs: Specs
  do {
    specs = try operation.specs(for: inputs)
  } catch {
    trap(error.completed(operation, inputs, site(scope, file, line)))
  }
  if scope.flags.contains(.watched) {
    return applyWatched(operation, to: inputs, specs, isTracked, scope, file: file, line: line)
  }
  var outputs = operation.forward(inputs)
  checkOutputs(&outputs, specs, of: operation, site: { site(scope, file, line) })
  if isTracked && scope.flags.contains(.recording) {
    record(operation, inputs, specs, &outputs, site(scope, file, line))
  }
  return outputs
}

/// Where a call made in this scope is said to come from: inside a walk, the line of the node under way.
private func site(_ scope: Scope, _ file: StaticString, _ line: UInt) -> CallSite {
  if let node = scope.extras?.walk?.node { return node.site }
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
  var inputSpecs = ShortList<TensorSpec>()
  for index in 0..<inputs.count { inputSpecs.append(inputs.list[index]!.declaredSpec) }
  let node = Node(
    operation, site: site, inputs: inputs, inputSpecs: inputSpecs, outputs: outputs,
    outputSpecs: specs.list)
  for index in 0..<outputs.count where specs[index].dtype.isFloatingPoint {
    if index == 0 && isKnownUniquelyReferenced(&outputs.list[0]) {
      outputs.list[0]!.producer = node
    } else {
      outputs.list[index] = Tensor(
        specs[index], memory: outputs.list[index]!.memory, producer: node, outputIndex: index)
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
    guard let output = outputs.list[index], index < specs.count else {
      fits = false
      break
    }
    if output.cell != nil { outputs.list[index] = output.detached() }
    fits = fits && output.declaredSpec == specs[index]
    // Op authors may compose ops, or hand an input through; neither may leave a producer here.
    if output.producer != nil { outputs.list[index] = output.detached() }
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
  _ operation: some TensorOperation, to inputs: Tensors, _ scope: Scope, file: StaticString, line: UInt
) -> Tensors {
  let site = site(scope, file, line)
  guard scope.flags.contains(.dryRun) else {
    let misuse = Misuse("an operand is a placeholder without values; those belong inside dryRun { }")
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
      scope.extras?.collector?.collect(inputs)
      notify(
        scope,
        OperationEvent(
          operation: operation, inputs: inputs, outputs: outputs, specs: specs, site: site,
          isBackward: scope.extras?.walk?.isBackward ?? false, nanoseconds: 0))
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
    return misuse
  }

  /// ` parameter "conv1.weight"` or ` from maxPool2d at LeNet.swift:31`
  private func origin(of tensor: Tensor) -> String {
    guard let node = tensor.producer else { return "" }
    return node.isLeaf ? " \(node.name)" : " from \(node.name) at \(node.site)"
  }
}

// MARK: - Watched scopes

/// The slow path of `apply`: observers, anomaly detection and the collector of a checkpoint.
private func applyWatched(
  _ operation: some TensorOperation, to inputs: Tensors, _ specs: Specs, _ isTracked: Bool,
  _ scope: Scope, file: StaticString, line: UInt
) -> Tensors {
  let extras = scope.extras!
  let site = site(scope, file, line)
  extras.collector?.collect(inputs)
  let isTimed = !extras.observers.isEmpty
  let start = isTimed ? ContinuousClock.now : nil
  // What a composed forward does inside is not reported again.
  var inner = scope.with { draft in
    draft.observers = []
    draft.anomalies = nil
    draft.collector = nil
  }
  inner.flags.remove(.recording)
  var outputs = inner.run { operation.forward(inputs) }
  let elapsed = start.map { ContinuousClock.now - $0 } ?? .zero
  checkOutputs(&outputs, specs, of: operation, site: { site })
  if isTracked && scope.flags.contains(.recording) {
    record(operation, inputs, specs, &outputs, site)
  }
  let event = OperationEvent(
    operation: operation, inputs: inputs, outputs: outputs, specs: specs, site: site,
    isBackward: extras.walk?.isBackward ?? false,
    nanoseconds: Int(elapsed.components.attoseconds / 1_000_000_000)
      + Int(elapsed.components.seconds) * 1_000_000_000)
  notify(scope, event)
  extras.anomalies?.examine(event, under: extras.walk?.node)
  return outputs
}

private func notify(_ scope: Scope, _ event: OperationEvent) {
  for observer in scope.extras?.observers ?? [] { observer.didApply(event) }
}
