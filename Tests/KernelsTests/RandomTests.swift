import CTapestryKernels
import Foundation
import Testing

/// Philox4x32-10 once more, to compare the kernel with.
private func philox(_ counter: [UInt32], _ key: [UInt32]) -> [UInt32] {
  var (c, k) = (counter, key)
  for _ in 0..<10 {
    let p0 = UInt64(c[0]) * 0xD251_1F53
    let p1 = UInt64(c[2]) * 0xCD9E_8D57
    c = [
      UInt32(p1 >> 32) ^ c[1] ^ k[0], UInt32(truncatingIfNeeded: p1),
      UInt32(p0 >> 32) ^ c[3] ^ k[1], UInt32(truncatingIfNeeded: p0),
    ]
    k = [k[0] &+ 0x9E37_79B9, k[1] &+ 0xBB67_AE85]
  }
  return c
}

private func words(_ key: UInt64, _ counter: UInt64, _ block: Int) -> [UInt32] {
  func halves(_ x: UInt64) -> [UInt32] { [UInt32(truncatingIfNeeded: x), UInt32(x >> 32)] }
  return philox(halves(counter) + halves(UInt64(block)), halves(key))
}

extension KernelSuite {
  @Suite struct Random {
    static let key: UInt64 = 0x0123_4567_89AB_CDEF
    static let counter: UInt64 = 0x1_0000_0007
    static let counts = [0, 1, 2, 3, 4, 5, 63, 64, 65, 66, 67, 1000, 70_001]

    @Test("random: the published vectors of Philox4x32-10 come out")
    func published() {
      #expect(
        philox([0, 0, 0, 0], [0, 0]) == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
      let ones = UInt32.max
      #expect(
        philox([ones, ones, ones, ones], [ones, ones])
          == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
      #expect(
        philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0])
          == [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1])
      for (key, counter) in [(0, 0), (Self.key, Self.counter), (UInt64.max, UInt64.max)] {
        var low: UInt64 = 0
        var high: UInt64 = 0
        tapestry_random_block(key, counter, &low, &high)
        let w = words(key, counter, 0).map(UInt64.init)
        #expect(low == w[0] | w[1] << 32)
        #expect(high == w[2] | w[3] << 32)
      }
    }

    @Test("random: uniform numbers are the words of their blocks, on any variant and thread count")
    func uniform() {
      for count in Self.counts {
        let narrow = (0..<count).map { i in
          Double(
            Float(-2 + 5 * (Double(words(Self.key, Self.counter, i / 4)[i % 4] >> 8) * 0x1p-24)))
        }
        let wide = (0..<count).map { i in
          let w = words(Self.key, Self.counter, i / 2).map(UInt64.init)
          let bits = i % 2 == 0 ? w[0] | w[1] << 32 : w[2] | w[3] << 32
          return -2 + 5 * (Double(bits >> 11) * 0x1p-53)
        }
        for dtype in KernelRuns.dtypes {
          KernelRuns.check(
            dtype, start: [Double](repeating: 9, count: count),
            expected: dtype == KernelRuns.dtypes[0] ? narrow : wide, tolerance: (0, 0), "\(count)"
          ) { tapestry_random_uniform(dtype, Self.key, Self.counter, Int64(count), -2, 3, $0) }
        }
      }
    }

    @Test("random: normal numbers follow Box and Muller, with the same bits on every variant")
    func normal() {
      for count in Self.counts {
        let expected = (0..<count).map { i in
          let w = words(Self.key, Self.counter, i / 2).map(UInt64.init)
          let u = Double(((w[0] | w[1] << 32) >> 11) + 1) * 0x1p-53
          let v = Double((w[2] | w[3] << 32) >> 11) * 0x1p-53
          let radius = (-2 * log(u)).squareRoot()
          return 0.5 + 2 * radius * (i % 2 == 0 ? cos(2 * .pi * v) : sin(2 * .pi * v))
        }
        for dtype in KernelRuns.dtypes {
          KernelRuns.check(
            dtype, start: [Double](repeating: 9, count: count), expected: expected,
            tolerance: (1e-7, 1e-15), "\(count)"
          ) { tapestry_random_normal(dtype, Self.key, Self.counter, Int64(count), 0.5, 2, $0) }
          var bits: [UInt8]?
          KernelRuns.forEach { variant, threads in
            let memory = GuardedMemory(dtype, [Double](repeating: 9, count: count))
            tapestry_random_normal(
              dtype, Self.key, Self.counter, Int64(count), 0.5, 2, memory.pointer)
            #expect(bits == nil || bits == memory.contents, "\(variant), \(threads) threads")
            bits = memory.contents
          }
        }
      }
    }

    @Test("random: masks drop the asked share, all at 1 and none at 0")
    func mask() {
      for count in Self.counts {
        for probability in [0, 0.3, 1] {
          let expected = (0..<count).map { i in
            Double(words(Self.key, Self.counter, i / 4)[i % 4]) < probability * 0x1p32 ? 0 : 1.25
          }
          if count > 60_000 {
            let dropped = Double(expected.filter { $0 == 0 }.count) / Double(count)
            #expect(abs(dropped - probability) < 0.01)
          }
          for dtype in KernelRuns.dtypes {
            KernelRuns.check(
              dtype, start: [Double](repeating: 9, count: count), expected: expected,
              tolerance: (0, 0), "\(count)"
            ) {
              tapestry_random_mask(
                dtype, Self.key, Self.counter, Int64(count), probability, 1.25, $0)
            }
          }
        }
      }
    }
  }
}
