import TapestryPictures

extension LayeredLayout {
  /// Orders the items of every rank so that few edges cross: sweeps by the mean place of the neighbours, then swaps
  /// of neighbours that cross less when swapped.
  struct Ordering {
    let items: [Item]
    private var order: [[Int]]
    private var place: [Double]

    init(items: [Item], seed: [[Int]]) {
      self.items = items
      order = seed
      place = [Double](repeating: 0, count: items.count)
      for rank in order.indices { number(rank) }
    }

    func best() -> [[Int]] {
      var work = self
      var best = order
      var fewest = work.crossings()
      for sweep in 0..<16 where fewest > 0 {
        let isDown = sweep % 2 == 0
        for rank in isDown ? Array(order.indices.dropFirst()) : order.indices.dropLast().reversed()
        {
          work.sort(rank, byAbove: isDown)
        }
        work.swapNeighbours()
        let count = work.crossings()
        if count < fewest {
          fewest = count
          best = work.order
        }
      }
      return best
    }

    private mutating func number(_ rank: Int) {
      for (index, item) in order[rank].enumerated() { place[item] = Double(index) }
    }

    private mutating func sort(_ rank: Int, byAbove: Bool) {
      var keys: [Int: Double] = [:]
      for item in order[rank] {
        let links = byAbove ? items[item].above : items[item].below
        keys[item] =
          links.isEmpty
          ? place[item] : links.reduce(0) { $0 + place[$1.item] } / Double(links.count)
      }
      // sort(by:) is stable: items with equal neighbours stay in order.
      order[rank].sort { keys[$0]! < keys[$1]! }
      number(rank)
    }

    private mutating func swapNeighbours() {
      var isImproved = true
      var rounds = 0
      while isImproved, rounds < 8 {
        isImproved = false
        rounds += 1
        for rank in order.indices where order[rank].count > 1 {
          for index in 0..<order[rank].count - 1 {
            let (a, b) = (order[rank][index], order[rank][index + 1])
            if crossings(b, a) < crossings(a, b) {
              order[rank].swapAt(index, index + 1)
              number(rank)
              isImproved = true
            }
          }
        }
      }
    }

    /// Between the edges of `left` and those of `right`, which lie beside each other.
    private func crossings(_ left: Int, _ right: Int) -> Int {
      func count(_ a: [Link], _ b: [Link]) -> Int {
        a.reduce(0) { sum, link in
          sum + b.reduce(0) { $0 + (place[$1.item] < place[link.item] ? 1 : 0) }
        }
      }
      return count(items[left].above, items[right].above)
        + count(items[left].below, items[right].below)
    }

    private func crossings() -> Int {
      var total = 0
      for rank in order {
        for (index, left) in rank.enumerated() {
          for right in rank[(index + 1)...] {
            for link in items[left].below {
              for other in items[right].below where place[other.item] < place[link.item] {
                total += 1
              }
            }
          }
        }
      }
      return total
    }
  }
}
