import CTapestryKernels
import Testing

extension KernelSuite {
  @Suite struct Threads {
    private static func withThreads(_ counts: [Int32], _ body: (Int32) -> Void) {
      let before = tapestry_thread_count()
      for count in counts {
        tapestry_set_thread_count(count)
        #expect(tapestry_thread_count() == count)
        body(count)
      }
      tapestry_set_thread_count(before)
    }

    @Test("threads: every index is visited once, in thousands of small regions")
    func everyIndex() {
      let visits = UnsafeMutablePointer<Int32>.allocate(capacity: 100)
      defer { visits.deallocate() }
      Self.withThreads([1, 2, 3, 5, 2, 8, 1]) { threads in
        for region in 0..<2_000 {
          let count = region % 100
          visits.initialize(repeating: 0, count: 100)
          tapestry_parallel(Int64(count), visits) { context, index in
            context!.assumingMemoryBound(to: Int32.self)[Int(index)] += 1
          }
          let right = (0..<100).allSatisfy { visits[$0] == ($0 < count ? 1 : 0) }
          if !right { Issue.record("region \(region) of \(count) indices on \(threads) threads") }
        }
      }
    }

    @Test("threads: a region inside a region runs on its caller")
    func nested() {
      let sums = UnsafeMutablePointer<Int64>.allocate(capacity: 20)
      defer { sums.deallocate() }
      Self.withThreads([1, 2, 3]) { _ in
        sums.initialize(repeating: 0, count: 20)
        tapestry_parallel(20, sums) { context, outer in
          let slot = context! + Int(outer) * 8
          tapestry_parallel(100, slot) { context, inner in
            context!.assumingMemoryBound(to: Int64.self).pointee += inner
          }
        }
        #expect((0..<20).allSatisfy { sums[$0] == 4950 })
      }
    }

    @Test("threads: counts below one mean one")
    func atLeastOne() {
      let before = tapestry_thread_count()
      tapestry_set_thread_count(0)
      #expect(tapestry_thread_count() == 1)
      tapestry_set_thread_count(-3)
      #expect(tapestry_thread_count() == 1)
      tapestry_set_thread_count(before)
    }
  }
}
