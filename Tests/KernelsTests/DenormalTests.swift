import CTapestryKernels
import Testing

extension KernelSuite {
  @Suite struct Denormals {
    @Test(
      "flushing: denormal weights and results count as zero on every thread, and only while it is on"
    )
    func convolution() {
      let dtype = KernelRuns.dtypes[0]
      // Small and large, so that both a caller alone and the pool compute.
      for (filters, size) in [(3, (6, 7)), (32, (40, 41))] {
        var shape = tapestry_convolution.make(
          batch: 2, channels: 4, filters: filters, size: size, kernel: (3, 3))!
        let x = GuardedMemory(dtype, [Double](repeating: 1, count: shape.inputs))
        let w = GuardedMemory(dtype, [Double](repeating: 1e-40, count: shape.weights))
        defer { tapestry_flush_denormals(false) }
        KernelRuns.forEach { variant, threads in
          for flushes in [false, true, false] {
            tapestry_flush_denormals(flushes)
            #expect(tapestry_flushes_denormals() == flushes)
            let y = GuardedMemory(dtype, [Double](repeating: .nan, count: shape.outputs))
            tapestry_convolution_forward(dtype, &shape, x.pointer, w.pointer, nil, y.pointer)
            let isZero = (0..<shape.outputs).allSatisfy { y[$0] == 0 }
            let isSum = (0..<shape.outputs).allSatisfy { abs(y[$0] - 36e-40) < 1e-43 }
            #expect(flushes ? isZero : isSum, "\(variant), \(threads) threads, \(flushes)")
          }
        }
      }
    }
  }
}
