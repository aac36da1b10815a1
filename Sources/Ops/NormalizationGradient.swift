import CTapestryKernels
import TapestryGraph

/// The gradients of x, scale and shift for the cotangent g of a normalisation.
///
/// With r = 1 / sqrt(V + epsilon), z = (x - m) r and G = g · scale, means taken over each set:
/// r (G - mean G - z mean(G z)), or r G where the statistics are given (`isFixed`); Σ g z; Σ g.
/// After an ending g stands for the cotangents that max(y, 0) lets through: a sixth operand, the
/// shift or y, tells which; with an addend they are a fourth result, its gradient.
struct NormalizeGradient: TensorOperation {
  static var inputNames: [String] { ["cotangent", "input", "mean", "variance", "scale", "gate"] }
  let family: NormalizationFamily
  let epsilon: Double
  let isFixed: Bool
  let ending: NormalizationEnding

  var displayName: String { family.name + "Gradient" }
  var label: String { ending.label }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    guard inputs.spec(0) == inputs.spec(1) else {
      throw Misuse("the cotangent \(inputs.spec(0)) is not that of \(inputs.spec(1))")
    }
    let (x, scale) = (inputs.spec(1), inputs.spec(4))
    return ending == .residual ? [x, scale, scale, x] : [x, scale, scale]
  }

  /// Adds the sixth operand to those of a gradient of `node`, a normalisation with this ending.
  func appendGate(of node: borrowing Differential, to operands: inout Tensors) {
    switch ending {
    case .plain: break
    case .relu: operands.append(node.input(2))
    case .residual: operands.append(node.output())
    }
  }

  /// The results for the first cotangent of `node`, written over it where possible. The operands lack that.
  func run(_ node: borrowing Differential, _ operands: Tensors) -> Tensors {
    if let place = node.reusableCotangent() { return run(place, operands, isInPlace: true) }
    var all = Tensors(node.cotangent(0))
    for index in 1..<operands.count { all.append(operands.at(index)) }
    return apply(self, to: all)
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    run(inputs[0], copy inputs, isInPlace: false)
  }

  /// The results. If `isInPlace`, the cotangent's memory becomes that of the result shaped like it: the first,
  /// or the addend's gradient.
  private func run(_ g: Tensor, _ operands: Tensors, isInPlace: Bool) -> Tensors {
    let (x, scale) = (operands[1], operands[4])
    var gradientX: Tensor?
    var gradientAddend: Tensor?
    var gradientShift: Tensor?
    let gradientScale = Tensor(scale.spec) { toScale in
      gradientShift = Tensor(scale.spec) { toShift in
        if ending == .residual {
          gradientX = Tensor(x.spec) { toX in
            let fill = { toAddend in compute(g, operands, toX, toAddend, toScale, toShift) }
            if isInPlace {
              g.overwrite(fill)
            } else {
              gradientAddend = Tensor(x.spec, filling: fill)
            }
          }
        } else {
          let fill = { toX in compute(g, operands, toX, nil, toScale, toShift) }
          if isInPlace { g.overwrite(fill) } else { gradientX = Tensor(x.spec, filling: fill) }
        }
      }
    }
    if ending == .residual {
      return [gradientX, gradientScale, gradientShift, gradientAddend ?? g]
    }
    return Tensors(gradientX ?? g, gradientScale, gradientShift)
  }

  private func compute(
    _ g: Tensor, _ operands: Tensors, _ toX: UnsafeMutableRawPointer,
    _ toAddend: UnsafeMutableRawPointer?, _ toScale: UnsafeMutableRawPointer,
    _ toShift: UnsafeMutableRawPointer
  ) {
    let spec = operands[1].spec
    withMemory(g, operands[1], operands[4]) { g, x, scale in
      withMemory(operands[2], operands[3], operands.at(5) ?? operands[4]) { mean, variance, gate in
        if case .layer(let width) = family {
          tapestry_normalize_rows_gradient(
            spec.dtype.code, Int64(spec.shape.elementCount / max(width, 1)), Int64(width), epsilon,
            g, x, mean, variance, scale, toX, toScale, toShift)
        } else {
          var problem = family.problem(spec.shape, epsilon: epsilon, ending)
          var relu = tapestry_normalization_relu(
            shift: ending == .relu ? gate : nil, y: ending == .residual ? gate : nil,
            gaddend: toAddend)
          tapestry_normalize_gradient(
            spec.dtype.code, &problem, isFixed, g, x, mean, variance, scale, &relu, toX, toScale,
            toShift)
        }
      }
    }
  }

  /// Those elements of a tensor shaped like the input that max(y, 0) lets through.
  private func letThrough(_ g: Tensor, _ node: borrowing Differential, _ z: Tensor) -> Tensor {
    let layout = family.layout(node.inputSpec(1).shape)
    switch ending {
    case .plain: return g
    case .relu:
      let scale = node.input(4).reshaped(to: layout.scales)
      let y = z * scale + node.input(5).reshaped(to: layout.scales)
      return Relu.letThrough(g, where: y.detached())
    case .residual:
      return Relu.letThrough(g, where: node.input(5).reshaped(to: layout.view).detached())
    }
  }

  /// The derivatives of Σ h · result 0 + Σ a · result 1 + Σ b · result 2, with m and V as operands of
  /// their own. Over a set of M elements, with p = Σ h z and q = Σ G z, the first sum is
  /// r (Σ h G - Σ h Σ G / M - p q / M).
  func backward(_ node: borrowing Differential) -> Tensors {
    let layout = family.layout(node.inputSpec(1).shape)
    let (sets, scales, count) = (layout.sets, layout.scales, layout.count)
    let (centred, r, z) = layout.standardized(
      node.input(1), node.input(2), node.input(3), epsilon)
    let g = letThrough(node.input(0).reshaped(to: layout.view), node, z)
    let scale = node.input(4).reshaped(to: scales)
    var (toG, toX, toR, toScale): (Tensor?, Tensor?, Tensor?, Tensor?)
    if let h = node.cotangent(0)?.reshaped(to: layout.view) {
      let scaled = g * scale
      var projected = h * r
      toR = (h * scaled).summed(to: sets)
      if !isFixed {
        let (p, q) = ((h * z).summed(to: sets), (scaled * z).summed(to: sets))
        let (sumH, sumG) = (h.summed(to: sets), scaled.summed(to: sets))
        projected = (h - sumH / count - z * (p / count)) * r
        toX = (h * q + scaled * p) * (r * r * (-1 / count))
        toR = toR! - (sumH * sumG + p * q * 3) / count
      }
      toG = projected * scale
      toScale = (g * projected).summed(to: scales)
    }
    if let a = node.cotangent(1)?.reshaped(to: scales) {
      toG = Self.sum(toG, a * z)
      toX = Self.sum(toX, g * r * a)
      toR = Self.sum(toR, (g * centred * a).summed(to: sets))
    }
    if let b = node.cotangent(2)?.reshaped(to: scales) {
      toG = Self.sum(toG, b.broadcast(to: layout.view))
    }
    if let d = node.cotangent(3) { toG = Self.sum(toG, d.reshaped(to: layout.view)) }
    toG = toG.map { letThrough($0, node, z) }
    let toMean = toX.map { -$0.summed(to: sets) }
    let toVariance = toR.map { $0 * r * r * r * -0.5 }
    var gradients = Tensors()
    for (index, gradient) in [toG, toX, toMean, toVariance, toScale].enumerated() {
      gradients.append(gradient?.reshaped(to: node.inputSpec(index).shape))
    }
    if node.inputCount > gradients.count { gradients.append(nil) }  // the gate
    return gradients
  }

  /// a + b, where there is an a.
  static func sum(_ a: Tensor?, _ b: Tensor) -> Tensor { a.map { $0 + b } ?? b }
}
