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
  let operation = ClosureOperation(title: name, forwardBody: forward, backwardBody: backward)
  return apply(operation, to: Tensors(inputs), file: file, line: line).all
}

/// An op whose behaviour is two closures.
struct ClosureOperation: TensorOperation {
  static var name: String { "customOperation" }
  let title: String
  let forwardBody: @Sendable ([Tensor]) -> [Tensor]
  let backwardBody: @Sendable ([Tensor], [Tensor], [Tensor]) -> [Tensor?]

  var displayName: String { title }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let placeholders = inputs.all.map { Tensor.shape($0.shape, dtype: $0.dtype) }
    let specs: [TensorSpec]
    do {
      // The rule is nobody's business: observers see the op itself.
      specs = try Scope.current.with { $0.observers = [] }.run {
        try dryRun { forwardBody(placeholders).map(\.spec) }
      }
    } catch {
      throw Misuse("\(error)")
    }
    return Specs(specs)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let inputs = inputs.all
    return Tensors(withoutGradients { forwardBody(inputs) })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let inputs = (0..<node.inputCount).map { node.input($0) }
    let cotangents = (0..<node.outputCount).map { index in
      node.cotangent(index)
        ?? .zeros(node.outputSpec(index).shape, dtype: node.outputSpec(index).dtype)
    }
    let outputs = (0..<node.outputCount).map { node.output($0) }
    return Tensors(backwardBody(inputs, outputs, cotangents))
  }

  var keeps: Kept { Kept(inputMask: .max, outputMask: .max) }
}
