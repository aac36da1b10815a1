import CTapestryKernels
import Testing

extension KernelSuite {
  @Suite struct Elementwise {
    static let sizes = [
      0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 100, 1000, 65_535, 65_536, 70_001,
    ]

    /// Strides of a dense operand of `shape` broadcast to `sizes` (1 against n); a permuted one if `reversed`.
    static func strides(_ shape: [Int], reversed: Bool = false) -> [Int64] {
      var strides = [Int64](repeating: 0, count: shape.count)
      var step = 1
      let axes = reversed ? Array(shape.indices) : shape.indices.reversed()
      for axis in axes {
        strides[axis] = shape[axis] == 1 ? 0 : Int64(step)
        step *= shape[axis]
      }
      return strides
    }

    /// Calls `body` with the offsets of each index of a row-major walk.
    static func walk(_ sizes: [Int], _ strides: [[Int64]], _ body: (_ offsets: [Int]) -> Void) {
      let count = sizes.reduce(1, *)
      for position in 0..<count {
        var rest = position
        var offsets = [Int](repeating: 0, count: strides.count)
        for axis in sizes.indices.reversed() {
          let index = rest % sizes[axis]
          rest /= sizes[axis]
          for operand in strides.indices { offsets[operand] += index * Int(strides[operand][axis]) }
        }
        body(offsets)
      }
    }

    @Test("unary: any length, nothing beyond it, and in place")
    func lengths() {
      for dtype in KernelRuns.dtypes {
        for count in Self.sizes {
          var numbers = TestNumbers(UInt64(count))
          let x = numbers.values(count)
          for (function, exact) in [
            (TAPESTRY_SQUARE, { $0 * $0 }), (TAPESTRY_NEGATE, { -$0 }),
            (TAPESTRY_SIGMOID, { 1 / (1 + tapestry_exp(-$0)) }),
          ] as [(Int, (Double) -> Double)] {
            KernelRuns.check(
              dtype, start: x, expected: x.map(exact), tolerance: (1e-6, 1e-14),
              "\(function) \(count)"
            ) { tapestry_unary(Int32(function), dtype, Int64(count), $0, $0, 0, 0) }
          }
        }
      }
    }

    static let functions: [(Int, @Sendable (Double, Double) -> Double)] = [
      (TAPESTRY_ADD, { $0 + $1 }), (TAPESTRY_SUBTRACT, { $0 - $1 }),
      (TAPESTRY_MULTIPLY, { $0 * $1 }),
      (TAPESTRY_DIVIDE, { $0 / $1 }), (TAPESTRY_MAXIMUM, { max($0, $1) }),
      (TAPESTRY_MINIMUM, { min($0, $1) }), (TAPESTRY_POW, { tapestry_pow($0, $1) }),
      (TAPESTRY_TANH_GRADIENT, { $0 * (1 - $1 * $1) }),
      (TAPESTRY_SIGMOID_GRADIENT, { $0 * $1 * (1 - $1) }),
    ]

    /// Shapes of a and b; the result has their broadcast shape.
    static let shapes: [([Int], [Int])] = [
      ([], []), ([1], [1]), ([0], [0]), ([5], [1]), ([1], [5]), ([17], [17]), ([33], [1]),
      ([3, 1], [1, 5]),
      ([4, 7], [1, 7]), ([4, 7], [4, 1]), ([1, 33], [9, 33]), ([2, 3, 4, 5], [1, 3, 1, 1]),
      ([1, 3, 1, 1], [2, 3, 4, 5]), ([2, 1, 4, 1, 3], [2, 5, 1, 2, 3]),
      ([2, 2, 2, 2, 2, 2], [1, 2, 1, 2, 1, 2]),
      ([2, 3, 1, 1], [2, 3, 1, 1]), ([3, 0, 2], [3, 1, 2]), ([8, 20, 30, 20], [1, 20, 1, 1]),
      ([300, 301], [1, 301]), ([70_001], [70_001]), ([70_001], [1]), ([2, 1], [1, 40_000]),
      ([40_000, 1], [1, 3]),
    ]

    @Test("binary: every function and way of broadcasting agrees with its definition")
    func binary() {
      for (shapeA, shapeB) in Self.shapes {
        let sizes = zip(shapeA, shapeB).map { $0 == 1 ? $1 : $0 }
        let large = sizes.reduce(1, *) > 30_000
        for reversed in large ? [false] : [false, true] {
          var numbers = TestNumbers(11)
          let a = numbers.values(shapeA.reduce(1, *)).map { $0 + 0.6 }
          let b = numbers.values(shapeB.reduce(1, *)).map { $0 == 0 ? 0.25 : $0 }
          let strides = [Self.strides(shapeA, reversed: reversed), Self.strides(shapeB)]
          let wide = sizes.map(Int64.init)
          for (function, exact) in large ? Array(Self.functions.prefix(2)) : Self.functions {
            var expected: [Double] = []
            Self.walk(sizes, strides) { expected.append(exact(a[$0[0]], b[$0[1]])) }
            for dtype in KernelRuns.dtypes {
              let (ma, mb) = (GuardedMemory(dtype, a), GuardedMemory(dtype, b))
              KernelRuns.check(
                dtype, start: expected.map { _ in -3 }, expected: expected,
                tolerance: (1e-6, 1e-14),
                "function \(function) of \(shapeA) and \(shapeB)\(reversed ? " reversed" : "")"
              ) {
                tapestry_binary(
                  Int32(function), dtype, Int32(sizes.count), wide, strides[0], strides[1],
                  ma.pointer,
                  mb.pointer, $0)
              }
            }
          }
        }
      }
    }

    @Test("binary: NaN passes through maximum, minimum and relu")
    func nan() {
      let values: [Float] = [.nan, 1, .nan, -1, 0, 2, .nan, 3, 1, .nan, 1, 2, 3, 4, 5, 6, .nan]
      let other: [Float] = [1, .nan, .nan, 0, 0, 1, 2, .nan, 1, 1, 1, 1, 1, 1, 1, 1, 1]
      var size: Int64 = 17
      var one: Int64 = 1
      KernelRuns.forEach { variant, _ in
        for function in [TAPESTRY_MAXIMUM, TAPESTRY_MINIMUM] {
          var y = [Float](repeating: 0, count: 17)
          tapestry_binary(
            Int32(function), Int32(TAPESTRY_FLOAT32), 1, &size, &one, &one, values, other, &y)
          for i in 0..<17 {
            #expect(y[i].isNaN == (values[i].isNaN || other[i].isNaN), "\(variant) \(i)")
          }
        }
        var y = [Float](repeating: 0, count: 17)
        for function in [TAPESTRY_RELU, TAPESTRY_CLIP, TAPESTRY_LEAKY_RELU] {
          tapestry_unary(Int32(function), Int32(TAPESTRY_FLOAT32), 17, values, &y, 0, 2)
          for i in 0..<17 { #expect(y[i].isNaN == values[i].isNaN, "\(variant) \(i)") }
        }
      }
    }

    @Test("integers: arithmetic wraps, division truncates and by zero gives zero")
    func integers() {
      let a: [Int32] = [7, -7, .max, .min, .min, 5, 0, 12]
      let b: [Int32] = [2, 2, 1, -1, 1, 0, 0, -5]
      var size: Int64 = 8
      var one: Int64 = 1
      func compute(_ function: Int) -> [Int32] {
        var y = [Int32](repeating: 99, count: 8)
        tapestry_binary(Int32(function), Int32(TAPESTRY_INT32), 1, &size, &one, &one, a, b, &y)
        return y
      }
      #expect(compute(TAPESTRY_ADD) == zip(a, b).map { $0 &+ $1 })
      #expect(compute(TAPESTRY_SUBTRACT) == zip(a, b).map { $0 &- $1 })
      #expect(compute(TAPESTRY_MULTIPLY) == zip(a, b).map { $0 &* $1 })
      #expect(
        compute(TAPESTRY_DIVIDE)
          == zip(a, b).map { $1 == 0 ? 0 : $0.dividedReportingOverflow(by: $1).partialValue })
      #expect(compute(TAPESTRY_MAXIMUM) == zip(a, b).map { max($0, $1) })
      #expect(compute(TAPESTRY_MINIMUM) == zip(a, b).map { min($0, $1) })
      let x: [Int64] = [3, -3, 0, .max, .min, 100, -100]
      func unary(_ function: Int, _ alpha: Double = 0, _ beta: Double = 0) -> [Int64] {
        var y = [Int64](repeating: 99, count: 7)
        tapestry_unary(Int32(function), Int32(TAPESTRY_INT64), 7, x, &y, alpha, beta)
        return y
      }
      #expect(unary(TAPESTRY_NEGATE) == x.map { 0 &- $0 })
      #expect(unary(TAPESTRY_SQUARE) == x.map { $0 &* $0 })
      #expect(unary(TAPESTRY_ABS) == x.map { $0 < 0 ? 0 &- $0 : $0 })
      #expect(unary(TAPESTRY_SIGN) == x.map { $0.signum() })
      #expect(unary(TAPESTRY_RELU) == x.map { max($0, 0) })
      #expect(unary(TAPESTRY_AFFINE, 3, -2) == x.map { $0 &* 3 &- 2 })
      #expect(unary(TAPESTRY_CLIP, -5, 50) == x.map { min(max($0, -5), 50) })
      #expect(unary(TAPESTRY_CLIP, -.infinity, .infinity) == x)
    }

    @Test("compare and select: broadcast as arithmetic is, and NaN equals nothing")
    func comparison() {
      for (shapeA, shapeB) in Self.shapes {
        let sizes = zip(shapeA, shapeB).map { $0 == 1 ? $1 : $0 }
        var numbers = TestNumbers(3)
        var a = (0..<shapeA.reduce(1, *)).map { _ in Double(numbers.int(-2...2)) }
        let b = (0..<shapeB.reduce(1, *)).map { _ in Double(numbers.int(-2...2)) }
        if a.count > 3 { a[2] = .nan }
        let strides = [Self.strides(shapeA), Self.strides(shapeB)]
        let wide = sizes.map(Int64.init)
        let comparisons: [(Int, (Double, Double) -> Bool)] = [
          (TAPESTRY_EQUAL, { $0 == $1 }), (TAPESTRY_NOT_EQUAL, { $0 != $1 }),
          (TAPESTRY_LESS, { $0 < $1 }),
          (TAPESTRY_LESS_EQUAL, { $0 <= $1 }), (TAPESTRY_GREATER, { $0 > $1 }),
          (TAPESTRY_GREATER_EQUAL, { $0 >= $1 }),
        ]
        for dtype in KernelRuns.dtypes {
          let (ma, mb) = (GuardedMemory(dtype, a), GuardedMemory(dtype, b))
          for (comparison, exact) in comparisons {
            var expected: [UInt8] = []
            Self.walk(sizes, strides) { expected.append(exact(a[$0[0]], b[$0[1]]) ? 1 : 0) }
            var y = [UInt8](repeating: 7, count: expected.count + 1)
            tapestry_compare(
              Int32(comparison), dtype, Int32(sizes.count), wide, strides[0], strides[1],
              ma.pointer, mb.pointer, &y)
            #expect(y == expected + [7], "\(shapeA) \(shapeB) comparison \(comparison)")
          }
          let condition = b.map { UInt8($0 > 0 ? 1 : 0) }
          var expected: [Double] = []
          Self.walk(sizes, [strides[1]] + strides) {
            expected.append(condition[$0[0]] != 0 ? a[$0[1]] : b[$0[2]])
          }
          let y = GuardedMemory(dtype, expected.map { _ in 9 })
          tapestry_select(
            dtype, Int32(sizes.count), wide, strides[1], strides[0], strides[1], condition,
            ma.pointer, mb.pointer,
            y.pointer)
          #expect(y.guardsAreIntact)
          #expect(
            expected.indices.allSatisfy {
              y[$0] == expected[$0] || (y[$0].isNaN && expected[$0].isNaN)
            })
        }
      }
    }

    @Test("accumulate, fill, ramp: any length")
    func simple() {
      for dtype in KernelRuns.dtypes {
        for count in Self.sizes {
          var numbers = TestNumbers(4)
          let (x, y) = (numbers.values(count), numbers.values(count))
          let mx = GuardedMemory(dtype, x)
          KernelRuns.check(
            dtype, start: y, expected: zip(x, y).map { $0 + $1 }, tolerance: (1e-7, 0),
            "accumulate \(count)"
          ) { tapestry_accumulate(dtype, Int64(count), mx.pointer, $0) }
          KernelRuns.check(
            dtype, start: y, expected: y.map { _ in 1.5 }, tolerance: (0, 0), "fill \(count)"
          ) { tapestry_fill(dtype, Int64(count), 1.5, $0) }
          KernelRuns.check(
            dtype, start: y, expected: y.indices.map { 3 - 0.25 * Double($0) }, tolerance: (0, 0),
            "ramp \(count)"
          ) { tapestry_ramp(dtype, Int64(count), 3, -0.25, $0) }
        }
      }
      var flags = [UInt8](repeating: 9, count: 3)
      tapestry_fill(Int32(TAPESTRY_BOOL), 2, 5, &flags)
      #expect(flags == [1, 1, 9])
      var whole = [Int32](repeating: 9, count: 5)
      tapestry_ramp(Int32(TAPESTRY_INT32), 4, -2, 3, &whole)
      #expect(whole == [-2, 1, 4, 7, 9])
    }

    @Test("convert: rounds, truncates, saturates; NaN becomes 0")
    func convert() {
      let x: [Double] = [
        0, -0.0, 1.9, -1.9, .nan, .infinity, -.infinity, 3e9, -3e9, 1e19, -1e19, 0.1,
      ]
      let count = Int64(x.count)
      let from = Int32(TAPESTRY_FLOAT64)
      var floats = [Float](repeating: 0, count: x.count)
      tapestry_convert(from, Int32(TAPESTRY_FLOAT32), count, x, &floats)
      #expect(zip(x, floats).allSatisfy { Float($0) == $1 || ($0.isNaN && $1.isNaN) })
      var narrow = [Int32](repeating: 0, count: x.count)
      tapestry_convert(from, Int32(TAPESTRY_INT32), count, x, &narrow)
      #expect(narrow == [0, 0, 1, -1, 0, .max, .min, .max, .min, .max, .min, 0])
      var wide = [Int64](repeating: 0, count: x.count)
      tapestry_convert(from, Int32(TAPESTRY_INT64), count, x, &wide)
      #expect(wide == [0, 0, 1, -1, 0, .max, .min, 3_000_000_000, -3_000_000_000, .max, .min, 0])
      var flags = [UInt8](repeating: 0, count: x.count)
      tapestry_convert(from, Int32(TAPESTRY_BOOL), count, x, &flags)
      #expect(flags == [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
      var back = [Double](repeating: 9, count: x.count)
      tapestry_convert(Int32(TAPESTRY_INT64), from, count, wide, &back)
      #expect(back == wide.map(Double.init))
    }

    @Test("firstNonfinite: finds the first NaN or infinity wherever it lies")
    func nonfinite() {
      for dtype in KernelRuns.dtypes {
        for count in [0, 1, 5, 64, 255, 256, 257, 1000] {
          for place in stride(from: 0, to: count, by: max(1, count / 23)) {
            var x = [Double](repeating: 3e38, count: count)
            x[place] = place % 2 == 0 ? .nan : -.infinity
            x[count - 1] = place == count - 1 ? x[place] : .infinity
            let memory = GuardedMemory(dtype, x)
            KernelRuns.forEach { variant, _ in
              #expect(
                tapestry_first_nonfinite(dtype, Int64(count), memory.pointer) == Int64(place),
                "\(variant) \(count)")
            }
          }
          let memory = GuardedMemory(dtype, [Double](repeating: -3e38, count: count))
          #expect(tapestry_first_nonfinite(dtype, Int64(count), memory.pointer) == -1)
        }
      }
    }
  }
}
