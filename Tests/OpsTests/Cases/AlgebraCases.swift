import TapestryGraph
import TapestryOps
import TestSupport

extension OpCase {
  static let algebra: [OpCase] = einsums + products + diagonals

  private static let einsums: [OpCase] = [
    OpCase(
      "einsum", "matrix product", inputs: [sample([3, 4]), sample([4, 2], seed: 2)],
      large: { [sample([130, 70]), sample([70, 90], seed: 2)] }
    ) { [einsum("ij,jk->ik", $0[0], $0[1]), einsum("ij,jk->ki", $0[0], $0[1])] },
    OpCase(
      "einsum", "operands that lie transposed",
      inputs: [sample([4, 3]), sample([2, 4], seed: 2)],
      large: { [sample([70, 130]), sample([90, 70], seed: 2)] }
    ) { [einsum("ji,kj->ik", $0[0], $0[1]), einsum("ji,kj", $0[0], $0[1])] },
    OpCase(
      "einsum", "heads of attention",
      inputs: [sample([2, 3, 2, 2]), sample([2, 2, 3, 2], seed: 2)],
      large: { [sample([3, 33, 4, 16]), sample([3, 17, 33, 4], seed: 2)] }
    ) {
      [einsum("bqhd,bkqh->bhdk", $0[0], $0[1]), einsum("bqhd,bkqh->bkhd", $0[0], $0[1])]
    },
    OpCase(
      "einsum", "two letters summed, in another order",
      inputs: [sample([2, 3, 2]), sample([2, 3, 4], seed: 2)],
      large: { [sample([40, 30, 20]), sample([20, 30, 50], seed: 2)] }
    ) { [einsum("ijk,kjl->il", $0[0], $0[1])] },
    OpCase(
      "einsum", "one operand", inputs: [sample([2, 3, 3])],
      large: { [sample([70, 40, 40])] }
    ) {
      [
        einsum("ijk->ki", $0[0]), einsum("ijj->ij", $0[0]), einsum("...ii", $0[0]),
        einsum("i...->", $0[0]), einsum("cab", $0[0]),
      ]
    },
    OpCase(
      "einsum", "dot products of rows", inputs: [sample([3, 4]), sample([3, 4], seed: 2)],
      large: { [sample([700, 130]), sample([700, 130], seed: 2)] }
    ) {
      [einsum("ij,ij->i", $0[0], $0[1]), einsum("ij,ij->ji", $0[0], $0[1]), einsum("ij,ij", $0)]
    },
    OpCase(
      "einsum", "ellipses that broadcast",
      inputs: [sample([2, 1, 3, 2]), sample([3, 2, 2], seed: 2)]
    ) { [einsum("...ij,...jk->...ik", $0[0], $0[1]), einsum("...ij,...jk->ik", $0[0], $0[1])] },
    OpCase(
      "einsum", "three operands, a diagonal, an operand twice",
      inputs: [sample([3, 2]), sample([4, 2, 2], seed: 2), sample([3, 3], seed: 3)]
    ) {
      [
        einsum("bi,oij,bj->bo", $0[0], $0[1], $0[0]),
        einsum("aa,ai,oii->oa", $0[2], $0[0], $0[1]),
      ]
    },
    OpCase(
      "einsum", "sizes of 1 that stand for more",
      inputs: [sample([1, 3]), sample([2, 3], seed: 2)]
    ) { [einsum("ij,ij->ij", $0[0], $0[1]), einsum("ij,ij->i", $0[0], $0[1])] },
    OpCase(
      "einsum", "nothing to sum over", checks: [.forwardMode, .kernels],
      inputs: [sample([2, 0]), sample([0, 3])]
    ) { [einsum("ij,jk->ik", $0[0], $0[1]), einsum("ij,jk->", $0[0], $0[1])] },
  ]

  private static let products: [OpCase] = [
    OpCase(
      "outer", inputs: [sample([3]), sample([4], seed: 2)],
      large: { [sample([301]), sample([401], seed: 2)] }
    ) { [outer($0[0], $0[1]), outer($0[1], $0[0])] },
    OpCase(
      "dot", inputs: [sample([5]), sample([5], seed: 2)],
      large: { [sample([100_003]), sample([100_003], seed: 2)] }
    ) { [dot($0[0], $0[1])] },
    OpCase("dot", "a vector by itself", inputs: [sample([5])]) { [dot($0[0], $0[0])] },
    OpCase(
      "tensordot", inputs: [sample([2, 3, 2]), sample([2, 3, 2], seed: 2)],
      large: { [sample([40, 30, 20]), sample([20, 30, 40], seed: 2)] }
    ) {
      [
        tensordot($0[0], $0[1], axesA: [1], axesB: [-2]),
        tensordot($0[0], $0[1], axesA: [2, 0], axesB: [0, -1]),
      ]
    },
    OpCase("tensordot", "no axes", inputs: [sample([2, 3]), sample([2], seed: 2)]) {
      [tensordot($0[0], $0[1], axesA: [], axesB: [])]
    },
  ]

  private static let diagonals: [OpCase] = [
    OpCase("trace", inputs: [sample([3, 4])]) { [$0[0].trace()] },
    OpCase("diagonal", inputs: [sample([3, 4])], large: { [sample([301, 402])] }) {
      [
        $0[0].diagonal(), $0[0].diagonal(offset: 2), $0[0].diagonal(offset: -1),
        $0[0].diagonal(offset: 1, axis1: 1, axis2: 0), $0[0].diagonal(offset: 100_000),
      ]
    },
    OpCase("diagonal", "of a batch", inputs: [sample([2, 3, 3])]) {
      [$0[0].diagonal(axis1: -2, axis2: -1), $0[0].diagonal(offset: -1, axis1: 0, axis2: 2)]
    },
    OpCase("triangle", inputs: [sample([3, 4])], large: { [sample([3, 301, 402])] }) {
      [
        $0[0].lowerTriangle(), $0[0].lowerTriangle(offset: -1), $0[0].upperTriangle(),
        $0[0].upperTriangle(offset: 2), $0[0].upperTriangle(offset: Int.min),
        $0[0].lowerTriangle(offset: .min),
      ]
    },
  ]
}

extension MisuseCase {
  static let algebra: [MisuseCase] = [
    MisuseCase(
      "einsum, operands", says: "einsum: `ij,jk->ik` names 2 operands, but there is 1",
      "operand 0 [2, 3] float32"
    ) { _ = einsum("ij,jk->ik", .shape([2, 3])) },
    MisuseCase(
      "einsum, axes", says: "einsum: operand 1, `jk`, names 2 axes, but has 1: [3]"
    ) { _ = einsum("ij,jk", .shape([2, 3]), .shape([3])) },
    MisuseCase("einsum, sizes", says: "einsum: j has size 3, but 4 in operand 1, [4, 2]") {
      _ = einsum("ij,jk", .shape([2, 3]), .shape([4, 2]))
    },
    MisuseCase(
      "einsum, no square", says: "einsum: i stands for axes of sizes 2 and 3 of operand 0"
    ) { _ = einsum("ii", .shape([2, 3])) },
    MisuseCase("einsum, letters", says: "einsum: `1` in `i1` is no letter") {
      _ = einsum("i1", .shape([2, 3]))
    },
    MisuseCase("einsum, two arrows", says: "has more than one ->") {
      _ = einsum("i->i->i", .shape([2]))
    },
    MisuseCase("einsum, two ellipses", says: "einsum: `...i...` has more than one ellipsis") {
      _ = einsum("...i...", .shape([2]))
    },
    MisuseCase("einsum, unknown result", says: "names k in the result, but in no operand") {
      _ = einsum("ij->k", .shape([2, 3]))
    },
    MisuseCase("einsum, result twice", says: "names i twice in the result") {
      _ = einsum("ij->ii", .shape([2, 3]))
    },
    MisuseCase("einsum, result too large", says: "einsum: the result's sizes would be [2, 2, 2,") {
      _ = einsum("abcd,efgh->abcdefgh", .shape([2, 2, 2, 2]), .shape([2, 2, 2, 2]))
    },
    MisuseCase("einsum, types", says: "einsum: operands differ in type, float32 and float64") {
      _ = einsum("i,i", .shape([2]), .shape([2], dtype: .float64))
    },
    MisuseCase("einsum, nothing", says: "einsum: there are no operands") { _ = einsum("", []) },
    MisuseCase("outer, axes", says: "outer: needs two vectors, 1 axis each, not 2 and 1") {
      _ = outer(.shape([2, 3]), .shape([3]))
    },
    MisuseCase("dot, lengths", says: "dot: left has 2 elements, but right 3") {
      _ = dot(.shape([2]), .shape([3]))
    },
    MisuseCase(
      "tensordot, sizes", says: "tensordot: axis 1 of left has size 3, but axis 0 of right 2"
    ) { _ = tensordot(.shape([2, 3]), .shape([2, 3]), axesA: [1], axesB: [0]) },
    MisuseCase("tensordot, pairs", says: "tensordot: [0, 1] and [0] do not make pairs of axes") {
      _ = tensordot(.shape([2, 3]), .shape([2, 3]), axesA: [0, 1], axesB: [0])
    },
    MisuseCase("trace, axes", says: "trace: needs a matrix, 2 axes, not 3") {
      _ = Tensor.shape([2, 3, 3]).trace()
    },
    MisuseCase("diagonal, one axis", says: "diagonal: axis 1 cannot be both rows and columns") {
      _ = Tensor.shape([2, 3]).diagonal(axis1: 1, axis2: 1)
    },
    MisuseCase("diagonal, vector", says: "diagonal: needs at least 2 axes") {
      _ = Tensor.shape([2]).diagonal()
    },
    MisuseCase("lowerTriangle, vector", says: "lowerTriangle: needs at least 2 axes") {
      _ = Tensor.shape([2]).lowerTriangle()
    },
    MisuseCase("upperTriangle, vector", says: "upperTriangle: needs at least 2 axes") {
      _ = Tensor.shape([2]).upperTriangle()
    },
  ]
}
