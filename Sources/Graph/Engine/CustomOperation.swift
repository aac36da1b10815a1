/// Runs a custom op given as closures: a forward made of other ops, and the gradient that is to be used instead of
/// theirs.
///
/// ```swift
/// // The straight-through estimator: rounds forward, passes the gradient on as it is.
/// let y = customOperation("straightThrough", [x], forward: { [rounded($0[0])] }) { _, _, g in [g[0]] }
/// ```
///
/// - Parameters:
///   - name: how messages and drawings call it.
///   - inputs: the operands.
///   - forward: the results for these operands. Made of ops; they are not recorded. Its shape rule is its own
///     dry run.
///   - backward: a gradient per input (`nil` for zero) from inputs, results and the results' cotangents (zeros
///     where a result is not used). Made of ops, so that it can be differentiated again.
/// - Returns: the results.
public func customOperation(
  _ name: String, _ inputs: [Tensor], file: StaticString = #fileID, line: UInt = #line,
  forward: @escaping @Sendable ([Tensor]) -> [Tensor],
  backward:
    @escaping @Sendable (_ inputs: [Tensor], _ outputs: [Tensor], _ cotangents: [Tensor]) ->
    [Tensor?]
) -> [Tensor] {
  let operation = ClosureOperation(
    title: name,
    closures: FreedInTurn(ClosureOperation.Closures(forward: forward, backward: backward)))
  return apply(operation, to: Tensors(inputs), file: file, line: line).all
}

/// An op whose behaviour is two closures.
struct ClosureOperation: TensorOperation {
  static var name: String { "customOperation" }
  let title: String
  struct Closures: Sendable {
    let forward: @Sendable ([Tensor]) -> [Tensor]
    let backward: @Sendable ([Tensor], [Tensor], [Tensor]) -> [Tensor?]
  }
  let closures: FreedInTurn<Closures>

  var displayName: String { title }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let placeholders = inputs.all.map { Tensor.shape($0.shape, dtype: $0.dtype) }
    let specs: [TensorSpec]
    let forward = closures.value!.forward
    do {
      // Observers see the op itself, not the ops of its shape rule.
      specs = try Scope.current.with { $0.observers = [] }.run {
        try dryRun { forward(placeholders).map(\.spec) }
      }
    } catch {
      throw Misuse("\(error)")
    }
    if specs.isEmpty { throw Misuse("forward returned no result") }
    return Specs(specs)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let inputs = inputs.all
    let forward = closures.value!.forward
    return Tensors(withoutGradients { forward(inputs) })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let inputs = (0..<node.inputCount).map { node.input($0) }
    let cotangents = (0..<node.outputCount).map { index in
      node.cotangent(index)
        ?? .zeros(node.outputSpec(index).shape, dtype: node.outputSpec(index).dtype)
    }
    let outputs = (0..<node.outputCount).map { node.output($0) }
    return Tensors(closures.value!.backward(inputs, outputs, cotangents))
  }

  var keeps: Kept { Kept(inputMask: .max, outputMask: .max) }
}
