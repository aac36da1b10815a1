import TapestryGraph
import TapestryOps
import TestSupport

/// Weights of `blocks` gates from the operands of a row: four tensors a set, with biases; two without.
private func weights(_ operands: ArraySlice<Tensor>, biased: Bool = true) -> [RecurrentWeights] {
  let each = biased ? 4 : 2
  return stride(from: operands.startIndex, to: operands.endIndex, by: each).map {
    RecurrentWeights(
      input: operands[$0], hidden: operands[$0 + 1], biasInput: biased ? operands[$0 + 2] : nil,
      biasHidden: biased ? operands[$0 + 3] : nil)
  }
}

/// Operands of a set, small enough that gates do not saturate.
private func set(_ rows: Int, _ inputs: Int, _ size: Int, seed: UInt64, biased: Bool = true)
  -> [Tensor]
{
  let scale = inputs > 20 ? 0.15 : 0.6
  let both = [
    sample([rows, inputs], seed: seed) * scale, sample([rows, size], seed: seed + 1) * scale,
  ]
  return biased
    ? both + [sample([rows], seed: seed + 2) * 0.5, sample([rows], seed: seed + 3) * 0.5] : both
}

private let lengths = Tensor(integers: [2, 3, 0])

extension OpCase {
  static let recurrent: [OpCase] = [
    // Few steps: with weights of this size each one makes rounding some ten times larger.
    OpCase(
      "rnn", inputs: [sample([3, 2, 3])] + set(2, 3, 2, seed: 2),
      large: { [sample([2, 70, 40])] + set(300, 40, 300, seed: 2) }
    ) {
      let last = rnn($0[0], weights: weights($0[1...]))
      return [last.output, last.hidden]
    },
    OpCase(
      "rnn", "relu, lengths, both directions, a first state",
      inputs: [sample([3, 3, 2]), sample([2, 3, 2], seed: 9)] + set(2, 2, 2, seed: 2)
        + set(2, 2, 2, seed: 12)
    ) {
      let last = rnn(
        $0[0], weights: weights($0[2...]), nonlinearity: .relu, bidirectional: true, hidden: $0[1],
        lengths: lengths)
      return [last.output, last.hidden]
    },
    OpCase(
      "rnn", "lengths, reversed too",
      inputs: [sample([3, 3, 2]), sample([2, 3, 2], seed: 9)] + set(2, 2, 2, seed: 2)
        + set(2, 2, 2, seed: 12)
    ) {
      let last = rnn(
        $0[0], weights: weights($0[2...]), bidirectional: true, hidden: $0[1], lengths: lengths)
      return [last.output, last.hidden]
    },
    OpCase("rnn", "no steps", inputs: [sample([0, 2, 3])] + set(2, 3, 2, seed: 2)) {
      [rnn($0[0], weights: weights($0[1...])).hidden]
    },
    OpCase(
      "gru", inputs: [sample([3, 2, 3])] + set(6, 3, 2, seed: 2),
      large: { [sample([5, 70, 40])] + set(900, 40, 300, seed: 2) }
    ) {
      let last = gru($0[0], weights: weights($0[1...]))
      return [last.output, last.hidden]
    },
    OpCase(
      "gru", "without biases, lengths, both directions, a first state, samples first",
      inputs: [sample([3, 3, 2]), sample([2, 3, 2], seed: 9)]
        + set(6, 2, 2, seed: 2, biased: false) + set(6, 2, 2, seed: 12, biased: false)
    ) {
      let last = gru(
        $0[0], weights: weights($0[2...], biased: false), bidirectional: true, hidden: $0[1],
        lengths: lengths, batchFirst: true)
      return [last.output, last.hidden]
    },
    OpCase(
      "lstm", inputs: [sample([3, 2, 3])] + set(8, 3, 2, seed: 2),
      large: { [sample([5, 70, 40])] + set(1200, 40, 300, seed: 2) }
    ) {
      let last = lstm($0[0], weights: weights($0[1...]))
      return [last.output, last.hidden, last.cell]
    },
    OpCase(
      "lstm", "two layers, lengths, both directions, first states",
      inputs: [sample([3, 3, 2]), sample([4, 3, 1], seed: 9), sample([4, 3, 1], seed: 10)]
        + set(4, 2, 1, seed: 20) + set(4, 2, 1, seed: 30) + set(4, 2, 1, seed: 40)
        + set(4, 2, 1, seed: 50)
    ) {
      let last = lstm(
        $0[0], weights: weights($0[3...]), bidirectional: true, hidden: $0[1], cell: $0[2],
        lengths: lengths)
      return [last.output, last.hidden, last.cell]
    },
    OpCase("gruCell", inputs: [sample([2, 3]), sample([2, 2], seed: 9)] + set(6, 3, 2, seed: 2)) {
      [
        gruCell(
          $0[0], hidden: $0[1], weightInput: $0[2], weightHidden: $0[3], biasInput: $0[4],
          biasHidden: $0[5])
      ]
    },
  ]
}

extension MisuseCase {
  static let recurrent: [MisuseCase] = [
    MisuseCase("rnn, axes", says: "rnn: the input needs 3 axes, [T, N, inputs], not 2", "input ") {
      _ = rnn(.shape([2, 3]), weights: [shapes(2, 3, 2)])
    },
    MisuseCase("rnn, no weights", says: "needs the weights of at least one layer") {
      _ = rnn(.shape([4, 2, 3]), weights: [])
    },
    MisuseCase("gru, directions", says: "needs weights for two directions of each layer") {
      _ = gru(.shape([4, 2, 3]), weights: [shapes(6, 3, 2)], bidirectional: true)
    },
    MisuseCase(
      "gru, weights",
      says: "gru: weights[0] need the shapes [6, 3] and [6, 2], not [8, 3] and [8, 2]"
    ) {
      _ = gru(.shape([4, 2, 3]), weights: [shapes(8, 3, 2)])
    },
    MisuseCase("lstm, second layer", says: "weights[1] need the shapes [8, 2] and [8, 2]") {
      _ = lstm(.shape([4, 2, 3]), weights: [shapes(8, 3, 2), shapes(8, 3, 2)])
    },
    MisuseCase("lstm, state", says: "the cell state needs the shape [1, 2, 2]") {
      _ = lstm(.shape([4, 2, 3]), weights: [shapes(8, 3, 2)], cell: .shape([2, 2]))
    },
    MisuseCase("rnn, bias", says: "the biases of weights[0] need the shape [2], not [3]") {
      var set = shapes(2, 3, 2)
      set.biasHidden = .shape([3])
      _ = rnn(.shape([4, 2, 3]), weights: [set])
    },
    MisuseCase("rnn, lengths", says: "the lengths are 2 integers, int64 or int32") {
      _ = rnn(.shape([4, 2, 3]), weights: [shapes(2, 3, 2)], lengths: .shape([2]))
    },
    MisuseCase("rnn, types", says: "the input is float64, but weights[0] are float32") {
      _ = rnn(.shape([4, 2, 3], dtype: .float64), weights: [shapes(2, 3, 2)])
    },
    MisuseCase("rnn, integers", says: "needs float32 or float64, not int64") {
      _ = rnn(.shape([4, 2, 3], dtype: .int64), weights: [shapes(2, 3, 2)])
    },
    MisuseCase("gruCell, weights", says: "gruCell: the weights need the shapes [6, 3] and [6, 2]") {
      _ = gruCell(
        .shape([1, 3]), hidden: .shape([1, 2]), weightInput: .shape([8, 3]),
        weightHidden: .shape([8, 2]))
    },
    MisuseCase("gruCell, state", says: "input [N, inputs] and state [N, H] are needed") {
      _ = gruCell(
        .shape([1, 3]), hidden: .shape([2, 2]), weightInput: .shape([6, 3]),
        weightHidden: .shape([6, 2]))
    },
  ]

  private static func shapes(_ rows: Int, _ inputs: Int, _ size: Int) -> RecurrentWeights {
    RecurrentWeights(input: .shape([rows, inputs]), hidden: .shape([rows, size]))
  }
}
