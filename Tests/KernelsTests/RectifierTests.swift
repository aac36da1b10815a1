import CTapestryKernels
import Testing

extension KernelSuite {
  @Suite struct Rectifier {
    private func numbers(_ count: Int) -> [Double] {
      var source = TestNumbers(UInt64(count) + 5)
      return (0..<count).map { index in
        switch index % 29 {
        case 3: 0
        case 5: -0.0
        case 7: .nan
        case 11: .infinity
        case 13: -.infinity
        case 17: 1e-40  // denormal as a float
        default: source.value()
        }
      }
    }

    @Test("relu with a mask: the values of relu, a bit for each that is positive, none beyond")
    func values() {
      for dtype in KernelRuns.dtypes {
        for count in Elementwise.sizes + [32, 63, 64, 65, 131_071] {
          let x = numbers(count)
          let mx = GuardedMemory(dtype, x)
          var words = [UInt32](repeating: 0, count: (count + 31) / 32)
          for index in 0..<count where mx[index] > 0 {
            words[index / 32] |= 1 << UInt32(index % 32)
          }
          KernelRuns.forEach { variant, threads in
            let y = GuardedMemory(dtype, x.map { _ in 9 })
            var mask = [UInt32](repeating: 0xA5A5_A5A5, count: words.count + 1)
            mask.withUnsafeMutableBufferPointer {
              tapestry_relu_masked(dtype, Int64(count), mx.pointer, y.pointer, $0.baseAddress)
            }
            let label = "\(count) elements, \(variant), \(threads) threads"
            #expect(y.guardsAreIntact && mask.last == 0xA5A5_A5A5, "\(label)")
            #expect(Array(mask.dropLast()) == words, "\(label)")
            #expect(
              (0..<count).allSatisfy {
                y[$0].isNaN ? mx[$0].isNaN : y[$0] == (mx[$0] < 0 ? 0 : mx[$0])
              }, "\(label)")
          }
        }
      }
    }

    @Test("its gradient: what the mask lets through, whatever the rest is, also in place")
    func gradient() {
      for dtype in KernelRuns.dtypes {
        for count in Elementwise.sizes + [32, 63, 64, 65, 131_071] {
          var source = TestNumbers(UInt64(count))
          let mask = (0..<(count + 31) / 32).map { _ in UInt32(truncatingIfNeeded: source.next()) }
          let isSet = (0..<count).map { mask[$0 / 32] >> UInt32($0 % 32) & 1 == 1 }
          // Nothing of what is masked may show, not even a NaN.
          let g = (0..<count).map { isSet[$0] ? source.value() : .nan }
          let expected = (0..<count).map { isSet[$0] ? g[$0] : 0 }
          let mg = GuardedMemory(dtype, g)
          KernelRuns.check(
            dtype, start: g.map { _ in 9 }, expected: expected, tolerance: (0, 0), "\(count)"
          ) { tapestry_relu_masked_gradient(dtype, Int64(count), mg.pointer, mask, $0) }
          KernelRuns.check(
            dtype, start: g, expected: expected, tolerance: (0, 0), "\(count) in place"
          ) { tapestry_relu_masked_gradient(dtype, Int64(count), $0, mask, $0) }
        }
      }
    }
  }
}
