import CTapestryKernels
import Testing

extension KernelSuite {
  @Suite struct Reduction {
    static let shapes = [
      (1, 1, 1), (1, 0, 1), (2, 0, 3), (0, 3, 2), (1, 15, 1), (3, 16, 1), (2, 17, 1), (5, 33, 1),
      (1, 1000, 1),
      (1, 1025, 1), (2, 5000, 1), (1, 70_001, 1), (3, 33_000, 1), (300, 301, 1), (1, 7, 3),
      (2, 9, 16), (3, 5, 17),
      (2, 300, 33), (1, 3, 600), (4, 6, 1100), (1, 3000, 10), (1, 20_000, 5), (64, 36, 49),
      (2, 1030, 40),
    ]

    @Test("reduce: sums, squares, largest and smallest agree with their definitions")
    func reduce() {
      for (outer, reduced, inner) in Self.shapes {
        var numbers = TestNumbers(UInt64(outer + reduced + inner))
        let x = numbers.values(outer * reduced * inner)
        for reduction in [TAPESTRY_SUM, TAPESTRY_SUM_OF_SQUARES, TAPESTRY_MAX, TAPESTRY_MIN] {
          let extreme = reduction == TAPESTRY_MAX || reduction == TAPESTRY_MIN
          if extreme && reduced == 0 { continue }
          var expected: [Double] = []
          for o in 0..<outer {
            for i in 0..<inner {
              let column = (0..<reduced).map { x[(o * reduced + $0) * inner + i] }
              switch reduction {
              case TAPESTRY_SUM: expected.append(column.reduce(0, +))
              case TAPESTRY_MAX: expected.append(column.max()!)
              case TAPESTRY_MIN: expected.append(column.min()!)
              default: expected.append(column.reduce(0) { $0 + $1 * $1 })
              }
            }
          }
          for dtype in KernelRuns.dtypes {
            let memory = GuardedMemory(dtype, x)
            KernelRuns.check(
              dtype, start: expected.map { _ in 9 }, expected: expected,
              tolerance: extreme ? (0, 0) : (2e-6, 1e-12),
              "reduction \(reduction) of \(outer) \(reduced) \(inner)"
            ) {
              tapestry_reduce(
                Int32(reduction), dtype, Int64(outer), Int64(reduced), Int64(inner), memory.pointer,
                $0)
            }
          }
        }
      }
    }

    @Test("reduce: a long float32 sum stays accurate")
    func accuracy() {
      let count = 3_000_000
      let x = [Float](repeating: 0.1, count: count)
      KernelRuns.forEach { variant, _ in
        for (reduced, inner) in [(count, 1), (count / 4, 4)] {
          var y = [Float](repeating: 0, count: inner)
          tapestry_reduce(
            Int32(TAPESTRY_SUM), Int32(TAPESTRY_FLOAT32), 1, Int64(reduced), Int64(inner), x, &y)
          let exact = Double(Float(0.1)) * Double(reduced)
          for value in y {
            #expect(abs(Double(value) - exact) < exact * 1e-6, "\(variant) \(inner)")
          }
        }
      }
    }

    @Test("reduce and argmax: NaN is found wherever it lies, and the first of equals wins")
    func nan() {
      for (outer, reduced, inner) in [(1, 40, 1), (2, 70, 1), (1, 9, 20), (1, 40_000, 1)] {
        for place in [0, reduced / 2, reduced - 1] {
          var x = [Float](repeating: 2, count: outer * reduced * inner)
          x[place * inner] = .nan
          KernelRuns.forEach { variant, _ in
            for reduction in [TAPESTRY_MAX, TAPESTRY_MIN, TAPESTRY_SUM] {
              var y = [Float](repeating: 0, count: outer * inner)
              tapestry_reduce(
                Int32(reduction), Int32(TAPESTRY_FLOAT32), Int64(outer), Int64(reduced),
                Int64(inner), x, &y)
              #expect(y[0].isNaN, "\(variant)")
              #expect(y.dropFirst().allSatisfy { !$0.isNaN }, "\(variant)")
            }
            var at = [Int64](repeating: 9, count: outer * inner)
            tapestry_argmax(
              Int32(TAPESTRY_FLOAT32), Int64(outer), Int64(reduced), Int64(inner), x, &at)
            #expect(at[0] == Int64(place))
            #expect(at.dropFirst().allSatisfy { $0 == 0 })
          }
        }
      }
    }

    @Test("argmax: agrees with its definition")
    func argmax() {
      for (outer, reduced, inner) in Self.shapes where reduced > 0 {
        var numbers = TestNumbers(UInt64(outer + reduced + inner))
        let x = (0..<outer * reduced * inner).map { _ in Double(numbers.int(0...50)) }
        var expected: [Int64] = []
        for o in 0..<outer {
          for i in 0..<inner {
            let column = (0..<reduced).map { x[(o * reduced + $0) * inner + i] }
            expected.append(Int64(column.firstIndex(of: column.max()!)!))
          }
        }
        var y = [Int64](repeating: 9, count: expected.count)
        tapestry_argmax(Int32(TAPESTRY_FLOAT64), Int64(outer), Int64(reduced), Int64(inner), x, &y)
        #expect(y == expected)
        tapestry_argmax(
          Int32(TAPESTRY_INT32), Int64(outer), Int64(reduced), Int64(inner), x.map { Int32($0) }, &y
        )
        #expect(y == expected)
      }
    }

    @Test("reduce: integers wrap")
    func integers() {
      let x: [Int32] = [.max, 1, 5, -3, .min, -1]
      var y = [Int32](repeating: 0, count: 3)
      tapestry_reduce(Int32(TAPESTRY_SUM), Int32(TAPESTRY_INT32), 1, 2, 3, x, &y)
      #expect(y == [Int32.max - 3, Int32.min + 1, 4])
      tapestry_reduce(Int32(TAPESTRY_MAX), Int32(TAPESTRY_INT32), 1, 2, 3, x, &y)
      #expect(y == [.max, 1, 5])
      var z = [Int32](repeating: 0, count: 2)
      tapestry_reduce(Int32(TAPESTRY_MIN), Int32(TAPESTRY_INT32), 2, 3, 1, x, &z)
      #expect(z == [1, .min])
      tapestry_reduce(Int32(TAPESTRY_SUM_OF_SQUARES), Int32(TAPESTRY_INT32), 2, 3, 1, x, &z)
      #expect(z == [27, 10])  // the square of the largest wraps to 1, that of the smallest to 0
    }

    @Test("dot and sum of squares: double precision, the same bits on any number of threads")
    func dot() {
      for count in [0, 1, 15, 33, 1000, 1025, 16_384, 70_001, 200_003] {
        var numbers = TestNumbers(UInt64(count))
        let (x, y) = (numbers.values(count), numbers.values(count))
        let exact = zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
        let squares = x.reduce(0) { $0 + $1 * $1 }
        for dtype in KernelRuns.dtypes {
          let (mx, my) = (GuardedMemory(dtype, x), GuardedMemory(dtype, y))
          var seen: [String: [Double]] = [:]
          KernelRuns.forEach { variant, threads in
            let values = [
              tapestry_dot(dtype, Int64(count), mx.pointer, my.pointer),
              tapestry_sum_of_squares(dtype, Int64(count), mx.pointer),
            ]
            #expect(abs(values[0] - exact) <= 1e-12 * max(1, squares), "\(variant) \(count)")
            #expect(abs(values[1] - squares) <= 1e-12 * max(1, squares), "\(variant) \(count)")
            #expect(seen[variant] == nil || seen[variant] == values, "\(variant) \(threads)")
            seen[variant] = values
          }
        }
      }
    }
  }
}
