import CTapestryKernels
import TapestryGraph

// The nodes of batch, group, instance and layer normalisation: one forward, and one with given statistics, for all four. Elements
// that share a mean are a set. Their gradient is in NormalizationGradient.swift.

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
      gradient = NormalizeGradient.sum(gradient, share.reshaped(to: x.shape))
    }
    if let g = node.cotangent(2) {
      let centred = layout.standardized(x, mean, variance, epsilon).centred
      let share = centred * (g.reshaped(to: layout.sets) * (2 / layout.count))
      gradient = NormalizeGradient.sum(gradient, share.reshaped(to: x.shape))
    }
    return [gradient, gradients.at(1), gradients.at(2), gradients.at(3)]
  }
}

extension Normalize: SpatialOperation {
  package func spatialReading(of input: TensorShape) -> SpatialReading {
    // The statistics of a batch, a set of all its places, do not count; those of a sample do.
    if case .batch = family { .samePlace } else { .anyPlace }
  }
}

/// y = (x - m) / sqrt(V + epsilon) · scale + shift for given m and V. Batch normalisation may have an
/// ending.
struct NormalizeWithStatistics: PointwiseOperation {
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
