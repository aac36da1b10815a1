import TapestryGraph
import TapestryOps
import TestSupport

extension OpCase {
  static let activation: [OpCase] =
    unary("relu", of: distinctSample) { relu($0) } + unary("sigmoid") { sigmoid($0) }
    + unary("tanh") { tanh($0) } + unary("gelu") { gelu($0) } + unary("softplus") { softplus($0) }
    + unary("leakyRelu", of: distinctSample) { leakyRelu($0, slope: 0.2) }
    + unary("leakyRelu", of: distinctSample) { leakyRelu($0, slope: -0.5) }
    + unary("elu", of: distinctSample) { elu($0) }
    + unary("elu", of: distinctSample) { elu($0, alpha: 0.3) }
    + unary("elu", of: distinctSample) { elu($0, alpha: 0) }
    // A result that is used by two ops gets its cotangent from both.
    + unary("relu", of: distinctSample) { x in
      let y = relu(x)
      return y * sigmoid(y) + tanh(y)
    }
}

extension OpCase {
  /// Activations of the second generation; `distinctSample` keeps away from their corners.
  static let laterActivations: [OpCase] =
    unary("silu") { silu($0) } + unary("mish") { mish($0) }
    + unary("logSigmoid") { logSigmoid($0) } + unary("tanhShrink") { tanhShrink($0) }
    + unary("geluTanh") { gelu($0, approximate: .tanh) }
    + unary("softsign", of: distinctSample) { softsign($0) }
    + unary("hardSwish", of: distinctSample) { hardSwish($0 * 4.1) }
    + unary("hardSigmoid", of: distinctSample) { hardSigmoid($0 * 4.1) }
    + unary("relu6", of: distinctSample) { relu6($0 * 10.1) }
    + unary("hardTanh", of: distinctSample) { hardTanh($0) }
    + unary("hardTanh", of: distinctSample) { hardTanh($0, min: -0.1, max: 0.2) }
    + unary("softShrink", of: distinctSample) { softShrink($0, threshold: 0.2) }
    + unary("hardShrink", of: distinctSample) { hardShrink($0, threshold: 0.2) }
    + unary("selu", of: distinctSample) { selu($0) }
    + unary("celu", of: distinctSample) { celu($0, alpha: 0.7) }
    + [
      OpCase("glu", "the last axis", inputs: [sample([3, 4])]) { [glu($0[0])] },
      OpCase("glu", "channels", inputs: [sample([2, 6, 3])]) { [glu($0[0], axis: 1)] },
      OpCase("glu", "large", checks: .kernels, inputs: [sample([7, 62, 331])]) {
        [glu($0[0], axis: 1)]
      },
      OpCase("prelu", "one slope", inputs: [distinctSample([3, 4]), sample([1], seed: 2)]) {
        [prelu($0[0], slope: $0[1])]
      },
      OpCase(
        "prelu", "a slope a channel", inputs: [distinctSample([2, 3, 2]), sample([3], seed: 2)]
      ) { [prelu($0[0], slope: $0[1])] },
      OpCase(
        "prelu", "large", checks: .kernels, inputs: [sample([5, 61, 331]), sample([61], seed: 2)]
      ) { [prelu($0[0], slope: $0[1])] },
      OpCase("softmin", "channels", inputs: [sample([2, 4, 3])]) { [softmin($0[0], axis: 1)] },
    ]
}

extension MisuseCase {
  static let laterActivations: [MisuseCase] = [
    MisuseCase("silu of integers", says: "silu: needs float32 or float64, not int64") {
      _ = silu(Tensor.shape([2], dtype: .int64))
    },
    MisuseCase("bounds out of order", says: "hardTanh: the bounds 2.0 and 1.0 are not in order") {
      _ = hardTanh(Tensor.shape([2]), min: 2, max: 1)
    },
    MisuseCase("a negative threshold", says: "softShrink: the threshold is -1.0") {
      _ = softShrink(Tensor.shape([2]), threshold: -1)
    },
    MisuseCase("a negative threshold", says: "hardShrink: the threshold is -1.0") {
      _ = hardShrink(Tensor.shape([2]), threshold: -1)
    },
    MisuseCase("celu without alpha", says: "celu: alpha is 0") {
      _ = celu(Tensor.shape([2]), alpha: 0)
    },
    MisuseCase("an odd number of channels", says: "glu: axis 1 of [2, 3] has no two halves") {
      _ = glu(Tensor.shape([2, 3]))
    },
    MisuseCase("an axis of glu that does not exist", says: "glu: axis 2 does not exist") {
      _ = glu(Tensor.shape([2, 4]), axis: 2)
    },
    MisuseCase(
      "slopes that fit no channels", says: "pRelu: the shapes [2, 3, 4] and [4, 1] do not broadcast"
    ) {
      _ = prelu(Tensor.shape([2, 3, 4]), slope: .shape([4]))
    },
    MisuseCase("softmin of integers", says: "needs float32 or float64, not int64") {
      _ = softmin(Tensor.shape([2], dtype: .int64))
    },
  ]

  static let activation: [MisuseCase] = [
    MisuseCase("tanh of integers", says: "tanh: needs float32 or float64, not int64") {
      _ = tanh(Tensor.shape([2], dtype: .int64))
    },
    MisuseCase("sigmoid of integers", says: "sigmoid: needs float32 or float64, not int64") {
      _ = sigmoid(Tensor.shape([2], dtype: .int64))
    },
    MisuseCase("gelu of integers", says: "gelu: needs float32 or float64, not int64") {
      _ = gelu(Tensor.shape([2], dtype: .int64))
    },
    MisuseCase("softplus of integers", says: "softplus: needs float32 or float64, not int64") {
      _ = softplus(Tensor.shape([2], dtype: .int64))
    },
    MisuseCase("leakyRelu of integers", says: "leakyRelu: needs float32 or float64, not int64") {
      _ = leakyRelu(Tensor.shape([2], dtype: .int64))
    },
    MisuseCase("integers", says: "relu: needs float32 or float64, not int64; convert") {
      _ = relu(Tensor.shape([2], dtype: .int64))
    },
    MisuseCase("a negative alpha", says: "elu: alpha is -1.0, but must not be negative") {
      _ = elu(Tensor.shape([2]), alpha: -1)
    },
    MisuseCase("elu of integers", says: "elu: needs float32 or float64") {
      _ = elu(Tensor.shape([2], dtype: .int32))
    },
  ]
}
