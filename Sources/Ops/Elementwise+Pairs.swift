import CTapestryKernels
import TapestryGraph

// Functions of two or three numbers, element by element, with broadcasting.

/// What the functions of two floating-point numbers have in common.
protocol PairOperation: BroadcastingOperation {}

extension PairOperation {
  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    return Specs(
      try broadcastShape(inputs.spec(0).shape, inputs.spec(1).shape), inputs.spec(0).dtype)
  }
}

/// y = the angle of the point (b, a); by a: b / (a² + b²), by b: -a / (a² + b²).
struct Atan2: PairOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].combined(TAPESTRY_ATAN2, with: inputs[1]))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let (g, a, b) = (node.cotangent, node.input(0), node.input(1))
    // The squares would overflow long before the quotients do.
    let radius = hypot(a, b)
    let share = g / radius
    return Tensors(
      node.needs(0) ? slope(share * (b / radius), g, radius).summed(to: a.shape) : nil,
      node.needs(1) ? slope(-(share * (a / radius)), g, radius).summed(to: b.shape) : nil)
  }

  /// The gradient, 0 where the point is infinitely far away.
  private func slope(_ gradient: Tensor, _ g: Tensor, _ radius: Tensor) -> Tensor {
    if gradient.isPlaceholder || gradient.firstNonFinite == nil { return gradient }
    let zero = Tensor(0, dtype: g.dtype)
    return zeroWhereUnused(select(where: radius .== .infinity, zero, else: gradient), g)
  }
}

/// y = √(a² + b²); by a: a / y, by b: b / y, 0 at the origin.
struct Hypot: PairOperation {
  var keeps: Kept { .inputs.and(.outputs(0)) }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].combined(TAPESTRY_HYPOT, with: inputs[1]))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let (g, a, b, y) = (node.cotangent, node.input(0), node.input(1), node.output())
    let divisor = select(where: y .== 0, Tensor(1, dtype: y.dtype), else: y)
    return Tensors(
      node.needs(0) ? (g * direction(a, b, divisor)).summed(to: a.shape) : nil,
      node.needs(1) ? (g * direction(b, a, divisor)).summed(to: b.shape) : nil)
  }

  /// a / y; infinities alone count where there are some.
  private func direction(_ a: Tensor, _ b: Tensor, _ y: Tensor) -> Tensor {
    let quotient = a / y
    if quotient.isPlaceholder || quotient.firstNonFinite == nil { return quotient }
    let (first, second) = (isInfinite(a), isInfinite(b))
    let length = sqrt((first.converted(to: a.dtype) + second.converted(to: a.dtype)))
    return select(
      where: length .> 0,
      sign(a) * first.converted(to: a.dtype) / maximum(length, Tensor(1, dtype: a.dtype)),
      else: quotient)
  }
}

/// y = a - b ⌊a / b⌋; by a: 1, by b: -⌊a / b⌋. Integers too.
struct Remainder: BroadcastingOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].combined(TAPESTRY_REMAINDER, with: inputs[1]))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let (g, a, b) = (node.cotangent, node.input(0), node.input(1))
    return Tensors(
      node.needs(0) ? g.summed(to: a.shape) : nil,
      node.needs(1) ? (-(g * floor(a / b))).summed(to: b.shape) : nil)
  }
  func kink(at inputs: borrowing Tensors) -> Kink? { Floor().kink(at: quotient(inputs)) }
}

/// y = a - b trunc(a / b); by a: 1, by b: -trunc(a / b). Integers too.
struct TruncatingRemainder: BroadcastingOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].combined(TAPESTRY_TRUNCATING_REMAINDER, with: inputs[1]))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let (g, a, b) = (node.cotangent, node.input(0), node.input(1))
    return Tensors(
      node.needs(0) ? g.summed(to: a.shape) : nil,
      node.needs(1) ? (-(g * truncate(a / b))).summed(to: b.shape) : nil)
  }
  func kink(at inputs: borrowing Tensors) -> Kink? { Truncate().kink(at: quotient(inputs)) }
}

private func quotient(_ inputs: borrowing Tensors) -> Tensors {
  Tensors(inputs[0].combined(TAPESTRY_DIVIDE, with: inputs[1]))
}

/// y = a ln b, 0 where a is 0; by a: ln b, by b: a / b, where a is 0 both as far as they are finite.
struct XLogY: PairOperation {
  static var name: String { "xlogy" }
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].combined(TAPESTRY_XLOGY, with: inputs[1]))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let (g, a, b) = (node.cotangent, node.input(0), node.input(1))
    let zero = Tensor(0, dtype: g.dtype)
    let isVoid = (a .== 0) .& (b .<= 0)
    return Tensors(
      node.needs(0)
        ? zeroWhereUnused(select(where: isVoid, zero, else: g * log(b)), g).summed(to: a.shape)
        : nil,
      node.needs(1)
        ? zeroWhereUnused(select(where: isVoid, zero, else: g * (a / b)), g).summed(to: b.shape)
        : nil)
  }
}

/// y = ln(e^a + e^b); by a: sigmoid(a - b), by b: sigmoid(b - a).
struct LogAddExp: PairOperation {
  func forward(_ inputs: borrowing Tensors) -> Tensors {
    Tensors(inputs[0].combined(TAPESTRY_LOG_ADD_EXP, with: inputs[1]))
  }
  func backward(_ node: borrowing Differential) -> Tensors {
    let (g, a, b) = (node.cotangent, node.input(0), node.input(1))
    return Tensors(
      node.needs(0) ? (g * share(a, b)).summed(to: a.shape) : nil,
      node.needs(1) ? (g * share(b, a)).summed(to: b.shape) : nil)
  }

  /// sigmoid(a - b) and its limits: equal infinities share 1 evenly, and where both are -infinity each gets 0.
  private func share(_ a: Tensor, _ b: Tensor) -> Tensor {
    let share = sigmoid(a - b)
    if share.isPlaceholder || share.firstNonFinite == nil { return share }
    let (zero, half) = (Tensor(0, dtype: a.dtype), Tensor(0.5, dtype: a.dtype))
    let even = select(where: a .== -.infinity, zero, else: half)
    return select(where: a .== b, even, else: share)
  }
}

/// y = start + weight (end - start).
struct Lerp: PointwiseOperation {
  static var inputNames: [String] { ["start", "end", "weight"] }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    let ends = try broadcastShape(inputs.spec(0).shape, inputs.spec(1).shape)
    return Specs(try broadcastShape(ends, inputs.spec(2).shape), inputs.spec(0).dtype)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (start, end, weight) = (inputs[0], inputs[1], inputs[2])
    guard let spec = try? specs(for: inputs)[0] else {
      trapAtCaller("the shape rule was passed over")
    }
    return Tensors(
      Tensor(spec) { y in
        withMemory(start, end, weight) { a, b, w in
          BroadcastLayout.with(spec.shape, start.shape, end.shape, weight.shape) { layout in
            tapestry_lerp(
              spec.dtype.code, Int32(spec.shape.rank), layout.sizes, layout.strides(0),
              layout.strides(1), layout.strides(2), a, b, w, y)
          }
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (g, start, end, weight) = (node.cotangent, node.input(0), node.input(1), node.input(2))
    return Tensors(
      node.needs(0) ? (g * (1 - weight)).summed(to: start.shape) : nil,
      node.needs(1) ? (g * weight).summed(to: end.shape) : nil,
      node.needs(2) ? (g * (end - start)).summed(to: weight.shape) : nil)
  }
}

/// The angle of the point (x, y) in -π ... π, element by element; shapes broadcast. Signs of zero count as in C.
///
/// - Precondition: both float32 or both float64; the shapes broadcast.
public func atan2(
  _ y: Tensor, _ x: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Atan2(), to: Tensors(y, x), file: file, line: line)[0]
}

/// √(a² + b²) without overflow, element by element; shapes broadcast. Infinite if either is, NaN or not.
///
/// The gradient at the origin is 0.
///
/// - Precondition: both float32 or both float64; the shapes broadcast.
public func hypot(
  _ a: Tensor, _ b: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Hypot(), to: Tensors(a, b), file: file, line: line)[0]
}

/// a - b ⌊a / b⌋, element by element: the remainder with the sign of the divisor, Python's %; shapes broadcast.
///
/// NaN where b is 0; 0 with integers. Integers too.
///
/// - Precondition: both of one type, not bool; the shapes broadcast.
public func remainder(
  _ a: Tensor, _ b: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Remainder(), to: Tensors(a, b), file: file, line: line)[0]
}

/// a - b trunc(a / b), element by element: the remainder with the sign of a, C's fmod, exact also for huge a.
///
/// NaN where b is 0; 0 with integers. Integers too; shapes broadcast.
///
/// - Precondition: both of one type, not bool; the shapes broadcast.
public func truncatingRemainder(
  _ a: Tensor, _ b: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(TruncatingRemainder(), to: Tensors(a, b), file: file, line: line)[0]
}

/// a ln b, and 0 where a is 0 unless b is NaN, element by element; shapes broadcast.
///
/// - Precondition: both float32 or both float64; the shapes broadcast.
public func xlogy(
  _ a: Tensor, _ b: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(XLogY(), to: Tensors(a, b), file: file, line: line)[0]
}

/// ln(e^a + e^b) without overflow, element by element; shapes broadcast.
///
/// - Precondition: both float32 or both float64; the shapes broadcast.
public func logAddExp(
  _ a: Tensor, _ b: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(LogAddExp(), to: Tensors(a, b), file: file, line: line)[0]
}

/// start + weight (end - start), element by element; all three broadcast. The weight may leave 0 ... 1.
///
/// - Precondition: all float32 or all float64; the shapes broadcast.
public func lerp(
  _ start: Tensor, _ end: Tensor, weight: Tensor, file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  apply(Lerp(), to: Tensors(start, end, weight), file: file, line: line)[0]
}
