import CTapestryKernels
import Testing

extension KernelSuite {
  @Suite("Sampling between pixels") struct Sampling {
    @Test("a line is that of the formula, bit for bit, whatever its length")
    func line() {
      let (height, width) = (23, 37)
      let plane = (0..<height * width).map { Float(($0 * 7919) % 1000) / 1000 - 0.3 }
      for count in [0, 1, 2, 7, 8, 15, 16, 17, 31] {
        for (x, y, stepX, stepY) in [
          (0, 0, 1, 0), (1.25, 3.5, 0.9, 0.3), (35.9, 21.9, -0.9, -0.6), (4.75, 0.125, 0.5, 0.6),
          (20, 11, 0, 0),
        ] as [(Float, Float, Float, Float)] {
          let first = 2
          var expected = [Float](repeating: -9, count: first + count + 1)
          for i in first..<first + count {
            let (column, row) = (x + stepX * Float(i), y + stepY * Float(i))
            let (left, top) = (Int(column), Int(row))
            let (shareX, shareY) = (column - Float(left), row - Float(top))
            let corner = top * width + left
            let upper = plane[corner] + (plane[corner + 1] - plane[corner]) * shareX
            let lower =
              plane[corner + width]
              + (plane[corner + width + 1] - plane[corner + width]) * shareX
            expected[i] = upper + (lower - upper) * shareY
          }
          KernelRuns.forEach { variant, _ in
            var found = [Float](repeating: -9, count: first + count + 1)
            tapestry_sample_line(
              plane, Int64(width), x, y, stepX, stepY, Int64(first), Int64(first + count), &found)
            #expect(
              found.map(\.bitPattern) == expected.map(\.bitPattern),
              "\(variant): \(x) \(y) \(count)")
          }
        }
      }
    }
  }
}
