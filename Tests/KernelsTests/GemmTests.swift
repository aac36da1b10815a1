import CTapestryKernels
import Testing

struct GemmCase: CustomStringConvertible {
  var m: Int, n: Int, k: Int
  var transposeA = false, transposeB = false, accumulate = false
  var rowBias = false, columnBias = false, relu = false
  var rowScale = false, columnScale = false, addend = false
  var gapA = 0, gapB = 0, gapC = 0

  var description: String {
    "\(m)x\(n)x\(k)\(transposeA ? " aT" : "")\(transposeB ? " bT" : "")"
      + "\(accumulate ? " accumulate" : "")\(rowBias ? " row" : "")\(columnBias ? " column" : "")"
      + "\(rowScale ? " rowScale" : "")\(columnScale ? " columnScale" : "")\(addend ? " addend" : "")"
      + "\(relu ? " relu" : "") gaps \(gapA) \(gapB) \(gapC)"
  }

  /// Sizes around the tiles of every variant (4, 6, 8, 14 rows; 8, 16, 32 columns), around the rules that choose a path, and zero.
  static let all: [GemmCase] = {
    var numbers = TestNumbers(1)
    var cases: [GemmCase] = []
    let sizes = [
      (1, 1, 1), (1, 10, 84), (1, 33, 40), (10, 1, 33), (2, 130, 17), (3, 257, 9), (4, 31, 65),
      (5, 7, 3), (6, 16, 16), (7, 17, 15), (13, 32, 31), (14, 64, 32), (15, 33, 47), (16, 15, 150),
      (29, 30, 5), (64, 10, 84), (65, 12, 100), (70, 130, 40), (113, 70, 30), (9, 300, 70),
      (0, 5, 4), (5, 0, 4), (5, 4, 0), (1, 40, 0), (3, 20, 1100), (20, 18, 1040), (2, 70, 2100),
      (67, 3, 1030), (9, 300, 300), (33, 260, 1100), (64, 257, 270), (19, 330, 256),
    ]
    for (m, n, k) in sizes {
      for transposes in 0..<4 {
        var one = GemmCase(m: m, n: n, k: k)
        one.transposeA = transposes & 1 != 0
        one.transposeB = transposes & 2 != 0
        one.accumulate = numbers.chance(2)
        one.rowBias = numbers.chance(2)
        one.columnBias = numbers.chance(2)
        one.relu = numbers.chance(2)
        one.rowScale = numbers.chance(3)
        one.columnScale = numbers.chance(3)
        one.addend = numbers.chance(3)
        if numbers.chance(2) {
          one.gapA = numbers.int(0...5)
          one.gapB = numbers.int(0...5)
          one.gapC = numbers.int(0...5)
        }
        cases.append(one)
      }
    }
    return cases
  }()
}

extension KernelSuite {
  @Suite struct Gemm {
    @Test(
      "gemm: every element, variant and thread count agrees with the definition",
      arguments: GemmCase.all)
    func definition(_ one: GemmCase) {
      for dtype in KernelRuns.dtypes { check(one, dtype) }
    }

    private func check(_ one: GemmCase, _ dtype: Int32) {
      var numbers = TestNumbers(UInt64(one.m * 10007 + one.n * 101 + one.k))
      let (m, n, k) = (one.m, one.n, one.k)
      let lda = (one.transposeA ? m : k) + one.gapA
      let ldb = (one.transposeB ? k : n) + one.gapB
      let ldc = n + one.gapC
      let a = numbers.values((one.transposeA ? k : m) * lda)
      let b = numbers.values((one.transposeB ? n : k) * ldb)
      let start = numbers.values(m * ldc)
      let rows = numbers.values(m)
      let columns = numbers.values(n)
      let rowScales = numbers.values(m)
      let columnScales = numbers.values(n)
      let addend = numbers.values(m * ldc)
      var expected = start
      for i in 0..<m {
        for j in 0..<n {
          var sum = one.accumulate ? start[i * ldc + j] : 0
          let (aStart, aStep) = one.transposeA ? (i, lda) : (i * lda, 1)
          let (bStart, bStep) = one.transposeB ? (j * ldb, 1) : (j, ldb)
          for p in 0..<k { sum += a[aStart + p * aStep] * b[bStart + p * bStep] }
          if one.rowScale { sum *= rowScales[i] }
          if one.columnScale { sum *= columnScales[j] }
          if one.rowBias { sum += rows[i] }
          if one.columnBias { sum += columns[j] }
          if one.addend { sum += addend[i * ldc + j] }
          expected[i * ldc + j] = one.relu ? max(sum, 0) : sum
        }
      }
      let (ma, mb) = (GuardedMemory(dtype, a), GuardedMemory(dtype, b))
      let (mr, mc) = (GuardedMemory(dtype, rows), GuardedMemory(dtype, columns))
      let (ms, mt) = (GuardedMemory(dtype, rowScales), GuardedMemory(dtype, columnScales))
      let md = GuardedMemory(dtype, addend)
      var epilogue = tapestry_epilogue(
        row_scale: one.rowScale ? UnsafeRawPointer(ms.pointer) : nil,
        column_scale: one.columnScale ? UnsafeRawPointer(mt.pointer) : nil,
        row_bias: one.rowBias ? UnsafeRawPointer(mr.pointer) : nil,
        column_bias: one.columnBias ? UnsafeRawPointer(mc.pointer) : nil,
        addend: one.addend ? UnsafeRawPointer(md.pointer) : nil, relu: one.relu)
      let none =
        !one.rowBias && !one.columnBias && !one.relu && !one.rowScale && !one.columnScale
        && !one.addend
      KernelRuns.check(
        dtype, start: start, expected: expected, tolerance: (2e-6, 1e-14), "\(one)"
      ) { c in
        tapestry_gemm(
          dtype, one.transposeA, one.transposeB, Int64(m), Int64(n), Int64(k), ma.pointer,
          Int64(lda), mb.pointer, Int64(ldb), c, Int64(ldc), one.accumulate,
          none ? nil : withUnsafePointer(to: &epilogue) { $0 })
      }
      #expect(ma.guardsAreIntact && mb.guardsAreIntact)
    }

    @Test("gemm: larger products give the same bits on any number of threads")
    func larger() {
      for (m, n, k) in [(150, 330, 60), (40, 700, 50), (300, 40, 90)] {
        for transposes in 0..<4 {
          check(
            GemmCase(
              m: m, n: n, k: k, transposeA: transposes & 1 != 0, transposeB: transposes & 2 != 0,
              relu: transposes == 3, gapC: transposes), KernelRuns.dtypes[transposes % 2])
        }
      }
    }

    @Test("gemm: NaN passes through relu, and an infinity stays in its row")
    func notFinite() {
      for k in [5, 37] {
        for transposed in [false, true] {
          var a = [Double](repeating: 1, count: 3 * k)
          a[k - 1] = .nan
          a[k + 1] = .infinity
          let ma = GuardedMemory(KernelRuns.dtypes[0], a)
          let mb = GuardedMemory(KernelRuns.dtypes[0], [Double](repeating: 1, count: 20 * k))
          KernelRuns.forEach { variant, _ in
            let c = GuardedMemory(KernelRuns.dtypes[0], [Double](repeating: 0, count: 60))
            var epilogue = tapestry_epilogue()
            epilogue.relu = true
            tapestry_gemm(
              KernelRuns.dtypes[0], false, transposed, 3, 20, Int64(k), ma.pointer, Int64(k),
              mb.pointer,
              transposed ? Int64(k) : 20, c.pointer, 20, false, &epilogue)
            for j in 0..<20 {
              #expect(c[j].isNaN, "\(variant)")
              #expect(c[20 + j] == .infinity, "\(variant)")
              #expect(c[40 + j] == Double(k), "\(variant)")
            }
          }
        }
      }
    }

    @Test("gemm_batched: every product of the batch, with repeated operands")
    func batched() {
      for dtype in KernelRuns.dtypes {
        for (batch, m, n, k) in [(5, 3, 7, 9), (1, 20, 20, 20), (40, 12, 40, 33), (0, 2, 2, 2)] {
          var numbers = TestNumbers(UInt64(batch))
          let a = numbers.values(max(batch, 1) * m * k)
          let b = numbers.values(2 * k * n)
          let offsetsA = (0..<batch).map { Int64((batch - 1 - $0) * m * k) }
          let offsetsB = (0..<batch).map { Int64($0 % 2 * k * n) }
          var expected = [Double](repeating: 0, count: batch * m * n)
          for p in 0..<batch {
            for i in 0..<m {
              for j in 0..<n {
                var sum = 0.0
                for q in 0..<k {
                  sum += a[Int(offsetsA[p]) + i * k + q] * b[Int(offsetsB[p]) + j * k + q]
                }
                expected[(p * m + i) * n + j] = sum
              }
            }
          }
          let (ma, mb) = (GuardedMemory(dtype, a), GuardedMemory(dtype, b))
          KernelRuns.check(
            dtype, start: expected.map { _ in 9 }, expected: expected, tolerance: (2e-6, 1e-14),
            "batch \(batch)"
          ) { c in
            tapestry_gemm_batched(
              dtype, false, true, Int64(batch), Int64(m), Int64(n), Int64(k), ma.pointer, Int64(k),
              offsetsA, mb.pointer, Int64(k), offsetsB, c)
          }
        }
      }
    }
  }
}
