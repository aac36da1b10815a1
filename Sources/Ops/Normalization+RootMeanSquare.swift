import CTapestryKernels
import TapestryGraph

// Normalisation by the root mean square: one node forward, one for the gradient. A row is what the last axes hold, M
// elements, and r = 1 / sqrt(mean(x²) + epsilon) is the row's own.

/// y = x r · scale
struct RootMeanSquareNormalize: TensorOperation {
  static var name: String { "rmsNorm" }
  static var inputNames: [String] { ["input", "scale"] }
  private static let kept = Kept.inputs(0, 1)
  let epsilon: Double
  var keeps: Kept { Self.kept }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    let (x, scale) = (inputs.spec(0), inputs.spec(1).shape)
    // In range: a tensor has at most 6 axes.
    let first = x.shape.rank - scale.rank
    guard scale.rank > 0, first >= 0, x.shape.dropFirst(first).elementsEqual(scale) else {
      throw Misuse("the input \(x.shape) does not end in \(scale), the shape of the scale")
    }
    try requireSameType(inputs)
    return Specs(x)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, scale) = (inputs[0], inputs[1])
    let width = max(scale.count, 1)
    return Tensors(
      Tensor(x.spec) { y in
        withMemory(x, scale) { x, scale in
          tapestry_normalize_root_rows(
            inputs.spec(0).dtype.code, Int64(inputs.spec(0).shape.elementCount / width),
            Int64(inputs.spec(1).shape.elementCount), epsilon, x, scale, y)
        }
      })
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    apply(
      RootMeanSquareGradient(epsilon: epsilon),
      to: Tensors(node.cotangent, node.input(0), node.input(1)))
  }

  /// r (t - x r² mean(x t)) · scale + x r t_scale
  func jvp(_ node: borrowing Differential) -> Tensors {
    let rows = RootMeanSquareRows(node.input(0), scale: node.input(1), epsilon: epsilon)
    var result: Tensor?
    if let t = node.tangent(0) {
      let (x, r, t) = (rows.x, rows.inverse, t.reshaped(to: rows.view))
      let share = x * (rows.sum(x * t) * r * r / rows.width)
      result = (t - share) * r * rows.scale
    }
    if let t = node.tangent(1) {
      let share = rows.x * rows.inverse * t.reshaped(to: rows.scaleView)
      result = result.map { $0 + share } ?? share
    }
    return Tensors(result?.reshaped(to: node.inputSpec(0).shape))
  }

  func cost(of inputs: borrowing Tensors, _ outputs: borrowing Specs) -> OperationCost {
    OperationCost(
      arithmetic: 4 * outputs[0].shape.elementCount, bytes: trafficBytes(inputs, outputs))
  }
}

/// For u = g · scale: r (u - x r² mean(u x)), the gradient of x, and Σ g x r over the rows, that of the scale.
struct RootMeanSquareGradient: TensorOperation {
  static var name: String { "rmsNormGradient" }
  static var inputNames: [String] { ["cotangent", "input", "scale"] }
  let epsilon: Double

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    guard inputs.spec(0) == inputs.spec(1) else {
      throw Misuse("the cotangent \(inputs.spec(0)) is not that of \(inputs.spec(1))")
    }
    return [inputs.spec(1), inputs.spec(2)]
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (g, x, scale) = (inputs[0], inputs[1], inputs[2])
    let (dtype, count, width) = (x.dtype, x.count, scale.count)
    var toX: Tensor?
    let toScale = Tensor(scale.spec) { toScale in
      toX = Tensor(x.spec) { toX in
        withMemory(g, x, scale) { g, x, scale in
          tapestry_normalize_root_rows_gradient(
            dtype.code, Int64(count / max(width, 1)), Int64(width), epsilon, g, x, scale, toX,
            toScale)
        }
      }
    }
    return Tensors(toX, toScale)
  }

  /// The derivatives of Σ h · result 0 + Σ a · result 1. With p = Σ h x, q = Σ u x, s = Σ h u and t = Σ a g x of a row
  /// that is r s - r³ p q / M + r t, and r moves with x by -r³ x / M.
  func backward(_ node: borrowing Differential) -> Tensors {
    let rows = RootMeanSquareRows(node.input(1), scale: node.input(2), epsilon: epsilon)
    let (x, r, scale, width) = (rows.x, rows.inverse, rows.scale, rows.width)
    let g = node.input(0).reshaped(to: rows.view)
    let cube = r * r * r / width
    var (toG, toX, toR, toScale): (Tensor?, Tensor?, Tensor?, Tensor?)
    if let h = node.cotangent(0)?.reshaped(to: rows.view) {
      let u = g * scale
      let (p, q) = (rows.sum(h * x), rows.sum(u * x))
      let toU = h * r - x * (cube * p)
      toG = toU * scale
      toScale = (g * toU).summed(to: rows.scaleView)
      toX = -(h * q + u * p) * cube
      toR = rows.sum(h * u) - p * q * r * r * 3 / width
    }
    if let a = node.cotangent(1)?.reshaped(to: rows.scaleView) {
      toG = sum(toG, x * r * a)
      toX = sum(toX, g * r * a)
      toR = sum(toR, rows.sum(g * x * a))
    }
    if let share = toR { toX = sum(toX, -(x * (share * cube))) }
    return [
      toG?.reshaped(to: node.inputSpec(0).shape), toX?.reshaped(to: node.inputSpec(1).shape),
      toScale?.reshaped(to: node.inputSpec(2).shape),
    ]
  }

  private func sum(_ a: Tensor?, _ b: Tensor) -> Tensor { a.map { $0 + b } ?? b }
}

/// An input as rows, with what their derivatives are made of.
private struct RootMeanSquareRows {
  let view: TensorShape
  let scaleView: TensorShape
  let x: Tensor
  let scale: Tensor
  /// r, one a row.
  let inverse: Tensor
  /// M.
  let width: Double

  init(_ input: Tensor, scale: Tensor, epsilon: Double) {
    let count = max(scale.count, 1)
    view = [input.count / count, scale.count]
    scaleView = [1, scale.count]
    width = Double(count)
    x = input.reshaped(to: view)
    self.scale = scale.reshaped(to: scaleView)
    let squares = (x * x).sum(along: 1, keepingDimensions: true)
    inverse = pow(squares / width + epsilon, -0.5)
  }

  func sum(_ values: Tensor) -> Tensor { values.sum(along: 1, keepingDimensions: true) }
}

/// Each sample divided by its root mean square over the last axes, then scaled: layer normalisation without a mean.
///
/// y = x / sqrt(mean(x²) + epsilon) · scale over the last axes; epsilon stands inside the root.
///
/// - Parameters:
///   - x: `[..., normalizedShape]`.
///   - normalizedShape: the sizes of the axes that share a root.
///   - scale: factors, `normalizedShape`. Default: 1.
///   - epsilon: keeps the root away from 0. Default: 1e-6. (PyTorch's is the smallest step of the number format.)
/// - Returns: shaped like `x`.
/// - Precondition: the last axes of `x` are `normalizedShape`, at least one.
///
/// Zhang and Sennrich, "Root mean square layer normalization", 2019.
public func rmsNorm(
  _ x: Tensor, normalizedShape: TensorShape, scale: Tensor? = nil, epsilon: Double = 1e-6,
  file: StaticString = #fileID, line: UInt = #line
) -> Tensor {
  let vectors = namedOperands([("scale", scale)])
  let first = x.rank - normalizedShape.rank
  if let refused = refusal(
    of: "rmsNorm", [("input", x)] + vectors, file: file, line: line,
    rule: { () throws(Misuse) in
      guard normalizedShape.rank > 0, first >= 0,
        x.shape.dropFirst(first).elementsEqual(normalizedShape)
      else { throw Misuse("the input \(x.shape) does not end in \(normalizedShape)") }
      try requireSameType(Tensors(x))
      try requireVectors(vectors, like: x, shape: normalizedShape, per: "element")
    })
  {
    return refused
  }
  return apply(
    RootMeanSquareNormalize(epsilon: epsilon),
    to: Tensors(x, scale ?? .ones(normalizedShape, dtype: x.dtype)), file: file, line: line)[0]
}
