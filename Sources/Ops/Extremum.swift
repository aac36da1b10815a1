import CTapestryKernels
import TapestryGraph

// Elementwise functions with corners: absolute value, sign, the larger and the smaller of two, clipping.

/// y = |x|; y' = sign x, 0 at 0. Integers too.
struct Abs: PointwiseOperation {
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs.spec(0).dtype != .bool else { throw Misuse("bool masks have no arithmetic") }
    return Specs(inputs.spec(0))
  }
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_ABS)) }
  func backward(_ node: borrowing Differential) -> Tensors {
    Tensors(node.cotangent * sign(node.input(0)))
  }
  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].elementwiseKink(at: 0) }
}

/// y = -1, 0 or 1; y' = 0.
struct Sign: PointwiseOperation {
  var keeps: Kept { .nothing }
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs.spec(0).dtype != .bool else { throw Misuse("bool masks have no arithmetic") }
    return Specs(inputs.spec(0))
  }
  func forward(_ inputs: borrowing Tensors) -> Tensors { Tensors(inputs[0].mapped(TAPESTRY_SIGN)) }
  func backward(_ node: borrowing Differential) -> Tensors { Tensors(nil) }
  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].elementwiseKink(at: 0) }
}

/// y = max(a, b). The gradient goes to the larger, half to each where they are equal.
struct Maximum: BroadcastingOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].combined(TAPESTRY_MAXIMUM, with: inputs[1]))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let (a, b) = (node.input(0), node.input(1))
    return shares(of: node.cotangent, node, a .> b, b .> a)
  }
  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].comparisonKink(with: inputs[1]) }
}

/// y = min(a, b). The gradient goes to the smaller, half to each where they are equal.
struct Minimum: BroadcastingOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].combined(TAPESTRY_MINIMUM, with: inputs[1]))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let (a, b) = (node.input(0), node.input(1))
    return shares(of: node.cotangent, node, a .< b, b .< a)
  }
  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].comparisonKink(with: inputs[1]) }
}

/// The cotangents of both operands, from where the first and the second won. A NaN wins over numbers and ties with NaN.
private func shares(
  of g: Tensor, _ node: borrowing Differential, _ firstWins: Tensor, _ secondWins: Tensor
) -> Tensors {
  let (a, b) = (node.input(0), node.input(1))
  var (first, second, ties) = (firstWins, secondWins, a .== b)
  let isPlain = a.isPlaceholder || b.isPlaceholder
  if !isPlain && (a.firstNonFinite != nil || b.firstNonFinite != nil) {
    let (oddA, oddB) = (a .!= a, b .!= b)
    let (yes, no) = (Tensor(1, dtype: .bool), Tensor(0, dtype: .bool))
    first = select(where: oddA, select(where: oddB, no, else: yes), else: first)
    second = select(where: oddB, select(where: oddA, no, else: yes), else: second)
    ties = select(where: oddA, oddB, else: ties)
  }
  return Tensors(
    node.needs(0) ? share(of: g, where: first, orHalf: ties, a.shape) : nil,
    node.needs(1) ? share(of: g, where: second, orHalf: ties, b.shape) : nil)
}

/// g where an operand won, g / 2 where it tied, summed to its shape.
private func share(
  of g: Tensor, where wins: Tensor, orHalf ties: Tensor, _ shape: TensorShape
) -> Tensor {
  let half = select(where: ties, g * 0.5, else: Tensor(0, dtype: g.dtype))
  return select(where: wins, g, else: half).summed(to: shape)
}

/// y = min(max(x, low), high); y' = 1 inside, the bounds included, 0 outside. Integers too.
struct Clip: PointwiseOperation {
  let low: Double
  let high: Double
  var keeps: Kept { .inputs.and(.outputs(0)) }
  var label: String { "\(low) ... \(high)" }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs.spec(0).dtype != .bool else { throw Misuse("bool masks have no arithmetic") }
    guard low <= high else { throw Misuse("the bounds \(low) and \(high) are not in order") }
    return Specs(inputs.spec(0))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].mapped(TAPESTRY_CLIP, low, high))
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (g, inside) = (node.cotangent, node.input(0) .== node.output())
    return Tensors(select(where: inside, g, else: Tensor(0, dtype: g.dtype)))
  }

  func kink(at inputs: borrowing Tensors) -> Kink? { inputs[0].elementwiseKink(at: low, high) }
}

/// |x| for every element. The gradient at 0 is 0. Integers too.
///
/// - Precondition: not bool.
public func abs(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Abs(), to: Tensors(x), file: file, line: line)[0]
}

/// -1, 0 or 1 for every element. The gradient is 0 everywhere. Integers too.
///
/// - Precondition: not bool.
public func sign(_ x: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
  apply(Sign(), to: Tensors(x), file: file, line: line)[0]
}

/// The larger of a and b, element by element; shapes broadcast. NaN passes through.
///
/// The gradient goes to the larger, as which a NaN counts; where they are equal, half to each.
///
/// - Precondition: both of one type, not bool; the shapes broadcast.
public func maximum(
  _ a: Tensor, _ b: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Maximum(), to: Tensors(a, b), file: file, line: line)[0]
}

/// The smaller of a and b, element by element; shapes broadcast. NaN passes through.
///
/// The gradient goes to the smaller, as which a NaN counts; where they are equal, half to each.
///
/// - Precondition: both of one type, not bool; the shapes broadcast.
public func minimum(
  _ a: Tensor, _ b: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Minimum(), to: Tensors(a, b), file: file, line: line)[0]
}

/// min(max(x, min), max) for every element. The gradient is 0 outside the bounds. NaN passes through.
///
/// - Parameters:
///   - min: the lower bound; by default there is none.
///   - max: the upper bound; by default there is none.
/// - Precondition: `min <= max`.
public func clip(
  _ x: Tensor, min: Double = -.infinity, max: Double = .infinity,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Clip(low: min, high: max), to: Tensors(x), file: file, line: line)[0]
}
