import CTapestryKernels
import TapestryGraph

// The nodes of batch, group, instance and layer normalisation: one forward, one with given statistics,
// and one gradient, for all four. Elements that share a mean are a set.

/// Which elements share a mean, and which a scale.
enum NormalizationFamily: Sendable {
  /// A set and a scale per channel of `[N, C, ...]`.
  case batch
  /// A set per sample and group of channels, a scale per channel.
  case group(Int)
  /// A set per sample and channel of `[N, C, ...]`, a scale per channel.
  case instance
  /// A set per row of so many elements, a scale per place in the row.
  case layer(width: Int)

  var name: String {
    switch self {
    case .batch: "batchNorm"
    case .group: "groupNorm"
    case .instance: "instanceNorm"
    case .layer: "layerNorm"
    }
  }

  /// The layout of an input of this shape.
  func layout(_ x: TensorShape) -> NormalizationLayout {
    switch self {
    case .batch, .group:
      let (samples, channels) = (x[0], x[1])
      let pixels = x.dropFirst(2).reduce(1, *)
      guard case .group(let groups) = self else {
        return NormalizationLayout(
          view: [samples, channels, 1, pixels], sets: [1, channels, 1, 1],
          scales: [1, channels, 1, 1])
      }
      return NormalizationLayout(
        view: [samples, groups, channels / groups, pixels], sets: [samples, groups, 1, 1],
        scales: [1, groups, channels / groups, 1])
    case .instance:
      return NormalizationLayout(
        view: [x[0], x[1], 1, x.dropFirst(2).reduce(1, *)], sets: [x[0], x[1], 1, 1],
        scales: [1, x[1], 1, 1])
    case .layer(let width):
      let rows = x.elementCount / max(width, 1)
      return NormalizationLayout(
        view: [rows, 1, 1, width], sets: [rows, 1, 1, 1], scales: [1, 1, 1, width])
    }
  }

  /// What the kernels of batch and group normalisation want to know.
  func problem(
    _ x: TensorShape, epsilon: Double, _ ending: NormalizationEnding
  ) -> tapestry_normalization {
    var groups = 0
    if case .group(let count) = self { groups = count }
    if case .instance = self { groups = max(x[1], 1) }
    return tapestry_normalization(
      samples: Int64(x[0]), channels: Int64(x[1]), pixels: Int64(x.dropFirst(2).reduce(1, *)),
      groups: Int64(groups), epsilon: epsilon, relu: ending != .plain)
  }
}

/// What follows a batch normalisation z in the same pass over memory.
enum NormalizationEnding: Sendable {
  /// y = z
  case plain
  /// y = max(z, 0); the gradient computes z again.
  case relu
  /// y = max(z + addend, 0), the addend being the last operand; the gradient reads y.
  case residual

  var label: String {
    switch self {
    case .plain: ""
    case .relu: "relu"
    case .residual: "add, relu"
    }
  }
}

/// An input as four axes, and its statistics and scales as tensors that broadcast over them.
struct NormalizationLayout {
  let view: TensorShape
  let sets: TensorShape
  let scales: TensorShape

  /// How many elements share a mean; at least 1.
  var count: Double { Double(max(view.elementCount / max(sets.elementCount, 1), 1)) }

  /// (x - m), its inverse deviation r, and y = (x - m) r, as four axes.
  func standardized(
    _ x: Tensor, _ mean: Tensor, _ variance: Tensor, _ epsilon: Double
  ) -> (centred: Tensor, inverse: Tensor, value: Tensor) {
    let centred = x.reshaped(to: view) - mean.reshaped(to: sets)
    let inverse = pow(variance.reshaped(to: sets) + epsilon, -0.5)
    return (centred, inverse, centred * inverse)
  }
}

/// y = (x - m) / sqrt(V + epsilon) · scale + shift, m and V the mean and the biased variance of each
/// set; m and V are results too. Batch normalisation may have an ending.
///
/// The gradient takes m and V as operands that are results of this node, so that its own derivatives
/// flow back through their cotangents.
struct Normalize: TensorOperation {
  static var inputNames: [String] { ["input", "scale", "shift", "addend"] }
  private static let kept = Kept.inputs(0, 1).and(.outputs(1, 2))
  private static let keptByRelu = kept.and(.inputs(2))
  private static let keptByResidual = kept.and(.outputs(0))
  let family: NormalizationFamily
  let epsilon: Double
  var ending = NormalizationEnding.plain

  var displayName: String { family.name }
  var label: String { ending.label }
  var keeps: Kept {
    switch ending {
    case .plain: Self.kept
    case .relu: Self.keptByRelu
    case .residual: Self.keptByResidual
    }
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    try requireAddend(inputs, at: 3)
    let x = inputs.spec(0)
    let statistic = TensorSpec([family.layout(x.shape).sets.elementCount], x.dtype)
    return [x, statistic, statistic]
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, scale, shift) = (inputs[0], inputs[1], inputs[2])
    let statistic = TensorSpec([family.layout(x.shape).sets.elementCount], x.dtype)
    if x.count == 0 {
      let zeros = Tensor.zeros(statistic.shape, dtype: x.dtype)
      return Tensors(.zeros(x.shape, dtype: x.dtype), zeros, zeros.reshaped(to: statistic.shape))
    }
    let code = x.dtype.code
    var y: Tensor?
    var variance: Tensor?
    let mean = Tensor(statistic) { mean in
      variance = Tensor(statistic) { variance in
        y = Tensor(x.spec) { y in
          withMemory(x, scale, shift) { x, scale, shift in
            if case .layer(let width) = family {
              tapestry_normalize_rows(
                code, Int64(statistic.shape[0]), Int64(width), epsilon, x, scale, shift, y, mean,
                variance)
            } else {
              withAddend(inputs.at(3)) { addend in
                var problem = family.problem(inputs.spec(0).shape, epsilon: epsilon, ending)
                tapestry_normalize(code, &problem, x, scale, shift, addend, y, mean, variance)
              }
            }
          }
        }
      }
    }
    return Tensors(y, mean, variance)
  }

  /// Relu's, on the values before it.
  func kink(at inputs: borrowing Tensors) -> Kink? {
    if ending == .plain { return nil }
    let plain = Normalize(family: family, epsilon: epsilon)
    let z = plain.forward(Tensors(inputs[0], inputs[1], inputs[2]))[0]
    return withoutGradients { inputs.at(3).map { z + $0 } ?? z }.elementwiseKink(at: 0)
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (x, scale, mean, variance) = (node.input(0), node.input(1), node.output(1), node.output(2))
    var gradients = Tensors(nil, nil, nil)
    if node.cotangent(0) != nil {
      let gradient = NormalizeGradient(
        family: family, epsilon: epsilon, isFixed: false, ending: ending)
      var operands = Tensors([nil, x, mean, variance, scale])
      gradient.appendGate(of: node, to: &operands)
      gradients = gradient.run(node, operands)
    }
    guard node.cotangent(1) != nil || node.cotangent(2) != nil else { return gradients }
    let layout = family.layout(x.shape)
    var gradient = gradients.at(0)
    if let g = node.cotangent(1) {
      let share = (g / layout.count).reshaped(to: layout.sets).broadcast(to: layout.view)
      gradient = add(gradient, share.reshaped(to: x.shape))
    }
    if let g = node.cotangent(2) {
      let centred = layout.standardized(x, mean, variance, epsilon).centred
      let share = centred * (g.reshaped(to: layout.sets) * (2 / layout.count))
      gradient = add(gradient, share.reshaped(to: x.shape))
    }
    return [gradient, gradients.at(1), gradients.at(2), gradients.at(3)]
  }
}

/// y = (x - m) / sqrt(V + epsilon) · scale + shift for given m and V. Batch normalisation may have an
/// ending.
struct NormalizeWithStatistics: TensorOperation {
  static var inputNames: [String] {
    ["input", "scale", "shift", "runningMean", "runningVariance", "addend"]
  }
  private static let kept = Kept.inputs(0, 1, 3, 4)
  private static let keptByRelu = kept.and(.inputs(2))
  private static let keptByResidual = kept.and(.outputs(0))
  let family: NormalizationFamily
  let epsilon: Double
  var ending = NormalizationEnding.plain

  var displayName: String { family.name }
  var label: String { ending.label }
  var keeps: Kept {
    switch ending {
    case .plain: Self.kept
    case .relu: Self.keptByRelu
    case .residual: Self.keptByResidual
    }
  }

  func specs(for inputs: borrowing Tensors) throws(Misuse) -> Specs {
    try requireSameType(inputs)
    try requireAddend(inputs, at: 5)
    return Specs(inputs.spec(0))
  }

  func forward(_ inputs: borrowing Tensors) -> Tensors {
    let (x, scale, shift, mean, variance) = (
      inputs[0], inputs[1], inputs[2], inputs[3], inputs[4]
    )
    var problem = family.problem(x.shape, epsilon: epsilon, ending)
    return Tensors(
      Tensor(x.spec) { y in
        withMemory(x, mean, variance) { x, mean, variance in
          withMemory(scale, shift) { scale, shift in
            withAddend(inputs.at(5)) { addend in
              tapestry_normalize_with(
                inputs.spec(0).dtype.code, &problem, x, mean, variance, scale, shift, addend, y)
            }
          }
        }
      })
  }

  /// Relu's, on the values before it.
  func kink(at inputs: borrowing Tensors) -> Kink? {
    if ending == .plain { return nil }
    let plain = NormalizeWithStatistics(family: family, epsilon: epsilon)
    let z = plain.forward([inputs[0], inputs[1], inputs[2], inputs[3], inputs[4]])[0]
    return withoutGradients { inputs.at(5).map { z + $0 } ?? z }.elementwiseKink(at: 0)
  }

  func backward(_ node: borrowing Differential) -> Tensors {
    let (x, scale, mean, variance) = (node.input(0), node.input(1), node.input(3), node.input(4))
    let gradient = NormalizeGradient(
      family: family, epsilon: epsilon, isFixed: true, ending: ending)
    var operands = Tensors([node.cotangent, x, mean, variance, scale])
    gradient.appendGate(of: node, to: &operands)
    let gradients = apply(gradient, to: operands)
    var gradientMean: Tensor?
    var gradientVariance: Tensor?
    if node.needs(3) {
      let layout = family.layout(x.shape)
      gradientMean =
        -gradients[0].reshaped(to: layout.view).summed(to: layout.sets).reshaped(to: mean.shape)
    }
    if node.needs(4) {
      gradientVariance = gradients[1] * scale * -0.5 / (variance + epsilon)
    }
    return [
      gradients[0], gradients[1], gradients[2], gradientMean, gradientVariance, gradients.at(3),
    ]
  }
}

/// An addend is shaped like the input.
private func requireAddend(_ inputs: borrowing Tensors, at index: Int) throws(Misuse) {
  guard inputs.count <= index || inputs.spec(index) == inputs.spec(0) else {
    throw Misuse(
      "the addend \(inputs.spec(index)) is not shaped like the input \(inputs.spec(0))")
  }
}

private func withAddend(_ addend: Tensor?, _ body: (UnsafeRawPointer?) -> Void) {
  if let addend { addend.withMemory { body($0) } } else { body(nil) }
}

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
  fileprivate func appendGate(of node: borrowing Differential, to operands: inout Tensors) {
    switch ending {
    case .plain: break
    case .relu: operands.append(node.input(2))
    case .residual: operands.append(node.output())
    }
  }

  /// The results for the first cotangent of `node`, written over it where possible. The operands lack that.
  fileprivate func run(_ node: borrowing Differential, _ operands: Tensors) -> Tensors {
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
      toG = add(toG, a * z)
      toX = add(toX, g * r * a)
      toR = add(toR, (g * centred * a).summed(to: sets))
    }
    if let b = node.cotangent(2)?.reshaped(to: scales) {
      toG = add(toG, b.broadcast(to: layout.view))
    }
    if let d = node.cotangent(3) { toG = add(toG, d.reshaped(to: layout.view)) }
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
}

private func add(_ a: Tensor?, _ b: Tensor) -> Tensor { a.map { $0 + b } ?? b }
