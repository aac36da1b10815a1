import TapestryDatasets
import TapestryGraph
import Testing

@Suite("Batches of an epoch")
struct BatchSequenceTests {
  private func epoch(workers: Int, from first: Int = 0) throws -> BatchSequence {
    try BatchLoader(
      .digits, batchSize: 50, height: 16, width: 16, seed: 9, workers: workers
    ).epoch(1, from: first)
  }

  @Test("prepared ahead or not, the batches are the same and in the same order")
  func prefetching() throws {
    let direct = try epoch(workers: 0)
    for _ in 0..<10 {
      var index = 0
      for batch in try epoch(workers: 2) {
        #expect(batch.indices == direct[index].indices)
        #expect(batch.images.scalars() == direct[index].images.scalars())
        #expect(batch.labels.integers() == direct[index].labels.integers())
        index += 1
      }
      #expect(index == 36)
    }
    #expect(direct.map(\.indices) == (0..<36).map { direct[$0].indices })
  }

  @Test("an epoch can be continued in the middle", arguments: [0, 1, 3])
  func resuming(workers: Int) throws {
    let whole = try epoch(workers: workers).map(\.indices)
    for first in [1, 17, 35, 36] {
      let rest = try epoch(workers: workers, from: first)
      #expect(rest.map(\.indices) == Array(whole[first...]))
      #expect(rest.underestimatedCount == 36 - first)
      #expect(rest.count == 36)
    }
  }

  @Test("after the end there is nothing more", arguments: [0, 1, 3])
  func end(workers: Int) throws {
    let iterator = try epoch(workers: workers, from: 34).makeIterator()
    #expect(iterator.next()?.count == 50)
    #expect(iterator.next()?.count == 47)
    for _ in 0..<3 { #expect(iterator.next() == nil) }
  }

  @Test("several walks at once do not disturb each other")
  func concurrency() async throws {
    let epoch = try epoch(workers: 2)
    let expected = epoch.order
    await withTaskGroup(of: [Int].self) { group in
      for _ in 0..<8 { group.addTask { epoch.flatMap(\.indices) } }
      for await order in group { #expect(order == expected) }
    }
  }

  @Test("a walk given up midway leaves no memory behind")
  func abandonment() async {
    // In a process of its own, because other tests make tensors at the same time.
    await #expect(processExitsWith: .success) {
      let before = LiveCounters.bytes
      // Batches that take a while to make, so that one is under way when the walk is given up.
      let loader = try BatchLoader(.digits, batchSize: 500, height: 64, width: 64)
      for number in 0..<20 {
        do {
          for (index, batch) in loader.epoch(number).enumerated() {
            guard batch.count == 500 else { fatalError("\(batch.count) images") }
            if index == number % 3 { break }
          }
        }
        guard LiveCounters.bytes == before else {
          fatalError("\(LiveCounters.bytes - before) bytes are left")
        }
      }
    }
  }
}
