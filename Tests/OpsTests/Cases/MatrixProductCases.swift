import TapestryGraph
import TapestryOps
import TestSupport

extension OpCase {
  static let matrixProduct: [OpCase] = [
    OpCase(
      "matmul", inputs: [sample([3, 4]), sample([4, 5], seed: 2)],
      large: { [sample([130, 70]), sample([70, 90], seed: 2)] }
    ) { [matmul($0[0], $0[1])] },
    OpCase("matmul", "left transposed", inputs: [sample([4, 3]), sample([4, 2], seed: 2)]) {
      [matmul($0[0], $0[1], transposingA: true)]
    },
    OpCase("matmul", "right transposed", inputs: [sample([3, 4]), sample([2, 4], seed: 2)]) {
      [matmul($0[0], $0[1], transposingB: true)]
    },
    OpCase("matmul", "both transposed", inputs: [sample([4, 3]), sample([2, 4], seed: 2)]) {
      [matmul($0[0], $0[1], transposingA: true, transposingB: true)]
    },
    OpCase("matmul", "a matrix by itself", inputs: [sample([3, 3])]) { [matmul($0[0], $0[0])] },
    OpCase("matmul", "vector by vector", inputs: [sample([4]), sample([4], seed: 2)]) {
      [matmul($0[0], $0[1])]
    },
    OpCase(
      "matmul", "vector by transposed matrix", inputs: [sample([4]), sample([3, 4], seed: 2)]
    ) {
      [matmul($0[0], $0[1], transposingB: true)]
    },
    OpCase("matmul", "batch by vector", inputs: [sample([2, 3, 4]), sample([4], seed: 2)]) {
      [matmul($0[0], $0[1])]
    },
    OpCase(
      "matmul", "batches broadcast both ways",
      inputs: [sample([2, 1, 3, 2]), sample([3, 2, 2], seed: 2)]
    ) { [matmul($0[0], $0[1])] },
    OpCase(
      "matmul", "batch against one matrix, transposed",
      inputs: [sample([2, 4, 3]), sample([5, 4], seed: 2)]
    ) { [matmul($0[0], $0[1], transposingA: true, transposingB: true)] },
    OpCase(
      "matmul", "nothing to sum over", checks: [.forwardMode, .kernels],
      inputs: [sample([2, 0]), sample([0, 3])]
    ) {
      [matmul($0[0], $0[1])]
    },
    OpCase(
      "linear", inputs: [sample([3, 4]), sample([2, 4], seed: 2), sample([2], seed: 3)],
      large: { [sample([65, 130]), sample([70, 130], seed: 2), sample([70], seed: 3)] }
    ) { [linear($0[0], $0[1], bias: $0[2])] },
    OpCase("linear", "without bias", inputs: [sample([3, 4]), sample([2, 4], seed: 2)]) {
      [linear($0[0], $0[1])]
    },
    OpCase(
      "linear", "one sample",
      inputs: [sample([1, 4]), sample([3, 4], seed: 2), sample([3], seed: 3)]
    ) { [linear($0[0], $0[1], bias: $0[2])] },
    OpCase(
      "linear", "a vector", inputs: [sample([4]), sample([3, 4], seed: 2), sample([3], seed: 3)]
    ) { [linear($0[0], $0[1], bias: $0[2])] },
    OpCase(
      "linear", "a sequence",
      inputs: [sample([2, 3, 4]), sample([2, 4], seed: 2), sample([2], seed: 3)]
    ) { [linear($0[0], $0[1], bias: $0[2])] },
    OpCase(
      "linear", "no samples",
      inputs: [sample([0, 4]), sample([2, 4], seed: 2), sample([2], seed: 3)]
    ) { [linear($0[0], $0[1], bias: $0[2])] },
  ]
}

extension MisuseCase {
  static let matrixProduct: [MisuseCase] = [
    MisuseCase(
      "matmul, inner sizes", says: "matmul: left has 3 columns, but right has 4 rows", "left ",
      "right "
    ) {
      _ = matmul(.shape([2, 3]), .shape([4, 5]))
    },
    MisuseCase(
      "matmul, inner sizes transposed",
      says: "left has 2 columns after transposing, but right has 4 rows"
    ) {
      _ = matmul(.shape([2, 3]), .shape([4, 5]), transposingA: true)
    },
    MisuseCase("matmul, batches", says: "the batch axes [2] and [3] do not broadcast") {
      _ = matmul(.shape([2, 4, 4]), .shape([3, 4, 4]))
    },
    MisuseCase("matmul, scalar", says: "needs at least 2 axes each") {
      _ = matmul(.shape([]), .shape([4, 5]))
    },
    MisuseCase("matmul, types", says: "operands differ in type, float32 and float64") {
      _ = matmul(.shape([2, 3]), .shape([3, 5], dtype: .float64))
    },
    MisuseCase(
      "linear, features", says: "linear: input has 5 features, but the weight expects 4",
      "input  [2, 5] float32"
    ) {
      _ = linear(.shape([2, 5]), .shape([3, 4]))
    },
    MisuseCase(
      "linear, bias", says: "the bias needs one number per output channel, shape [3], not [4]"
    ) {
      _ = linear(.shape([2, 4]), .shape([3, 4]), bias: .shape([4]))
    },
    MisuseCase("linear, weight", says: "the weight needs 2 axes, [outputs, inputs], not 1") {
      _ = linear(.shape([2, 4]), .shape([4]))
    },
    MisuseCase("linear, scalar", says: "the input is a scalar") {
      _ = linear(.shape([]), .shape([3, 4]))
    },
    MisuseCase("linear, integers", says: "needs float32 or float64, not int64") {
      _ = linear(.shape([2, 4], dtype: .int64), .shape([3, 4], dtype: .int64))
    },
  ]
}
