import CTapestryKernels
import Testing

struct PoolCase: CustomTestStringConvertible, Sendable {
  var planes = 2
  var image: (Int, Int)
  var kernel: (Int, Int)
  var stride: (Int, Int)
  var before = (0, 0)
  var after = (0, 0)
  var dilation = (1, 1)
  var ceiling = false

  var output: (Int, Int) {
    func size(
      _ image: Int, _ kernel: Int, _ stride: Int, _ before: Int, _ after: Int, _ dilation: Int
    ) -> Int {
      let room = image + before + after - dilation * (kernel - 1) - 1
      var count = (ceiling ? (room + stride - 1) / stride : room / stride) + 1
      if ceiling && (count - 1) * stride >= image + before { count -= 1 }
      return count
    }
    return (
      size(image.0, kernel.0, stride.0, before.0, after.0, dilation.0),
      size(image.1, kernel.1, stride.1, before.1, after.1, dilation.1)
    )
  }

  var shape: tapestry_pooling {
    tapestry_pooling(
      planes: Int64(planes), height: Int64(image.0), width: Int64(image.1),
      output_height: Int64(output.0),
      output_width: Int64(output.1), kernel_height: Int64(kernel.0), kernel_width: Int64(kernel.1),
      stride_height: Int64(stride.0), stride_width: Int64(stride.1), top: Int64(before.0),
      left: Int64(before.1),
      bottom: Int64(after.0), right: Int64(after.1), dilation_height: Int64(dilation.0),
      dilation_width: Int64(dilation.1))
  }

  var testDescription: String {
    "\(planes) x \(image) by \(kernel) / \(stride) padding \(before) \(after) dilation \(dilation)\(ceiling ? " ceil" : "")"
  }

  /// The pixels of window (i, j) that lie in the image, in scan order, and how many lie in the image or its padding.
  func window(_ i: Int, _ j: Int) -> (pixels: [Int], padded: Int) {
    var pixels: [Int] = []
    var padded = 0
    for a in 0..<kernel.0 {
      for b in 0..<kernel.1 {
        let row = i * stride.0 - before.0 + a * dilation.0
        let column = j * stride.1 - before.1 + b * dilation.1
        if row < image.0 + after.0 && column < image.1 + after.1 { padded += 1 }
        if row >= 0 && row < image.0 && column >= 0 && column < image.1 {
          pixels.append(row * image.1 + column)
        }
      }
    }
    return (pixels, padded)
  }

  static let all: [PoolCase] = [
    PoolCase(image: (2, 2), kernel: (2, 2), stride: (2, 2)),
    PoolCase(planes: 3, image: (28, 28), kernel: (2, 2), stride: (2, 2)),
    PoolCase(image: (9, 35), kernel: (2, 2), stride: (2, 2)),
    PoolCase(image: (9, 35), kernel: (2, 2), stride: (2, 2), ceiling: true),
    PoolCase(image: (9, 67), kernel: (2, 2), stride: (2, 2), before: (1, 1), after: (1, 1)),
    PoolCase(image: (13, 13), kernel: (3, 3), stride: (2, 2)),
    PoolCase(image: (55, 55), kernel: (3, 3), stride: (2, 2)),
    PoolCase(image: (14, 14), kernel: (3, 3), stride: (1, 1), before: (1, 1), after: (1, 1)),
    PoolCase(image: (9, 8), kernel: (3, 3), stride: (1, 1), before: (1, 1), after: (1, 1)),
    PoolCase(image: (3, 4), kernel: (3, 3), stride: (1, 1), before: (0, 1), after: (1, 1)),
    PoolCase(image: (4, 15), kernel: (3, 3), stride: (1, 1), before: (2, 1), after: (2, 2)),
    PoolCase(image: (1, 2), kernel: (3, 3), stride: (1, 1), before: (1, 1), after: (1, 1)),
    PoolCase(image: (28, 28), kernel: (3, 3), stride: (2, 2), ceiling: true),
    PoolCase(image: (6, 15), kernel: (3, 3), stride: (2, 2), before: (1, 1), after: (1, 1)),
    PoolCase(image: (5, 4), kernel: (3, 3), stride: (2, 2), before: (2, 1), after: (1, 0)),
    PoolCase(image: (7, 3), kernel: (3, 3), stride: (2, 2), before: (0, 1), after: (2, 2)),
    PoolCase(image: (15, 17), kernel: (3, 3), stride: (2, 2), before: (1, 1), after: (1, 1)),
    PoolCase(
      image: (15, 16), kernel: (3, 3), stride: (2, 2), before: (0, 0), after: (1, 1), ceiling: true),
    PoolCase(image: (7, 9), kernel: (3, 2), stride: (3, 1), before: (1, 0), after: (0, 1)),
    PoolCase(
      image: (12, 19), kernel: (3, 3), stride: (1, 3), before: (2, 2), after: (2, 2),
      dilation: (2, 2)),
    PoolCase(image: (5, 6), kernel: (5, 6), stride: (1, 1)),
    PoolCase(image: (1, 1), kernel: (1, 1), stride: (1, 1)),
    PoolCase(image: (6, 5), kernel: (1, 1), stride: (2, 3)),
    PoolCase(image: (2, 3), kernel: (3, 5), stride: (1, 1), before: (1, 2), after: (1, 2)),
    PoolCase(planes: 50, image: (40, 41), kernel: (2, 2), stride: (2, 2)),
    PoolCase(planes: 30, image: (40, 41), kernel: (3, 3), stride: (2, 2)),
    PoolCase(planes: 0, image: (4, 4), kernel: (2, 2), stride: (2, 2)),
  ]
}

extension KernelSuite {
  @Suite struct Pooling {
    @Test(
      "max pool: largest, first of equals, NaN first; gradient and gather by index",
      arguments: PoolCase.all)
    func largest(_ one: PoolCase) {
      let pixels = one.image.0 * one.image.1
      let outputs = one.output.0 * one.output.1
      var numbers = TestNumbers(21)
      var x = (0..<one.planes * pixels).map { _ in Double(numbers.int(-3...3)) }
      for k in x.indices where numbers.chance(40) { x[k] = .nan }
      for k in x.indices where numbers.chance(30) { x[k] = -.infinity }
      var values: [Double] = []
      var indices: [Int32] = []
      for plane in 0..<one.planes {
        for i in 0..<one.output.0 {
          for j in 0..<one.output.1 {
            var best = -1
            for pixel in one.window(i, j).pixels {
              let v = x[plane * pixels + pixel]
              let b = best < 0 ? 0 : x[plane * pixels + best]
              if best < 0 || v > b || (v.isNaN && !b.isNaN) { best = pixel }
            }
            values.append(x[plane * pixels + best])
            indices.append(Int32(best))
          }
        }
      }
      var shape = one.shape
      for dtype in KernelRuns.dtypes {
        let mx = GuardedMemory(dtype, x)
        KernelRuns.forEach { variant, threads in
          for withIndices in [false, true] {
            let y = GuardedMemory(dtype, values.map { _ in 9 })
            var found = [Int32](repeating: -7, count: values.count + 1)
            found.withUnsafeMutableBufferPointer {
              tapestry_max_pool(
                dtype, &shape, mx.pointer, y.pointer, withIndices ? $0.baseAddress : nil)
            }
            #expect(y.guardsAreIntact && found.last == -7)
            #expect(
              values.indices.allSatisfy {
                y[$0] == values[$0] || (y[$0].isNaN && values[$0].isNaN)
              },
              "\(variant), \(threads) threads")
            if withIndices {
              #expect(Array(found.dropLast()) == indices, "\(variant), \(threads) threads")
            }
          }
        }
        let g = numbers.values(values.count)
        var scattered = [Double](repeating: 0, count: x.count)
        for k in g.indices { scattered[k / outputs * pixels + Int(indices[k])] += g[k] }
        let mg = GuardedMemory(dtype, g)
        KernelRuns.check(dtype, start: x, expected: scattered, tolerance: (1e-6, 1e-15), "scatter")
        {
          tapestry_plane_scatter(
            dtype, Int64(one.planes), Int64(outputs), Int64(pixels), mg.pointer, indices, $0)
        }
        let ms = GuardedMemory(dtype, scattered)
        let gathered = g.indices.map { ms[$0 / outputs * pixels + Int(indices[$0])] }
        KernelRuns.check(dtype, start: g, expected: gathered, tolerance: (0, 0), "gather") {
          tapestry_plane_gather(
            dtype, Int64(one.planes), Int64(outputs), Int64(pixels), ms.pointer, indices, $0)
        }
      }
    }

    @Test(
      "max pool with winners numbered in their windows: those of the flat places, spread and gather",
      arguments: PoolCase.all)
    func numbered(_ one: PoolCase) {
      let pixels = one.image.0 * one.image.1
      let outputs = one.output.0 * one.output.1
      let count = one.planes * outputs
      var source = TestNumbers(23)
      var x = (0..<one.planes * pixels).map { _ in Double(source.int(-3...3)) }
      for k in x.indices where source.chance(40) { x[k] = .nan }
      for k in x.indices where source.chance(3) { x[k] = -.infinity }
      let g = source.values(count)
      var shape = one.shape
      for dtype in KernelRuns.dtypes {
        let mx = GuardedMemory(dtype, x)
        let known = GuardedMemory(dtype, [Double](repeating: 9, count: count))
        var places = [Int32](repeating: -7, count: count)
        tapestry_max_pool(dtype, &shape, mx.pointer, known.pointer, &places)
        var winners: [UInt8] = []
        KernelRuns.forEach { variant, threads in
          let y = GuardedMemory(dtype, [Double](repeating: 9, count: count))
          var numbers = [UInt8](repeating: 201, count: count + 1)
          tapestry_max_pool_numbered(dtype, &shape, mx.pointer, y.pointer, &numbers)
          let label = "\(variant), \(threads) threads"
          #expect(
            y.guardsAreIntact && numbers.last == 201 && y.contents == known.contents, "\(label)")
          winners = Array(numbers.dropLast())
          let found = winners.enumerated().map { k, number in
            let (a, b) = (Int(number) / one.kernel.1, Int(number) % one.kernel.1)
            let (i, j) = (k % outputs / one.output.1, k % outputs % one.output.1)
            let row = i * one.stride.0 - one.before.0 + a * one.dilation.0
            return Int32(row * one.image.1 + j * one.stride.1 - one.before.1 + b * one.dilation.1)
          }
          #expect(found == places, "\(label)")
        }
        var spread = [Double](repeating: 0, count: x.count)
        for k in g.indices { spread[k / outputs * pixels + Int(places[k])] += g[k] }
        let mg = GuardedMemory(dtype, g)
        KernelRuns.check(dtype, start: x, expected: spread, tolerance: (1e-6, 1e-15), "spread") {
          tapestry_max_pool_spread(dtype, &shape, mg.pointer, winners, $0)
        }
        let ms = GuardedMemory(dtype, spread)
        let gathered = g.indices.map { ms[$0 / outputs * pixels + Int(places[$0])] }
        KernelRuns.check(dtype, start: g, expected: gathered, tolerance: (0, 0), "gather") {
          tapestry_max_pool_gather(dtype, &shape, ms.pointer, winners, $0)
        }
      }
    }

    @Test("sum and average pool: three divisors, and the transpose", arguments: PoolCase.all)
    func sums(_ one: PoolCase) {
      let pixels = one.image.0 * one.image.1
      let outputs = one.output.0 * one.output.1
      var numbers = TestNumbers(22)
      let x = numbers.values(one.planes * pixels)
      let g = numbers.values(one.planes * outputs)
      var shape = one.shape
      for mode in [TAPESTRY_POOL_SUM, TAPESTRY_POOL_AVERAGE_INSIDE, TAPESTRY_POOL_AVERAGE_PADDED] {
        var y = [Double](repeating: 0, count: g.count)
        var gx = [Double](repeating: 0, count: x.count)
        for plane in 0..<one.planes {
          for i in 0..<one.output.0 {
            for j in 0..<one.output.1 {
              let window = one.window(i, j)
              let divisor =
                mode == TAPESTRY_POOL_SUM
                ? 1.0
                : Double(mode == TAPESTRY_POOL_AVERAGE_INSIDE ? window.pixels.count : window.padded)
              let at = plane * outputs + i * one.output.1 + j
              for pixel in window.pixels {
                y[at] += x[plane * pixels + pixel] / divisor
                gx[plane * pixels + pixel] += g[at] / divisor
              }
            }
          }
        }
        for dtype in KernelRuns.dtypes {
          let (mx, mg) = (GuardedMemory(dtype, x), GuardedMemory(dtype, g))
          KernelRuns.check(dtype, start: g, expected: y, tolerance: (1e-6, 1e-14), "mode \(mode)") {
            tapestry_sum_pool(dtype, Int32(mode), &shape, mx.pointer, $0)
          }
          KernelRuns.check(
            dtype, start: x, expected: gx, tolerance: (1e-6, 1e-14), "gradient, mode \(mode)"
          ) {
            tapestry_sum_pool_gradient(dtype, Int32(mode), &shape, mg.pointer, $0)
          }
        }
      }
    }
  }
}
