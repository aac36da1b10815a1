/// The shape rule of a function that is composed of several ops, so that a message names the
/// function that the user called and not an op inside it.
///
/// - Parameters:
///   - function: the function's name.
///   - operands: its operands, each with the name that the message gives it.
///   - rule: throws where the operands do not fit.
/// - Returns: `nil` where they fit. In a dry run where they do not, the misuse is noted and the
///   placeholder returned that the function has to hand on; in ordinary code the process ends with
///   words.
package func refusal(
  of function: String, _ operands: [(name: String, tensor: Tensor)],
  file: StaticString, line: UInt, rule: () throws(Misuse) -> Void
) -> Tensor? {
  if let unknown = operands.first(where: { $0.tensor.isUnknown }) { return unknown.tensor }
  do {
    try rule()
    return nil
  } catch {
    let scope = Scope.current
    let site = CallSite(file: file, line: line, layer: scope.layer)
    let misuse = error.completed(function, operands.map { ($0.name, $0.tensor.resolved) }, site)
    guard scope.flags.contains(.dryRun) else { trap(misuse) }
    scope.extras?.dryRun?.note(misuse)
    return Tensor(TensorSpec([], .float32), memory: nil, isUnknown: true)
  }
}
