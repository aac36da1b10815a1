import CTapestryKernels
import Testing

extension KernelSuite {
  @Suite struct Softmax {
    static let shapes = [
      (1, 1, 1), (3, 10, 1), (5, 15, 1), (2, 16, 1), (2, 17, 1), (1, 33, 1), (2, 3000, 1),
      (0, 4, 1), (40, 1000, 1),
      (2, 3, 5), (2, 21, 16), (3, 4, 17), (1, 150, 33), (2, 5, 100), (3, 30, 400),
    ]

    /// Softmax, its logarithm and the sum-free pieces of a column, in double.
    private static func column(_ x: [Double]) -> (softmax: [Double], logarithm: [Double]) {
      let m = x.max()!
      let e = x.map { tapestry_exp($0 - m) }
      let sum = e.reduce(0, +)
      return (e.map { $0 / sum }, x.map { ($0 - m) - tapestry_log(sum) })
    }

    /// Replaces each column of [outer, classes, inner] by what `body` makes of it.
    private static func columns(
      _ shape: (Int, Int, Int), _ x: [Double],
      _ body: (_ column: [Double], _ position: Int) -> [Double]
    ) -> [Double] {
      let (outer, classes, inner) = shape
      var y = x
      for o in 0..<outer {
        for i in 0..<inner {
          let values = body((0..<classes).map { x[(o * classes + $0) * inner + i] }, o * inner + i)
          for c in 0..<classes { y[(o * classes + c) * inner + i] = values[c] }
        }
      }
      return y
    }

    @Test("softmax: values and gradients agree with their definitions")
    func softmax() {
      for shape in Self.shapes {
        let (outer, classes, inner) = (Int64(shape.0), Int64(shape.1), Int64(shape.2))
        var numbers = TestNumbers(UInt64(shape.0 + shape.1 + shape.2))
        let x = numbers.values(shape.0 * shape.1 * shape.2).map { $0 * 20 }
        let g = numbers.values(x.count)
        for logarithm in [false, true] {
          let expected = Self.columns(shape, x) { column, _ in
            logarithm ? Self.column(column).logarithm : Self.column(column).softmax
          }
          var gradient = expected
          for o in 0..<shape.0 {
            for i in 0..<shape.2 {
              let at = (0..<shape.1).map { (o * shape.1 + $0) * shape.2 + i }
              let sum = at.reduce(0) { $0 + (logarithm ? g[$1] : g[$1] * expected[$1]) }
              for k in at {
                gradient[k] =
                  logarithm ? g[k] - tapestry_exp(expected[k]) * sum : expected[k] * (g[k] - sum)
              }
            }
          }
          for dtype in KernelRuns.dtypes {
            let label = "\(shape) logarithm \(logarithm)"
            KernelRuns.check(dtype, start: x, expected: expected, tolerance: (1e-6, 1e-14), label) {
              tapestry_softmax(dtype, logarithm, outer, classes, inner, $0, $0)
            }
            let (mg, my) = (GuardedMemory(dtype, g), GuardedMemory(dtype, expected))
            KernelRuns.check(dtype, start: x, expected: gradient, tolerance: (3e-6, 1e-13), label) {
              tapestry_softmax_gradient(
                dtype, logarithm, outer, classes, inner, mg.pointer, my.pointer, $0)
            }
          }
        }
      }
    }

    @Test("cross-entropy: losses, probabilities and gradients, ignored labels too")
    func crossEntropy() {
      for shape in Self.shapes {
        let (outer, classes, inner) = (Int64(shape.0), Int64(shape.1), Int64(shape.2))
        var numbers = TestNumbers(UInt64(shape.0 + 3 * shape.1 + shape.2))
        let x = numbers.values(shape.0 * shape.1 * shape.2).map { $0 * 20 }
        let labels = (0..<shape.0 * shape.2).map { _ in
          numbers.chance(5)
            ? (numbers.chance(2) ? -100 : classes) : Int64(numbers.int(0...(shape.1 - 1)))
        }
        let scales = numbers.values(labels.count)
        let counted = labels.map { (0..<classes).contains($0) }
        var losses = labels.map { _ in 0.0 }
        let probabilities = Self.columns(shape, x) { column, position in
          let (softmax, logarithm) = Self.column(column)
          losses[position] = counted[position] ? -logarithm[Int(labels[position])] : 0
          return softmax
        }
        let gradient = Self.columns(shape, x) { column, position in
          Self.column(column).softmax.enumerated().map { index, p in
            counted[position] ? scales[position] * (p - (index == labels[position] ? 1 : 0)) : 0
          }
        }
        for dtype in KernelRuns.dtypes {
          let (mx, ms) = (GuardedMemory(dtype, x), GuardedMemory(dtype, scales))
          let other = GuardedMemory(dtype, x)
          KernelRuns.check(
            dtype, start: losses, expected: losses, tolerance: (1e-6, 1e-14), "loss \(shape)"
          ) {
            tapestry_cross_entropy(dtype, outer, classes, inner, mx.pointer, labels, $0, nil)
          }
          KernelRuns.check(
            dtype, start: losses, expected: losses, tolerance: (1e-6, 1e-14), "loss \(shape)"
          ) {
            tapestry_cross_entropy(
              dtype, outer, classes, inner, mx.pointer, labels, $0, other.pointer)
          }
          #expect(other.guardsAreIntact)
          #expect(
            other.error(against: probabilities, floor: 1)
              < (dtype == KernelRuns.dtypes[0] ? 1e-6 : 1e-14))
          KernelRuns.check(
            dtype, start: x, expected: gradient, tolerance: (1e-6, 1e-14), "gradient \(shape)"
          ) {
            tapestry_cross_entropy_gradient(
              dtype, outer, classes, inner, mx.pointer, labels, ms.pointer, $0)
          }
        }
      }
    }

    @Test(
      "softmax: huge logits stay finite; -infinity gives 0, a column of it NaN; NaN stays in its column"
    )
    func extremes() {
      let n = 20
      for inner in [1, 3] {
        var columns = [[Double]](repeating: [Double](repeating: 0, count: n), count: 3)
        columns[0][3] = 1e30
        columns[0][4] = -.infinity
        columns[1] = [Double](repeating: -.infinity, count: n)
        columns[2][7] = .nan
        let outer = 3 / inner
        // inner 1: three rows; inner 3: three columns of one.
        let x = (0..<3 * n).map { inner == 1 ? columns[$0 / n][$0 % n] : columns[$0 % 3][$0 / 3] }
        KernelRuns.forEach { variant, _ in
          for logarithm in [false, true] {
            for dtype in KernelRuns.dtypes {
              let memory = GuardedMemory(dtype, x)
              tapestry_softmax(
                dtype, logarithm, Int64(outer), Int64(n), Int64(inner), memory.pointer,
                memory.pointer)
              func value(_ column: Int, _ c: Int) -> Double {
                memory[inner == 1 ? column * n + c : c * 3 + column]
              }
              #expect(value(0, 3) == (logarithm ? 0 : 1), "\(variant)")
              #expect(value(0, 4) == (logarithm ? -.infinity : 0), "\(variant)")
              #expect((0..<n).allSatisfy { !value(0, $0).isNaN }, "\(variant)")
              #expect((0..<n).allSatisfy { value(1, $0).isNaN && value(2, $0).isNaN }, "\(variant)")
            }
          }
        }
      }
    }
  }
}
