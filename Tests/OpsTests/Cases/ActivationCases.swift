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

extension MisuseCase {
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
