import CTapestryKernels
import Testing

extension KernelSuite {
  @Suite struct Memory {
    @Test("memory: blocks are aligned, large enough and apart from each other")
    func blocks() {
      var live: [(UnsafeMutableRawPointer, Int, UInt8)] = []
      var numbers = TestNumbers(7)
      var sizes = [0, 1, 63, 64, 65, 1023, 1024, 1025, 1151, 1152, 1153, 2047, 2048, 2049]
      for exponent in 12...23 { for near in -1...1 { sizes.append((1 << exponent) + near) } }
      for _ in 0..<100 { sizes.append(numbers.int(0...100_000)) }
      for round in 0..<3 {
        for (index, size) in sizes.enumerated() {
          let block = tapestry_allocate(size)!
          let address = UInt(bitPattern: block)
          #expect(address % 64 == 0, "\(size) bytes")
          if size >= 2 << 20 { #expect(address % (2 << 20) == 0, "\(size) bytes") }
          let mark = UInt8(truncatingIfNeeded: index &* 31 &+ round)
          block.initializeMemory(as: UInt8.self, repeating: mark, count: size)
          live.append((block, size, mark))
        }
        for (block, size, mark) in live {
          let bytes = UnsafeRawBufferPointer(start: block, count: size)
          #expect(bytes.allSatisfy { $0 == mark }, "\(size) bytes")
          tapestry_release(block, size)
        }
        live = []
      }
    }

    @Test("memory: a released block is handed out again, and trimming gives everything back")
    func reuse() {
      tapestry_pool_trim()
      #expect(tapestry_pool_idle_bytes() == 0)
      for size in [100, 5_000, 3_000_000] {
        let block = tapestry_allocate(size)
        tapestry_release(block, size)
        #expect(tapestry_pool_idle_bytes() >= Int64(size))
        #expect(tapestry_pool_idle_bytes() <= Int64(size + size / 8 + 64))
        #expect(tapestry_allocate(size) == block)
        #expect(tapestry_pool_idle_bytes() == 0)
        tapestry_release(block, size)
        tapestry_pool_trim()
        #expect(tapestry_pool_idle_bytes() == 0)
      }
    }

    @Test("memory: threads may allocate and release at the same time")
    func concurrent() {
      final class Counts: @unchecked Sendable {
        let wrong = UnsafeMutablePointer<Int>.allocate(capacity: 64)
      }
      let counts = Counts()
      counts.wrong.initialize(repeating: 0, count: 64)
      KernelRuns.forEach { _, _ in
        tapestry_parallel(64, counts.wrong) { context, index in
          let wrong = context!.assumingMemoryBound(to: Int.self) + Int(index)
          for round in 0..<50 {
            let size = 64 + (round * 7 + Int(index)) % 900
            let block = tapestry_allocate(size)!
            let words = block.bindMemory(to: Int64.self, capacity: 8)
            for word in 0..<8 { words[word] = index }
            for word in 0..<8 where words[word] != index { wrong.pointee += 1 }
            tapestry_release(block, size)
          }
        }
      }
      #expect((0..<64).allSatisfy { counts.wrong[$0] == 0 })
      counts.wrong.deallocate()
    }
  }
}
