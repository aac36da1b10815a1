extension LayeredLayout {
  /// Horizontal places.
  ///
  /// Items of a chain form a column, which stays straight. Columns are drawn towards those they have edges with, as
  /// far as the order and the distances in every rank allow.
  struct Columns {
    let items: [Item]
    let order: [[Int]]
    let frames: [[Int]]
    let spacing: Spacing

    private struct Distance {
      let left: Int
      let right: Int
      let least: Double
    }

    private struct Pull {
      let a: Int
      let b: Int
      let weight: Double
    }

    func solve() -> [Double] {
      let column = columns()
      let distances = distances(column)
      let pulls = pulls(column)
      var x = spread([Double](repeating: 0, count: items.count), distances)
      var degree = [Double](repeating: 0, count: items.count)
      for pull in pulls {
        degree[pull.a] += pull.weight
        degree[pull.b] += pull.weight
      }
      for _ in 0..<1500 {
        var sum = [Double](repeating: 0, count: items.count)
        for pull in pulls {
          sum[pull.a] += pull.weight * x[pull.b]
          sum[pull.b] += pull.weight * x[pull.a]
        }
        for index in x.indices where degree[index] > 0 {
          x[index] += 0.6 * (sum[index] / degree[index] - x[index])
        }
        for _ in 0..<6 {
          for distance in distances {
            let missing = distance.least - (x[distance.right] - x[distance.left])
            if missing > 0 {
              x[distance.left] -= missing / 2
              x[distance.right] += missing / 2
            }
          }
        }
      }
      x = spread(x.map { ($0 * 4).rounded() / 4 }, distances)
      return items.indices.map { x[column[$0]] }
    }

    /// Moves columns to the right until all distances are kept. An order of columns without cycles makes it end.
    private func spread(_ start: [Double], _ distances: [Distance]) -> [Double] {
      var x = start
      for _ in 0...items.count {
        var isMoved = false
        for distance in distances where x[distance.right] < x[distance.left] + distance.least - 1e-9
        {
          x[distance.right] = x[distance.left] + distance.least
          isMoved = true
        }
        if !isMoved { break }
      }
      return x
    }

    /// The first item of the column that each item belongs to.
    private func columns() -> [Int] {
      var parent = Array(items.indices)
      func root(_ item: Int) -> Int {
        var item = item
        while parent[item] != item { item = parent[item] }
        return item
      }
      var place = [Int](repeating: 0, count: items.count)
      for rank in order { for (index, item) in rank.enumerated() { place[item] = index } }
      for rank in order {
        // Two alignments between the same ranks must not cross: columns would have no common order.
        var taken: [(upper: Int, lower: Int)] = []
        var wanted: [(upper: Int, lower: Int, priority: Int)] = []
        for upper in rank {
          for link in items[upper].below {
            if let priority = priority(upper, link) { wanted.append((upper, link.item, priority)) }
          }
        }
        for (upper, lower, _) in wanted.sorted(by: { $0.priority > $1.priority }) {
          let (a, b) = (place[upper], place[lower])
          let fits = taken.allSatisfy {
            (place[$0.upper] < a && place[$0.lower] < b)
              || (place[$0.upper] > a && place[$0.lower] > b)
          }
          guard fits else { continue }
          taken.append((upper, lower))
          parent[root(lower)] = root(upper)
        }
      }
      return items.indices.map(root)
    }

    /// The weight of keeping a link straight; `nil` for none.
    private func priority(_ upper: Int, _ link: Link) -> Int? {
      let lower = link.item
      let isPass = (items[upper].box == nil, items[lower].box == nil)
      if isPass.0 && isPass.1 { return 3 }
      if link.isShortcut { return nil }
      let outgoing = items[upper].below.filter { !$0.isShortcut }.count
      let incoming = items[lower].above.filter { !$0.isShortcut }.count
      return outgoing == 1 && incoming == 1 ? 2 : nil
    }

    private func distances(_ column: [Int]) -> [Distance] {
      var least: [[Int]: Double] = [:]
      var keys: [[Int]] = []
      for rank in order {
        for (left, right) in zip(rank, rank.dropFirst()) {
          let key = [column[left], column[right]]
          guard key[0] != key[1] else { continue }
          let gap =
            items[left].box == nil || items[right].box == nil ? spacing.edge : spacing.box
          let common = zip(frames[left], frames[right]).prefix { $0 == $1 }.count
          let borders = frames[left].count + frames[right].count - 2 * common
          let distance =
            (items[left].width + items[right].width) / 2 + gap
            + Double(borders) * spacing.frameSide
          if least[key] == nil { keys.append(key) }
          least[key] = max(least[key] ?? 0, distance)
        }
      }
      return keys.map { Distance(left: $0[0], right: $0[1], least: least[$0]!) }
    }

    private func pulls(_ column: [Int]) -> [Pull] {
      var pulls: [Pull] = []
      for upper in items.indices {
        for link in items[upper].below where column[upper] != column[link.item] {
          pulls.append(
            Pull(a: column[upper], b: column[link.item], weight: link.isShortcut ? 0.02 : 1))
        }
      }
      return pulls
    }
  }
}
