import TapestryGraph
import TapestryOps
import TestSupport
import Testing

/// Recurrent nets and attention as one op each, against the same made of small ones, at sizes of several blocks and threads.
@Suite struct Sequences {
  /// Values and gradients of two ways to compute the same agree.
  private func expectSame(
    _ points: [Tensor], _ tolerance: Double, _ label: String,
    _ fused: ([Tensor]) -> [Tensor], _ composed: ([Tensor]) -> [Tensor]
  ) {
    func derivatives(_ function: ([Tensor]) -> [Tensor]) -> [Tensor] {
      let leaves = points.map { $0.tracked() }
      let outputs = function(leaves)
      let found = gradients(
        of: outputs, withRespectTo: leaves,
        cotangents: outputs.indices.map {
          sample(outputs[$0].shape, seed: UInt64(50 + $0), dtype: outputs[$0].dtype)
        })
      return outputs.map { $0.detached() } + leaves.map { found[$0]! }
    }
    for (place, pair) in zip(derivatives(fused), derivatives(composed)).enumerated() {
      expectClose(
        pair.0, pair.1, "\(label), \(place)", relativeTolerance: tolerance,
        absoluteTolerance: tolerance * pair.1.scalars().reduce(1) { max($0, abs($1)) })
    }
  }

  @Test("recurrent nets are their cells step by step", arguments: [DType.float64, .float32])
  func recurrent(_ dtype: DType) {
    let tolerance = dtype == .float64 ? 1e-11 : 1e-4
    for (steps, samples, inputs, size) in [
      (1, 1, 1, 1), (5, 3, 4, 17), (7, 9, 6, 33), (4, 70, 5, 90),
    ] {
      for blocks in [1, 3, 4] {
        let rows = blocks * size
        let scale = 1 / Double(size + inputs).squareRoot()
        let points = [
          sample([steps, samples, inputs], dtype: dtype),
          sample([rows, inputs], seed: 2, dtype: dtype) * scale,
          sample([rows, size], seed: 3, dtype: dtype) * scale,
          sample([rows], seed: 4, dtype: dtype), sample([rows], seed: 5, dtype: dtype),
          sample([1, samples, size], seed: 6, dtype: dtype),
          sample([1, samples, size], seed: 7, dtype: dtype),
        ]
        expectSame(
          blocks == 4 ? points : Array(points.dropLast()), tolerance,
          "\(blocks) blocks, \(steps) \(samples) \(inputs) \(size), \(dtype)"
        ) { p in
          let set = RecurrentWeights(input: p[1], hidden: p[2], biasInput: p[3], biasHidden: p[4])
          switch blocks {
          case 1:
            let last = rnn(p[0], weights: [set], hidden: p[5])
            return [last.output, last.hidden]
          case 3:
            let last = gru(p[0], weights: [set], hidden: p[5])
            return [last.output, last.hidden]
          default:
            let last = lstm(p[0], weights: [set], hidden: p[5], cell: p[6])
            return [last.output, last.hidden, last.cell]
          }
        } _: { p in
          var hidden = p[5].squeezed(0)
          var cell = blocks == 4 ? p[6].squeezed(0) : hidden
          var results: [Tensor] = []
          for x in p[0].split([Int](repeating: 1, count: steps), along: 0) {
            let x = x.squeezed(0)
            switch blocks {
            case 1: hidden = tanh(linear(x, p[1], bias: p[3]) + linear(hidden, p[2], bias: p[4]))
            case 3:
              hidden = gruCell(
                x, hidden: hidden, weightInput: p[1], weightHidden: p[2], biasInput: p[3],
                biasHidden: p[4])
            default:
              (hidden, cell) = lstmCell(
                x, hidden: hidden, cell: cell, weightInput: p[1], weightHidden: p[2],
                biasInput: p[3], biasHidden: p[4])
            }
            results.append(hidden)
          }
          let last = [stack(results), hidden.expandedDimensions(at: 0)]
          return blocks == 4 ? last + [cell.expandedDimensions(at: 0)] : last
        }
      }
    }
  }

  @Test("a sequence of its own length is that sequence alone, either way")
  func lengths() {
    let lengths = [4, 1, 3, 0]
    let x = sample([4, 4, 3])
    let sets = [2, 12].map { (seed: UInt64) in
      RecurrentWeights(
        input: sample([20, 3], seed: seed) * 0.5, hidden: sample([20, 5], seed: seed + 1) * 0.5)
    }
    let first = sample([2, 4, 5], seed: 9)
    let all = lstm(
      x, weights: sets, bidirectional: true, hidden: first, cell: first,
      lengths: Tensor(integers: lengths))
    for (place, length) in lengths.enumerated() {
      let start = first.sliced(place..<place + 1, along: 1)
      let alone = lstm(
        x.sliced(0..<length, along: 0).sliced(place..<place + 1, along: 1), weights: sets,
        bidirectional: true, hidden: start, cell: start)
      let results = all.output.sliced(place..<place + 1, along: 1)
      expectClose(results.sliced(0..<length, along: 0), alone.output)
      #expect(results.sliced(length..<4, along: 0).scalars().allSatisfy { $0 == 0 })
      expectClose(all.hidden.sliced(place..<place + 1, along: 1), alone.hidden)
      expectClose(all.cell.sliced(place..<place + 1, along: 1), alone.cell)
    }
  }

  @Test("attention by blocks is the softmax of all scores", arguments: [DType.float64, .float32])
  func attention(_ dtype: DType) {
    let tolerance = dtype == .float64 ? 1e-11 : 1e-4
    for (queries, keys, width, values) in [
      (1, 1, 1, 1), (65, 257, 7, 5), (130, 600, 17, 33), (3, 520, 4, 4),
    ] {
      for variant in ["plain", "causal", "mask", "bias"] {
        let points = [
          sample([2, queries, width], dtype: dtype),
          sample([2, keys, width], seed: 2, dtype: dtype),
          sample([2, keys, values], seed: 3, dtype: dtype),
          sample([2, queries, keys], seed: 4, dtype: dtype),
        ]
        // The first 300 keys of every other query are left out: more than a block.
        let numbers = (0..<queries * keys).map {
          ($0 % keys < 300 && $0 / keys % 2 == 0) || $0 % 3 == 0 ? 0 : 1
        }
        let mask = Tensor(integers: numbers, shape: [queries, keys], dtype: .bool)
        expectSame(
          variant == "bias" ? points : Array(points.dropLast()), tolerance,
          "\(queries) \(keys) \(width) \(values), \(variant), \(dtype)"
        ) {
          [
            scaledDotProductAttention(
              $0[0], key: $0[1], value: $0[2], mask: variant == "mask" ? mask : nil,
              bias: variant == "bias" ? $0[3] : nil, causal: variant == "causal", scale: 0.4)
          ]
        } _: {
          var scores = matmul($0[0], $0[1], transposingB: true) * 0.4
          if variant == "bias" { scores = scores + $0[3] }
          var seen = mask
          if variant == "causal" {
            seen =
              Tensor.range(keys, dtype: .int64)
              .<= Tensor.range(queries, dtype: .int64).expandedDimensions(at: 1)
          }
          guard variant == "causal" || variant == "mask" else {
            return [matmul(softmax(scores, axis: -1), $0[2])]
          }
          let weights = softmax(
            select(where: seen, scores, else: Tensor(-1e30, dtype: dtype)), axis: -1)
          return [
            matmul(select(where: seen, weights, else: Tensor(0, dtype: dtype)), $0[2])
          ]
        }
      }
    }
  }

  @Test("large scores do not overflow, and NaN comes through")
  func largeScores() {
    let q = sample([2, 3], dtype: .float32) * 1e4
    let k = sample([300, 3], seed: 2, dtype: .float32) * 1e4
    let v = sample([300, 2], seed: 3, dtype: .float32)
    let y = scaledDotProductAttention(q, key: k, value: v, causal: false)
    #expect(y.scalars().allSatisfy { $0.isFinite })
    let bias = Tensor(Double.nan, dtype: .float32)
    let unknown = scaledDotProductAttention(q, key: k, value: v, bias: bias)
    #expect(unknown.scalars().allSatisfy { $0.isNaN })
  }

  @Test("attention keeps memory linear in the length")
  func memory() async {
    await #expect(processExitsWith: .success) {
      let q = sample([3000, 4], dtype: .float32).tracked()
      let k = sample([3000, 4], seed: 2, dtype: .float32).tracked()
      let v = sample([3000, 4], seed: 3, dtype: .float32).tracked()
      let before = LiveCounters.bytes
      LiveCounters.resetPeak()
      let y = scaledDotProductAttention(q, key: k, value: v, causal: true)
      #expect(y.sum().gradients().count == 3)
      // The scores alone would be 36 MB.
      #expect(LiveCounters.peakBytes - before < 1_000_000)
    }
  }

  @Test("what is not tracked is not kept for a backward")
  func inferenceKeepsNothing() async {
    await #expect(processExitsWith: .success) {
      let set = RecurrentWeights(
        input: sample([400, 3], dtype: .float32), hidden: sample([400, 100], dtype: .float32))
      let x = sample([200, 2, 3], dtype: .float32)
      let before = LiveCounters.bytes
      LiveCounters.resetPeak()
      #expect(lstm(x, weights: [set]).output.shape == [200, 2, 100])
      // The inputs' share of the gates is four times the results; gates and cells would be five times as much again.
      #expect(LiveCounters.peakBytes - before < 200 * 2 * 100 * 4 * 6)
    }
  }
}
