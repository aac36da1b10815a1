import CTapestryKernels
import Testing

extension KernelSuite {
  /// What the pool holds belongs to the process, and other suites use it: tests that say where a block lies or how much is
  /// idle run in processes of their own.
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
    func reuse() async {
      await #expect(processExitsWith: .success) {
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
    }

    @Test("memory: free neighbours join, and a request takes the smallest stretch that fits")
    func joining() async {
      await #expect(processExitsWith: .success) {
        tapestry_pool_trim()
        let size = 1_000_000
        let blocks = (0..<7).map { _ in tapestry_allocate(size)! }
        // 0 to 2 are one stretch now, 4 another; 3, 5 and 6 stay.
        for index in [1, 4, 0, 2] { tapestry_release(blocks[index], size) }
        #expect(tapestry_allocate(size) == blocks[4])
        #expect(tapestry_allocate(3 * size) == blocks[0])
        tapestry_release(blocks[0], 3 * size)
        // The rest of a cut stretch serves another request.
        #expect(tapestry_allocate(size) == blocks[0])
        let taken = tapestry_pool_taken_bytes()
        let second = tapestry_allocate(2 * size)!
        #expect(second > blocks[0] && second < blocks[3])
        #expect(tapestry_pool_taken_bytes() == taken)
        for block in [blocks[0], blocks[3], blocks[4], blocks[5], blocks[6]] {
          tapestry_release(block, size)
        }
        tapestry_release(second, 2 * size)
        // All is one again: the whole fits at the beginning.
        #expect(tapestry_allocate(7 * size) == blocks[0])
        #expect(tapestry_pool_taken_bytes() == taken)
        tapestry_release(blocks[0], 7 * size)
        tapestry_pool_trim()
        #expect(tapestry_pool_idle_bytes() == 0)
      }
    }

    @Test("memory: what a huge block leaves is kept for huge ones")
    func huge() async {
      await #expect(processExitsWith: .success) {
        tapestry_pool_trim()
        let (size, small) = (200 << 20, 3_000_000)
        let block = tapestry_allocate(size)!
        let other = tapestry_allocate(small)!
        tapestry_release(block, size)
        let blocks = (0..<80).map { _ in tapestry_allocate(small)! }
        #expect(blocks.allSatisfy { $0 + small <= block || $0 >= block + size })
        let taken = tapestry_pool_taken_bytes()
        #expect(tapestry_allocate(size) == block)
        #expect(tapestry_pool_taken_bytes() == taken)
        for each in blocks + [other] { tapestry_release(each, small) }
        tapestry_release(block, size)
        tapestry_pool_trim()
        #expect(tapestry_pool_idle_bytes() == 0)
      }
    }

    @Test("memory: any order of requests and releases keeps blocks apart and loses nothing")
    func anyOrder() async {
      await #expect(processExitsWith: .success) {
        tapestry_pool_trim()
        var numbers = TestNumbers(11)
        var live: [(block: UnsafeMutableRawPointer, size: Int, mark: UInt64)] = []
        func release(_ index: Int) {
          let (block, size, mark) = live.remove(at: index)
          let words = block.assumingMemoryBound(to: UInt64.self)
          #expect(words[0] == mark && words[size / 8 - 1] == mark, "\(size) bytes")
          tapestry_release(block, size)
        }
        for round in 0..<4_000 {
          if live.count > 60 || (!live.isEmpty && numbers.chance(2)) {
            release(numbers.int(0...live.count - 1))
          } else {
            let size = numbers.int(1 << 10...(1 << numbers.int(11...22))) * 8
            let block = tapestry_allocate(size)!
            let words = block.bindMemory(to: UInt64.self, capacity: size / 8)
            words[0] = UInt64(round)
            words[size / 8 - 1] = UInt64(round)
            live.append((block, size, UInt64(round)))
          }
          if round % 1_000 == 500 { tapestry_pool_trim() }
        }
        while !live.isEmpty { release(live.count - 1) }
        #expect(tapestry_pool_idle_bytes() > 0)
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
