import CTapestryKernels
import Testing

extension KernelSuite {
  /// Attention in plain loops, and maxima of bags.
  @Suite struct Attention {
    struct Form: CustomTestStringConvertible, Sendable {
      let batch, queries, keys, width, values: Int
      var isCausal = false
      var isMasked = false
      var isBiased = false
      var testDescription: String {
        "\(batch) \(queries) \(keys) \(width) \(values)\(isCausal ? ", causal" : "")"
          + "\(isMasked ? ", mask" : "")\(isBiased ? ", bias" : "")"
      }
    }

    private static let forms = [
      Form(batch: 1, queries: 1, keys: 1, width: 1, values: 1),
      Form(batch: 2, queries: 5, keys: 7, width: 3, values: 4, isMasked: true, isBiased: true),
      Form(batch: 2, queries: 66, keys: 300, width: 17, values: 15, isMasked: true),
      Form(batch: 3, queries: 130, keys: 67, width: 8, values: 16, isCausal: true),
      Form(batch: 1, queries: 70, keys: 520, width: 5, values: 3, isCausal: true, isBiased: true),
      Form(batch: 2, queries: 3, keys: 0, width: 4, values: 4),
      Form(batch: 2, queries: 0, keys: 4, width: 4, values: 4),
    ]

    /// y, gq, gk, gv and the gradients by the scores.
    private static func expected(
      _ f: Form, _ q: [Double], _ k: [Double], _ v: [Double], _ g: [Double], _ mask: [UInt8],
      _ bias: [Double]
    ) -> [[Double]] {
      var y = [Double](repeating: 0, count: f.batch * f.queries * f.values)
      var (gq, gk, gv) = (q.map { _ in 0.0 }, k.map { _ in 0.0 }, v.map { _ in 0.0 })
      var gs = [Double](repeating: 0, count: f.batch * f.queries * f.keys)
      for b in 0..<f.batch {
        for i in 0..<f.queries {
          let row = b * f.queries + i
          let seen = (0..<f.keys).filter { j in
            (!f.isCausal || j <= i) && (!f.isMasked || mask[i * f.keys + j] != 0)
          }
          guard !seen.isEmpty else { continue }
          let scores = seen.map { j in
            (0..<f.width).reduce(f.isBiased ? bias[i * f.keys + j] : 0) {
              $0 + 0.5 * q[row * f.width + $1] * k[(b * f.keys + j) * f.width + $1]
            }
          }
          let largest = scores.max()!
          let e = scores.map { tapestry_exp($0 - largest) }
          let sum = e.reduce(0, +)
          var product = 0.0
          for (j, e) in zip(seen, e) {
            for c in 0..<f.values {
              y[row * f.values + c] += e / sum * v[(b * f.keys + j) * f.values + c]
            }
          }
          for c in 0..<f.values { product += g[row * f.values + c] * y[row * f.values + c] }
          for (j, e) in zip(seen, e) {
            let at = b * f.keys + j
            var gp = 0.0
            for c in 0..<f.values {
              gp += g[row * f.values + c] * v[at * f.values + c]
              gv[at * f.values + c] += e / sum * g[row * f.values + c]
            }
            let d = e / sum * (gp - product)
            gs[row * f.keys + j] = d
            for c in 0..<f.width {
              gq[row * f.width + c] += 0.5 * d * k[at * f.width + c]
              gk[at * f.width + c] += 0.5 * d * q[row * f.width + c]
            }
          }
        }
      }
      return [y, gq, gk, gv, gs]
    }

    @Test("attention_forward and backward agree with their definitions", arguments: forms)
    func attention(_ f: Form) {
      var numbers = TestNumbers(UInt64(f.queries + f.keys))
      let q = numbers.values(f.batch * f.queries * f.width).map { $0 * 4 }
      let k = numbers.values(f.batch * f.keys * f.width).map { $0 * 4 }
      let v = numbers.values(f.batch * f.keys * f.values)
      let g = numbers.values(f.batch * f.queries * f.values)
      let bias = numbers.values(f.queries * f.keys).map { $0 * 6 }
      // The second query has no key at all.
      let mask = (0..<f.queries * f.keys).map { place -> UInt8 in
        place / max(f.keys, 1) == 1 || numbers.chance(3) ? 0 : 1
      }
      let expected = Self.expected(f, q, k, v, g, mask, bias)
      let offsets = [Int64](repeating: 0, count: f.batch)
      for dtype in KernelRuns.dtypes {
        let (mq, mk, mv) = (
          GuardedMemory(dtype, q), GuardedMemory(dtype, k), GuardedMemory(dtype, v)
        )
        let (mg, mb) = (GuardedMemory(dtype, g), GuardedMemory(dtype, bias))
        let results = expected.map { GuardedMemory(dtype, $0.map { _ in 7 }) }
        let logarithms = GuardedMemory(dtype, [Double](repeating: 7, count: f.batch * f.queries))
        var bits: [[UInt8]] = []
        KernelRuns.forEach { variant, threads in
          offsets.withUnsafeBufferPointer { offsets in
            mask.withUnsafeBufferPointer { mask in
              var shape = tapestry_attention()
              (shape.batch, shape.queries) = (Int64(f.batch), Int64(f.queries))
              (shape.keys, shape.width) = (Int64(f.keys), Int64(f.width))
              shape.value_width = Int64(f.values)
              shape.scale = 0.5
              shape.causal = f.isCausal
              (shape.mask, shape.mask_offsets) = (
                f.isMasked ? mask.baseAddress : nil, offsets.baseAddress
              )
              (shape.bias, shape.bias_offsets) = (
                f.isBiased ? UnsafeRawPointer(mb.pointer) : nil, offsets.baseAddress
              )
              (shape.mask_row, shape.mask_column) = (Int64(f.keys), 1)
              (shape.bias_row, shape.bias_column) = (Int64(f.keys), 1)
              tapestry_attention_forward(
                dtype, &shape, mq.pointer, mk.pointer, mv.pointer, results[0].pointer,
                logarithms.pointer)
              tapestry_attention_backward(
                dtype, &shape, mq.pointer, mk.pointer, mv.pointer, results[0].pointer,
                logarithms.pointer, mg.pointer, results[1].pointer, results[2].pointer,
                results[3].pointer, results[4].pointer)
            }
          }
          let bound = dtype == KernelRuns.dtypes[0] ? 1e-5 : 1e-13
          for (place, (result, expected)) in zip(results, expected).enumerated() {
            #expect(result.guardsAreIntact, "\(variant), \(place)")
            #expect(result.error(against: expected, floor: 1) <= bound, "\(variant), \(place)")
          }
          #expect(logarithms.guardsAreIntact, "\(variant)")
          if threads == 1 { bits = results.map(\.contents) }
          #expect(bits == results.map(\.contents), "\(variant): \(threads) threads")
        }
      }
    }

    @Test("bag_maximum: the first largest row of each bag, and where it lies")
    func bags() {
      let width = 300
      var numbers = TestNumbers(3)
      var x = numbers.values(4 * width)
      for column in 0..<width where column % 7 == 0 { x[2 * width + column] = x[width + column] }
      let (rows, bags): ([Int64], [Int64]) = ([1, 2, 0, 3, 3], [0, 0, 2, 2, 2])
      var places = [Int64](repeating: 7, count: 3 * width)
      var expected = [Double](repeating: 0, count: 3 * width)
      for column in 0..<width {
        expected[column] = max(x[width + column], x[2 * width + column])
        expected[2 * width + column] = max(x[column], x[3 * width + column])
      }
      for dtype in KernelRuns.dtypes {
        let memory = GuardedMemory(dtype, x)
        KernelRuns.check(
          dtype, start: expected.map { _ in 0 }, expected: expected, tolerance: (0, 0), "bags"
        ) { y in
          tapestry_bag_maximum(
            dtype, 3, Int64(width), 5, rows, bags, memory.pointer, y, &places)
        }
        for column in 0..<width {
          let first = x[width + column] >= x[2 * width + column] ? 1 : 2
          #expect(places[column] == Int64(first * width + column))
          #expect(places[width + column] == -1)
        }
      }
    }
  }
}
