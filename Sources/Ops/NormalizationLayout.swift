import CTapestryKernels
import TapestryGraph

// What batch, group, instance and layer normalisation differ in: which elements share a mean, which a scale, and what follows.

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
