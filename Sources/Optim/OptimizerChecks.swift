import TapestryGraph

// What all optimizers check, and the words for it.

/// `SGD`
func kind(of optimizer: some Optimizer) -> String { String(describing: type(of: optimizer)) }

/// What the numbers of an optimizer have to satisfy; each check ends the process with the optimizer's name, the number's
/// and the user's line where it fails.
struct ArgumentChecks {
  let kind: String
  let file: StaticString
  let line: UInt

  init(_ optimizer: some Optimizer, _ file: StaticString = #fileID, _ line: UInt = #line) {
    kind = TapestryOptim.kind(of: optimizer)
    self.file = file
    self.line = line
  }

  func require(_ condition: Bool, _ problem: @autoclosure () -> String) {
    if !condition { trap("\(kind): \(problem())", file: file, line: line) }
  }

  func nonNegative(_ value: Double, _ name: String) {
    require(
      value >= 0 && value.isFinite, "\(name) must be finite and at least 0, not \(value)")
  }

  func positive(_ value: Double, _ name: String) {
    require(
      value > 0 && value.isFinite, "\(name) must be finite and greater than 0, not \(value)")
  }

  /// The weight of the past in a moving average.
  func fraction(_ value: Double, _ name: String) {
    require(value >= 0 && value < 1, "\(name) must be at least 0 and less than 1, not \(value)")
  }
}

/// The parameters of a container, none twice: one listed twice would move twice, and of two with the same name
/// only one could be saved.
func namedParameters(
  of container: some ParameterContainer, _ file: StaticString, _ line: UInt
) -> [(name: String, parameter: Parameter)] {
  let named = container.namedParameters
  if named.isEmpty {
    trap("an optimizer needs parameters, but this model has none", file: file, line: line)
  }
  var names: [ObjectIdentifier: String] = [:]
  var taken: Set<String> = []
  for (name, parameter) in named {
    if let other = names.updateValue(name, forKey: ObjectIdentifier(parameter)) {
      trap("the parameter \"\(other)\" is listed again as \"\(name)\"", file: file, line: line)
    }
    if !taken.insert(name).inserted {
      trap(
        "two parameters are called \"\(name)\": state is saved by name, so give each its own",
        file: file, line: line)
    }
  }
  return named
}

/// The gradient of a parameter of this shape and type, if there is one. One that was frozen after the gradients were
/// computed still has one.
func gradient(
  of parameter: Parameter, _ name: String, _ spec: TensorSpec, in gradients: Gradients,
  _ optimizer: some Optimizer, _ file: StaticString, _ line: UInt
) -> Tensor? {
  guard let gradient = gradients[parameter] else { return nil }
  guard gradient.spec == spec else {
    trap(
      "\(kind(of: optimizer)): the gradient of \"\(name)\" is \(gradient.spec),"
        + " but the parameter is \(spec); gradients under substituting are of the substitutes' type",
      file: file, line: line)
  }
  return gradient
}

/// Gradients of which not one belongs to the optimizer are those of another model.
func requireReached(
  _ reached: Int, of count: Int, _ gradients: Gradients, _ optimizer: some Optimizer,
  _ file: StaticString, _ line: UInt
) {
  guard reached == 0, gradients.count > 0 else { return }
  trap(
    "\(kind(of: optimizer)): none of its \(count) parameters is among the \(gradients.count) tensors that"
      + " have a gradient here; are these the gradients of another model?", file: file, line: line)
}
