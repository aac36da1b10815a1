import CTapestryKernels
import Testing

extension KernelSuite {
  @Suite struct Channels {
    @Test(
      "rectify_channels: channels of something larger, scaled, shifted and made positive",
      arguments: [(1, 1, 1, 1), (2, 3, 15, 5), (3, 4, 17, 4), (2, 70, 33, 90), (2, 5, 0, 5)])
    func rectified(_ samples: Int, _ channels: Int, _ pixels: Int, _ all: Int) {
      var numbers = TestNumbers(UInt64(pixels))
      var x = numbers.values(samples * all * pixels)
      if pixels == 15 { x[7] = .nan }
      let factors = numbers.values(channels)
      let added = numbers.values(channels)
      var expected: [Double] = []
      for n in 0..<samples {
        for c in 0..<channels {
          for p in 0..<pixels {
            let y = x[(n * all + c) * pixels + p] * factors[c] + added[c]
            expected.append(y.isNaN ? 0 : max(y, 0))
          }
        }
      }
      for dtype in KernelRuns.dtypes {
        let (mx, mf) = (GuardedMemory(dtype, x), GuardedMemory(dtype, factors))
        let ma = GuardedMemory(dtype, added)
        var isNaN = false
        KernelRuns.check(
          dtype, start: expected.map { _ in 9 }, expected: expected, tolerance: (2e-7, 1e-15),
          "\(samples) \(channels) \(pixels)"
        ) { y in
          tapestry_rectify_channels(
            dtype, Int64(samples), Int64(channels), Int64(pixels), mx.pointer,
            Int64(all * pixels), mf.pointer, ma.pointer, y)
          guard pixels == 15 else { return }
          isNaN =
            dtype == KernelRuns.dtypes[1]
            ? y.load(fromByteOffset: 56, as: Double.self).isNaN
            : y.load(fromByteOffset: 28, as: Float.self).isNaN
          // What was expected of the others counts; NaN agrees with nothing.
          if dtype == KernelRuns.dtypes[1] {
            y.storeBytes(of: 0, toByteOffset: 56, as: Double.self)
          } else {
            y.storeBytes(of: 0, toByteOffset: 28, as: Float.self)
          }
        }
        #expect(isNaN == (pixels == 15))
      }
    }

    @Test("convolution_fold: factor and number of a normalisation with given statistics")
    func folded() {
      var numbers = TestNumbers(4)
      let (mean, scale, shift, bias) = (
        numbers.values(37), numbers.values(37), numbers.values(37), numbers.values(37)
      )
      let variance = numbers.values(37).map { abs($0) }
      for dtype in KernelRuns.dtypes {
        for isBiased in [false, true] {
          let factors = GuardedMemory(dtype, [Double](repeating: .nan, count: 37))
          let added = GuardedMemory(dtype, [Double](repeating: .nan, count: 37))
          let inputs = [mean, variance, scale, shift, bias].map { GuardedMemory(dtype, $0) }
          withExtendedLifetime(inputs) {
            tapestry_convolution_fold(
              dtype, 37, 1e-3, inputs[0].pointer, inputs[1].pointer, inputs[2].pointer,
              inputs[3].pointer, isBiased ? inputs[4].pointer : nil, factors.pointer, added.pointer)
          }
          let tolerance = dtype == KernelRuns.dtypes[0] ? 1e-6 : 1e-14
          for f in 0..<37 {
            let factor = scale[f] / (variance[f] + 1e-3).squareRoot()
            let number = shift[f] + ((isBiased ? bias[f] : 0) - mean[f]) * factor
            #expect(abs(factors[f] - factor) <= tolerance * max(1, abs(factor)))
            #expect(abs(added[f] - number) <= tolerance * max(1, abs(number)))
          }
          #expect(factors.guardsAreIntact && added.guardsAreIntact)
        }
      }
    }
  }
}
