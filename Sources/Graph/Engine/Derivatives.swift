// Derivatives of closures: they track their arguments by themselves, and only what the closure computed is
// walked.

/// The value of `body` at `point`, and its gradient there.
///
/// - Parameters:
///   - recording: record the derivative's own ops, so that it can be differentiated by what `body` captures. A
///     point that is tracked itself, as in nested derivatives, has that effect by itself.
///   - body: a function with a scalar result.
/// - Returns: the value and ∂body/∂point, shaped like the point; zeros where the value does not depend on it.
public func valueAndGradient(
  at point: Tensor, recording: Bool = false, file: StaticString = #fileID, line: UInt = #line,
  of body: (Tensor) throws -> Tensor
) rethrows -> (value: Tensor, gradient: Tensor) {
  let (value, gradients) = try valueAndGradients(
    at: [point], recording: recording, file: file, line: line
  ) { try body($0[0]) }
  return (value, gradients[0])
}

/// The value of `body` at several points, and its gradient by each.
public func valueAndGradients(
  at points: [Tensor], recording: Bool = false, file: StaticString = #fileID, line: UInt = #line,
  of body: ([Tensor]) throws -> Tensor
) rethrows -> (value: Tensor, gradients: [Tensor]) {
  let traced = try Traced(points, recording, CallSite(file: file, line: line), body)
  let gradients = traced.gradients(cotangent: nil, retaining: false)
  return (traced.result, gradients)
}

/// The gradient of `body` at `point`.
public func gradient(
  at point: Tensor, recording: Bool = false, file: StaticString = #fileID, line: UInt = #line,
  of body: (Tensor) throws -> Tensor
) rethrows -> Tensor {
  try valueAndGradient(at: point, recording: recording, file: file, line: line, of: body).gradient
}

/// The value of `body` at `points`, and the function that pulls a cotangent of it back to them: v ↦ Jᵀv.
///
/// The pullback may be called any number of times; the graph lives as long as it does.
public func vjp(
  at points: [Tensor], recording: Bool = false, file: StaticString = #fileID, line: UInt = #line,
  of body: ([Tensor]) throws -> Tensor
) rethrows -> (value: Tensor, pullback: @Sendable (Tensor) -> [Tensor]) {
  let traced = try Traced(points, recording, CallSite(file: file, line: line), body)
  return (traced.result, { traced.gradients(cotangent: $0, retaining: true) })
}

/// The value of `body` at `points`, and its derivative along `directions`: J t.
///
/// - Precondition: a direction per point, of its shape and type.
public func jvp(
  at points: [Tensor], along directions: [Tensor], recording: Bool = false,
  file: StaticString = #fileID, line: UInt = #line, of body: ([Tensor]) throws -> Tensor
) rethrows -> (value: Tensor, tangent: Tensor) {
  let site = CallSite(file: file, line: line)
  guard points.count == directions.count, zip(points, directions).allSatisfy({ $0.spec == $1.spec })
  else {
    trap(
      Misuse(
        "points \(points.map(\.spec)), but directions \(directions.map(\.spec))", operation: "jvp",
        site: site))
  }
  let traced = try Traced(points, recording, site, body)
  let tangent = tangents(
    of: [traced.value], along: Array(zip(traced.leaves, directions)), recording: traced.isRecording,
    site: site)[0]
  return (
    traced.result, tangent ?? .zeros(traced.value.shape, dtype: traced.value.dtype)
  )
}

/// The Jacobian of `body` at `point`: shape of the value, then shape of the point.
///
/// Costs one backward walk per element of the value. The result itself is not differentiable.
///
/// - Precondition: the two shapes have at most six axes together.
public func jacobian(
  at point: Tensor, file: StaticString = #fileID, line: UInt = #line,
  of body: (Tensor) throws -> Tensor
) rethrows -> Tensor {
  let (value, pullback) = try vjp(at: [point], file: file, line: line) { try body($0[0]) }
  var rows: [Double] = []
  rows.reserveCapacity(value.count * point.count)
  for index in 0..<value.count { rows += pullback(unit(value.spec, at: index))[0].scalars() }
  return Tensor(
    rows, shape: TensorShape(Array(value.shape) + Array(point.shape)), dtype: point.dtype)
}

/// The matrix of second derivatives of `body`, a function with a scalar result: shape of the point, twice.
///
/// - Precondition: the point has at most three axes.
public func hessian(
  at point: Tensor, file: StaticString = #fileID, line: UInt = #line,
  of body: (Tensor) throws -> Tensor
) rethrows -> Tensor {
  try jacobian(at: point, file: file, line: line) { x in
    try gradient(at: x, file: file, line: line, of: body)
  }
}

/// The product of the Hessian of `body` at `point` with `direction`, without forming the matrix.
public func hessianVectorProduct(
  at point: Tensor, along direction: Tensor, file: StaticString = #fileID, line: UInt = #line,
  of body: (Tensor) throws -> Tensor
) rethrows -> Tensor {
  let (_, pullback) = try vjp(at: [point], file: file, line: line) { x in
    try gradient(at: x[0], file: file, line: line, of: body)
  }
  return pullback(direction)[0]
}

/// A closure that has been run on leaves of its own.
private struct Traced: Sendable {
  let leaves: [Tensor]
  let value: Tensor
  let isRecording: Bool
  let site: CallSite

  init(
    _ points: [Tensor], _ recording: Bool, _ site: CallSite, _ body: ([Tensor]) throws -> Tensor
  ) rethrows {
    self.site = site
    let points = points.map(\.resolved)
    isRecording = recording || (TapestryGraph.isRecording && points.contains { $0.producer != nil })
    let isConnected = isRecording
    // Nested in another derivative a point stays connected to it: an identity, whose serial is the floor.
    let leaves = points.map { point in
      isConnected && point.producer != nil
        ? recordingGradients { apply(Identity(), to: Tensors(point))[0] } : point.tracked()
    }
    self.leaves = leaves
    value = try recordingGradients { try body(leaves).resolved }
  }

  /// The value, outside the graph unless derivatives of it are wanted.
  var result: Tensor { isRecording ? value : value.detached() }

  func gradients(cotangent: Tensor?, retaining: Bool) -> [Tensor] {
    guard value.producer != nil else { return leaves.map { .zeros($0.shape, dtype: $0.dtype) } }
    let results = gradientsInOrder(
      of: [value], withRespectTo: leaves, cotangents: cotangent.map { [$0] }, retaining: retaining,
      recording: isRecording, site: site)
    return zip(leaves, results).map { $1 ?? .zeros($0.shape, dtype: $0.dtype) }
  }
}

/// All zeros but a one at `index`.
func unit(_ spec: TensorSpec, at index: Int) -> Tensor {
  var values = [Double](repeating: 0, count: spec.shape.elementCount)
  values[index] = 1
  return Tensor(values, shape: spec.shape, dtype: spec.dtype)
}
