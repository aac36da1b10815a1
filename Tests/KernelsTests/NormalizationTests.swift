import CTapestryKernels
import Testing

extension KernelSuite {
  @Suite struct Normalization {
    /// Samples, channels, pixels, groups (0: batch normalisation).
    static let shapes = [
      (1, 1, 2, 0), (2, 3, 7, 0), (4, 3, 1, 0), (33, 50, 1, 0), (700, 133, 1, 0), (3, 20, 49, 0),
      (5, 33, 17, 0), (2, 2, 40_001, 0), (40, 3, 2_900, 0), (2, 20, 4_100, 0), (1, 3, 33_000, 0),
      (0, 3, 5, 0), (2, 6, 5, 3), (1, 4, 40_001, 2), (9, 32, 80, 2), (2, 4, 1, 2), (3, 5, 31, 5),
      (4, 6, 1_500, 1),
    ]
    static let epsilon = 1e-3

    /// What the definition gives, element by element.
    private struct Expected {
      var mean: [Double], variance: [Double], y: [Double]
      var gx: [Double], gxFixed: [Double], gscale: [Double], gshift: [Double]
    }

    /// `set` and `place` tell which statistics and which scale an element has.
    private static func expected(
      _ x: [Double], _ g: [Double], scale: [Double], shift: [Double], sets: Int,
      set: (Int) -> Int, place: (Int) -> Int
    ) -> Expected {
      var count = [Double](repeating: 0, count: sets)
      var (mean, variance) = (count, count)
      for i in x.indices {
        count[set(i)] += 1
        mean[set(i)] += x[i]
      }
      for s in 0..<sets { mean[s] /= count[s] }
      for i in x.indices { variance[set(i)] += (x[i] - mean[set(i)]) * (x[i] - mean[set(i)]) }
      for s in 0..<sets { variance[s] /= count[s] }
      let inverse = variance.map { 1 / ($0 + epsilon).squareRoot() }
      let z = x.indices.map { (x[$0] - mean[set($0)]) * inverse[set($0)] }
      var (sum, product) = (
        [Double](repeating: 0, count: sets), [Double](repeating: 0, count: sets)
      )
      var (gscale, gshift) = (scale.map { _ in 0.0 }, scale.map { _ in 0.0 })
      for i in x.indices {
        sum[set(i)] += g[i] * scale[place(i)]
        product[set(i)] += g[i] * scale[place(i)] * z[i]
        gscale[place(i)] += g[i] * z[i]
        gshift[place(i)] += g[i]
      }
      return Expected(
        mean: mean, variance: variance,
        y: x.indices.map { z[$0] * scale[place($0)] + shift[place($0)] },
        gx: x.indices.map { i in
          let s = set(i)
          return inverse[s]
            * (g[i] * scale[place(i)] - sum[s] / count[s] - z[i] * product[s] / count[s])
        },
        gxFixed: x.indices.map { inverse[set($0)] * g[$0] * scale[place($0)] }, gscale: gscale,
        gshift: gshift)
    }

    @Test("batch and group normalisation agree with their definitions", arguments: shapes)
    func definition(_ one: (Int, Int, Int, Int)) {
      let (samples, channels, pixels, groups) = one
      var shape = tapestry_normalization(
        samples: Int64(samples), channels: Int64(channels), pixels: Int64(pixels),
        groups: Int64(groups), epsilon: Self.epsilon, relu: false)
      var numbers = TestNumbers(UInt64(samples + 7 * channels + 31 * pixels + groups))
      let count = samples * channels * pixels
      // Channels lie apart, so that one mean taken for another shows.
      let x = (0..<count).map { numbers.value() * 2 + Double($0 / pixels % channels % 5) }
      let (g, scale, shift) = (
        numbers.values(count), numbers.values(channels), numbers.values(channels)
      )
      let sets = groups == 0 ? channels : samples * groups
      let all = Self.expected(
        x, g, scale: scale, shift: shift, sets: sets,
        set: { groups == 0 ? $0 / pixels % channels : $0 / (pixels * channels / groups) },
        place: { $0 / pixels % channels })
      for dtype in KernelRuns.dtypes {
        let (mx, mg) = (GuardedMemory(dtype, x), GuardedMemory(dtype, g))
        let (ms, mt) = (GuardedMemory(dtype, scale), GuardedMemory(dtype, shift))
        let (mean, variance) = (GuardedMemory(dtype, all.mean), GuardedMemory(dtype, all.variance))
        let size = mx.size
        if count > 0 {
          let forward = all.y + all.mean + all.variance
          KernelRuns.check(
            dtype, start: forward.map { _ in -7 }, expected: forward, tolerance: (1e-6, 1e-14),
            "forward \(one)"
          ) {
            tapestry_normalize(
              dtype, &shape, mx.pointer, ms.pointer, mt.pointer, nil, $0, $0 + count * size,
              $0 + (count + sets) * size)
          }
          KernelRuns.check(
            dtype, start: all.y, expected: all.y, tolerance: (1e-6, 1e-14), "given \(one)"
          ) {
            tapestry_normalize_with(
              dtype, &shape, mx.pointer, mean.pointer, variance.pointer, ms.pointer, mt.pointer,
              nil, $0)
          }
        }
        for fixed in [false, true] {
          let gradient = (fixed ? all.gxFixed : all.gx) + all.gscale + all.gshift
          KernelRuns.check(
            dtype, start: gradient.map { _ in -7 }, expected: gradient, tolerance: (3e-6, 1e-13),
            "gradient \(one) fixed \(fixed)"
          ) {
            tapestry_normalize_gradient(
              dtype, &shape, fixed, mg.pointer, mx.pointer, mean.pointer, variance.pointer,
              ms.pointer, nil, $0, $0 + count * size, $0 + (count + channels) * size)
          }
        }
      }
    }

    @Test(
      "batch normalisation with relu, and with an addend, agrees with its definition",
      arguments: [
        (1, 1, 2), (3, 5, 1), (2, 3, 4), (2, 3, 16), (5, 4, 33), (40, 17, 1), (3, 2, 5000),
        (9, 20, 700),
      ])
    func ending(_ one: (Int, Int, Int)) {
      let (samples, channels, pixels) = one
      var shape = tapestry_normalization(
        samples: Int64(samples), channels: Int64(channels), pixels: Int64(pixels), groups: 0,
        epsilon: Self.epsilon, relu: true)
      var numbers = TestNumbers(UInt64(samples + 7 * channels + 31 * pixels))
      let count = samples * channels * pixels
      let x = (0..<count).map { numbers.value() * 2 + Double($0 / pixels % channels % 5) }
      let (g, addend) = (numbers.values(count), numbers.values(count))
      let (scale, shift) = (numbers.values(channels), numbers.values(channels))
      let set = { (index: Int) in index / pixels % channels }
      let z = Self.expected(
        x, g, scale: scale, shift: shift, sets: channels, set: set, place: set
      ).y
      for adds in [false, true] {
        let y = z.indices.map { max(z[$0] + (adds ? addend[$0] : 0), 0) }
        let through = y.indices.map { y[$0] > 0 ? g[$0] : 0 }
        let all = Self.expected(
          x, through, scale: scale, shift: shift, sets: channels, set: set, place: set)
        for dtype in KernelRuns.dtypes {
          let (mx, mg, ma) = (
            GuardedMemory(dtype, x), GuardedMemory(dtype, g), GuardedMemory(dtype, addend)
          )
          let (ms, mt) = (GuardedMemory(dtype, scale), GuardedMemory(dtype, shift))
          let (mean, variance) = (
            GuardedMemory(dtype, all.mean), GuardedMemory(dtype, all.variance)
          )
          let (size, my) = (mx.size, GuardedMemory(dtype, y))
          let forward = y + all.mean + all.variance
          KernelRuns.check(
            dtype, start: forward.map { _ in -7 }, expected: forward, tolerance: (1e-6, 1e-14),
            "forward \(one)"
          ) {
            tapestry_normalize(
              dtype, &shape, mx.pointer, ms.pointer, mt.pointer, adds ? ma.pointer : nil, $0,
              $0 + count * size, $0 + (count + channels) * size)
          }
          KernelRuns.check(
            dtype, start: y, expected: y, tolerance: (1e-6, 1e-14), "given \(one)"
          ) {
            tapestry_normalize_with(
              dtype, &shape, mx.pointer, mean.pointer, variance.pointer, ms.pointer, mt.pointer,
              adds ? ma.pointer : nil, $0)
          }
          for fixed in [false, true] {
            let gx = fixed ? all.gxFixed : all.gx
            let gradient = gx + all.gscale + all.gshift + through
            KernelRuns.check(
              dtype, start: gradient.map { _ in -7 },
              expected: adds ? gradient : gx + all.gscale + all.gshift + through.map { _ in -7 },
              tolerance: (3e-6, 1e-13), "gradient \(one) fixed \(fixed)"
            ) {
              var relu = tapestry_normalization_relu(
                shift: adds ? nil : UnsafeRawPointer(mt.pointer),
                y: adds ? UnsafeRawPointer(my.pointer) : nil,
                gaddend: adds ? $0 + (count + 2 * channels) * size : nil)
              tapestry_normalize_gradient(
                dtype, &shape, fixed, mg.pointer, mx.pointer, mean.pointer, variance.pointer,
                ms.pointer, &relu, $0, $0 + count * size, $0 + (count + channels) * size)
            }
          }
        }
      }
    }

    @Test(
      "layer normalisation agrees with its definition",
      arguments: [(1, 1), (3, 5), (20, 16), (7, 33), (300, 700), (2, 9000), (0, 4), (5000, 21)])
    func rows(_ one: (Int, Int)) {
      let (rows, width) = one
      var numbers = TestNumbers(UInt64(rows + 31 * width))
      let count = rows * width
      let x = (0..<count).map { numbers.value() * 2 + Double($0 / width % 3) }
      let (g, scale, shift) = (
        numbers.values(count), numbers.values(width), numbers.values(width)
      )
      let all = Self.expected(
        x, g, scale: scale, shift: shift, sets: rows, set: { $0 / width }, place: { $0 % width })
      for dtype in KernelRuns.dtypes {
        let (mx, mg) = (GuardedMemory(dtype, x), GuardedMemory(dtype, g))
        let (ms, mt) = (GuardedMemory(dtype, scale), GuardedMemory(dtype, shift))
        let (mean, variance) = (GuardedMemory(dtype, all.mean), GuardedMemory(dtype, all.variance))
        let size = mx.size
        let forward = all.y + all.mean + all.variance
        KernelRuns.check(
          dtype, start: forward.map { _ in -7 }, expected: forward, tolerance: (1e-6, 1e-14),
          "forward \(one)"
        ) {
          tapestry_normalize_rows(
            dtype, Int64(rows), Int64(width), Self.epsilon, mx.pointer, ms.pointer, mt.pointer, $0,
            $0 + count * size, $0 + (count + rows) * size)
        }
        let gradient = all.gx + all.gscale + all.gshift
        KernelRuns.check(
          dtype, start: gradient.map { _ in -7 }, expected: gradient, tolerance: (3e-6, 1e-13),
          "gradient \(one)"
        ) {
          tapestry_normalize_rows_gradient(
            dtype, Int64(rows), Int64(width), Self.epsilon, mg.pointer, mx.pointer, mean.pointer,
            variance.pointer, ms.pointer, $0, $0 + count * size, $0 + (count + width) * size)
        }
      }
    }

    @Test("the variance of float32 numbers far from zero keeps its digits")
    func offset() {
      // Multiples of 1/4 near 4096 are exact; the first sample lies elsewhere, as a trap for shifted sums.
      for (samples, pixels) in [(40, 1), (3, 50), (3, 9000)] {
        var numbers = TestNumbers(9)
        let x = (0..<samples * pixels).map {
          (4096 + Double(numbers.int(0...8)) / 4) * ($0 < pixels ? 0 : 1)
        }
        let count = Double(x.count)
        let mean = x.reduce(0, +) / count
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
        let rest = Array(x[pixels...])
        let near = rest.reduce(0, +) / Double(rest.count)
        let small = rest.reduce(0) { $0 + ($1 - near) * ($1 - near) } / Double(rest.count)
        for (values, expected) in [(x, variance), (rest, small)] {
          var shape = tapestry_normalization(
            samples: Int64(values.count / pixels), channels: 1, pixels: Int64(pixels), groups: 0,
            epsilon: 0, relu: false)
          let dtype = Int32(TAPESTRY_FLOAT32)
          let (mx, one) = (GuardedMemory(dtype, values), GuardedMemory(dtype, [1]))
          let (y, m) = (GuardedMemory(dtype, values), GuardedMemory(dtype, [0]))
          KernelRuns.check(
            dtype, start: [0], expected: [expected], tolerance: (1e-5, 0), floor: 0,
            "\(samples) x \(pixels)"
          ) {
            tapestry_normalize(
              dtype, &shape, mx.pointer, one.pointer, one.pointer, nil, y.pointer, m.pointer, $0)
          }
        }
      }
    }
  }
}
