import CTapestryKernels
import Testing

struct CopyCase: CustomTestStringConvertible, Sendable {
  var sizes: [Int]
  var target: [Int]
  var source: [Int]
  /// Where index 0 lies.
  var targetStart = 0
  var sourceStart = 0
  var testDescription: String { "sizes \(sizes) target \(target) source \(source)" }

  static let all: [CopyCase] = [
    CopyCase(sizes: [], target: [], source: []),
    CopyCase(sizes: [7], target: [1], source: [1]),
    CopyCase(sizes: [7], target: [1], source: [0]),
    CopyCase(sizes: [7], target: [1], source: [-1], sourceStart: 6),
    CopyCase(sizes: [7], target: [3], source: [2]),
    CopyCase(sizes: [3, 0, 4], target: [4, 4, 1], source: [4, 4, 1]),
    CopyCase(sizes: [5, 6], target: [6, 1], source: [1, 5]),
    CopyCase(sizes: [33, 17], target: [17, 1], source: [1, 33]),
    CopyCase(sizes: [16, 16], target: [16, 1], source: [1, 16]),
    CopyCase(sizes: [16, 16], target: [1, 16], source: [16, 1]),
    CopyCase(sizes: [300, 310], target: [310, 1], source: [1, 300]),
    CopyCase(sizes: [2, 3, 4], target: [12, 4, 1], source: [4, 8, 1]),
    CopyCase(sizes: [5, 40, 37], target: [1480, 37, 1], source: [1480, 1, 40]),
    CopyCase(sizes: [2, 33, 4, 18], target: [2376, 72, 18, 1], source: [2376, 1, 594, 33]),
    CopyCase(sizes: [3, 5, 7], target: [60, 10, 1], source: [35, 7, 1], targetStart: 12),
    CopyCase(sizes: [3, 4], target: [4, 1], source: [0, 1]),
    CopyCase(sizes: [3, 4], target: [4, 1], source: [1, 0]),
    CopyCase(sizes: [4, 5], target: [5, 1], source: [-5, -1], sourceStart: 19),
    CopyCase(sizes: [4, 5], target: [-5, 1], source: [5, 1], targetStart: 15),
    CopyCase(
      sizes: [2, 2, 2, 2, 2, 2, 2, 2], target: [128, 64, 32, 16, 8, 4, 2, 1],
      source: [1, 2, 4, 8, 16, 32, 64, 128]),
    CopyCase(sizes: [70_001], target: [1], source: [1]),
    CopyCase(sizes: [70_001], target: [1], source: [0]),
    CopyCase(sizes: [4, 30, 30, 20], target: [18_000, 600, 20, 1], source: [18_000, 20, 600, 1]),
    CopyCase(sizes: [30_000, 3], target: [3, 1], source: [1, 30_000]),
  ]
}

extension KernelSuite {
  @Suite struct Copy {
    @Test("copy: strides of any kind, all elements, nothing else", arguments: CopyCase.all)
    func strided(_ one: CopyCase) {
      func extent(_ strides: [Int], _ start: Int) -> Int {
        start + 1 + zip(one.sizes, strides).reduce(0) { $0 + max(0, ($1.0 - 1) * $1.1) }
      }
      var numbers = TestNumbers(9)
      let source = numbers.values(extent(one.source, one.sourceStart))
      let start = numbers.values(extent(one.target, one.targetStart))
      var copied = start
      let strides = [one.target.map(Int64.init), one.source.map(Int64.init)]
      Elementwise.walk(one.sizes, strides) {
        copied[one.targetStart + $0[0]] = source[one.sourceStart + $0[1]]
      }
      let sizes = one.sizes.map(Int64.init)
      for dtype in KernelRuns.dtypes {
        let memory = GuardedMemory(dtype, source)
        let from = memory.pointer + one.sourceStart * memory.size
        KernelRuns.check(dtype, start: start, expected: copied, tolerance: (0, 0), "copy") {
          tapestry_strided_copy(
            Int32(memory.size), Int32(sizes.count), sizes, strides[0],
            $0 + one.targetStart * memory.size,
            strides[1], from)
        }
      }
      // Bytes.
      let bytes = source.indices.map { UInt8(truncatingIfNeeded: $0 &* 37) }
      var target = [UInt8](repeating: 200, count: start.count)
      var expected = target
      Elementwise.walk(one.sizes, strides) {
        expected[one.targetStart + $0[0]] = bytes[one.sourceStart + $0[1]]
      }
      bytes.withUnsafeBufferPointer { from in
        target.withUnsafeMutableBufferPointer { to in
          tapestry_strided_copy(
            1, Int32(sizes.count), sizes, strides[0], to.baseAddress! + one.targetStart, strides[1],
            from.baseAddress! + one.sourceStart)
        }
      }
      #expect(target == expected)
    }

    @Test("gather and scatter: rows by index, repeated ones too")
    func gather() {
      for (outer, rows, inner, count) in [
        (1, 5, 1, 7), (2, 4, 3, 6), (3, 10, 17, 4), (1, 3, 2, 0), (2, 50, 40, 300),
        (1, 20, 3000, 30), (500, 7, 3, 20),
      ] {
        var numbers = TestNumbers(UInt64(inner))
        let indices = (0..<count).map { _ in Int64(numbers.int(0...(rows - 1))) }
        let x = numbers.values(outer * rows * inner)
        let g = numbers.values(outer * count * inner)
        var gathered = [Double](repeating: 0, count: outer * count * inner)
        var scattered = [Double](repeating: 0, count: outer * rows * inner)
        for o in 0..<outer {
          for j in 0..<count {
            for i in 0..<inner {
              let at = (o * rows + Int(indices[j])) * inner + i
              gathered[(o * count + j) * inner + i] = x[at]
              scattered[at] += g[(o * count + j) * inner + i]
            }
          }
        }
        for dtype in KernelRuns.dtypes {
          let (mx, mg) = (GuardedMemory(dtype, x), GuardedMemory(dtype, g))
          let label = "\(outer) \(rows) \(inner) \(count)"
          KernelRuns.check(
            dtype, start: gathered.map { _ in 9 }, expected: gathered, tolerance: (0, 0), label
          ) {
            tapestry_gather(
              Int32(mx.size), Int64(outer), Int64(rows), Int64(inner), Int64(count), indices,
              mx.pointer, $0)
          }
          KernelRuns.check(
            dtype, start: scattered.map { _ in 9 }, expected: scattered, tolerance: (1e-6, 1e-15),
            label
          ) {
            tapestry_scatter_add(
              dtype, Int64(outer), Int64(rows), Int64(inner), Int64(count), indices, mg.pointer, $0)
          }
        }
      }
    }
  }
}
