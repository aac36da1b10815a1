import TapestryGraph
import Testing

// `checkGradients` as expectations: a failed check is an issue at the line of the test, with the whole report.

/// Expects the gradient of `body` at `points` to agree with central differences.
///
/// ```swift
/// @Test("attention: gradient matches central differences")
/// func attention() {
///   expectGradients(at: [queries, keys], names: ["queries", "keys"]) { attention($0[0], $0[1]) }
/// }
/// ```
///
/// - Parameters:
///   - points: float64; integer points are passed on, unchecked.
///   - names: what the report calls the points.
///   - body: a function of the points.
/// - Returns: the report, for further expectations.
/// - Precondition: as of `checkGradients(at:names:options:file:line:of:)`.
@discardableResult
public func expectGradients(
  at points: [Tensor], names: [String] = [], options: GradientCheckOptions = .init(),
  sourceLocation: SourceLocation = #_sourceLocation, file: StaticString = #fileID,
  line: UInt = #line, of body: ([Tensor]) -> Tensor
) -> GradientReport {
  let report = checkGradients(
    at: points, names: names, options: options, file: file, line: line, of: body)
  return expectPassed(report, sourceLocation)
}

/// Expects the gradient of a function of one tensor to agree with central differences.
@discardableResult
public func expectGradients(
  at point: Tensor, options: GradientCheckOptions = .init(),
  sourceLocation: SourceLocation = #_sourceLocation, file: StaticString = #fileID,
  line: UInt = #line, of body: (Tensor) -> Tensor
) -> GradientReport {
  let report = checkGradients(at: point, options: options, file: file, line: line, of: body)
  return expectPassed(report, sourceLocation)
}

/// Expects the gradients of one op by itself to agree with central differences at these inputs.
@discardableResult
public func expectGradients(
  of operation: some TensorOperation, at inputs: [Tensor],
  options: GradientCheckOptions = .init(), sourceLocation: SourceLocation = #_sourceLocation,
  file: StaticString = #fileID, line: UInt = #line
) -> GradientReport {
  let report = checkGradients(of: operation, at: inputs, options: options, file: file, line: line)
  return expectPassed(report, sourceLocation)
}

/// Expects the gradients of a whole model, by every parameter of `container` and by `points`, to agree
/// with central differences. A float32 model is checked in float64, untouched.
@discardableResult
public func expectGradients(
  ofParametersIn container: some ParameterContainer, at points: [Tensor] = [],
  options: GradientCheckOptions = .init(), sourceLocation: SourceLocation = #_sourceLocation,
  file: StaticString = #fileID, line: UInt = #line, _ body: ([Tensor]) -> Tensor
) -> GradientReport {
  let report = checkGradients(
    ofParametersIn: container, at: points, options: options, file: file, line: line, body)
  return expectPassed(report, sourceLocation)
}

private func expectPassed(
  _ report: GradientReport, _ sourceLocation: SourceLocation
) -> GradientReport {
  if !report.passed {
    Issue.record(Comment(rawValue: report.description), sourceLocation: sourceLocation)
  }
  return report
}
