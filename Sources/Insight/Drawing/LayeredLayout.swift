/// Places for the boxes of a directed graph in ranks, with routed edges.
///
/// Four steps after Sugiyama, Tagawa and Toda (1981): ranks, an order in every rank with few crossings, positions
/// with straight chains, routes. Boxes must be in an order in which every edge goes from an earlier to a later one.
package struct LayeredLayout {
  package struct Point: Equatable {
    package var x: Double
    package var y: Double
  }

  /// What is laid out: a box, or a place where an edge passes through a rank.
  struct Item {
    var width: Double
    var height: Double
    /// `nil` for a place of an edge.
    var box: Int?
    var rank: Int
    var above: [Link] = []
    var below: [Link] = []
  }

  /// A piece of an edge between neighbouring ranks.
  struct Link {
    var item: Int
    /// Whether a longer path leads to the same place, as beside the shortcut of a residual block.
    var isShortcut: Bool
  }

  package struct Spacing {
    package init() {}
    var box = 26.0
    var edge = 16.0
    var rank = 34.0
    /// Above the first rank of a frame, for its name.
    var frameTop = 22.0
    var frameBottom = 10.0
    var frameSide = 10.0
  }

  let edges: [(from: Int, to: Int)]
  package let isShortcut: [Bool]
  /// The rank of every box.
  package private(set) var ranks: [Int]
  private(set) var items: [Item] = []
  /// The items that an edge passes through.
  package private(set) var waypoints: [[Int]] = []
  /// Items of every rank from left to right.
  private(set) var order: [[Int]] = []
  /// The middle of every item.
  package private(set) var x: [Double] = []
  private(set) var rankTop: [Double] = []
  private(set) var rankHeight: [Double] = []
  private(set) var width = 0.0
  private(set) var height = 0.0

  /// - Parameters:
  ///   - sizes: of the boxes.
  ///   - edges: from earlier to later boxes.
  ///   - frames: the blocks that every box lies in, outermost first, which take space around their boxes.
  package init(
    sizes: [(width: Double, height: Double)], edges: [(from: Int, to: Int)], frames: [[Int]],
    spacing: Spacing = Spacing()
  ) {
    self.edges = edges
    ranks = Self.ranks(count: sizes.count, edges)
    isShortcut = Self.shortcuts(count: sizes.count, edges)
    addItems(sizes)
    order = Ordering(items: items, seed: initialOrder()).best()
    x = Columns(items: items, order: order, frames: itemFrames(frames), spacing: spacing).solve()
    placeRanks(frames, spacing)
    let left = items.indices.map { x[$0] - items[$0].width / 2 }.min() ?? 0
    for index in x.indices { x[index] -= left }
    width = items.indices.map { x[$0] + items[$0].width / 2 }.max() ?? 0
  }

  /// The middle of a box.
  package func center(of box: Int) -> Point {
    Point(x: x[box], y: rankTop[ranks[box]] + rankHeight[ranks[box]] / 2)
  }

  // MARK: Ranks

  private static func ranks(count: Int, _ edges: [(from: Int, to: Int)]) -> [Int] {
    var ranks = [Int](repeating: 0, count: count)
    var inDegree = ranks
    var outDegree = ranks
    for edge in edges {
      inDegree[edge.to] += 1
      outDegree[edge.from] += 1
    }
    let byTarget = edges.sorted { ($0.to, $0.from) < ($1.to, $1.from) }
    for edge in byTarget { ranks[edge.to] = max(ranks[edge.to], ranks[edge.from] + 1) }
    // What has more edges out than in moves down to what reads it: a parameter next to its op.
    var targets = [[Int]](repeating: [], count: count)
    for edge in edges { targets[edge.from].append(edge.to) }
    for box in (0..<count).reversed() where inDegree[box] < outDegree[box] {
      ranks[box] = (targets[box].map { ranks[$0] }.min() ?? 1) - 1
    }
    let first = ranks.min() ?? 0
    return ranks.map { $0 - first }
  }

  private static func shortcuts(count: Int, _ edges: [(from: Int, to: Int)]) -> [Bool] {
    let words = (count + 63) / 64
    var ancestors = [[UInt64]](repeating: [UInt64](repeating: 0, count: words), count: count)
    var sources = [[Int]](repeating: [], count: count)
    for edge in edges { sources[edge.to].append(edge.from) }
    for box in 0..<count {
      for source in sources[box] {
        ancestors[box][source / 64] |= 1 << UInt64(source % 64)
        for word in 0..<words { ancestors[box][word] |= ancestors[source][word] }
      }
    }
    return edges.map { edge in
      sources[edge.to].contains { other in
        other != edge.from
          && ancestors[other][edge.from / 64] >> UInt64(edge.from % 64) & 1 == 1
      }
    }
  }

  // MARK: Items

  private mutating func addItems(_ sizes: [(width: Double, height: Double)]) {
    for (box, size) in sizes.enumerated() {
      items.append(Item(width: size.width, height: size.height, box: box, rank: ranks[box]))
    }
    for (index, edge) in edges.enumerated() {
      var path = [edge.from]
      for rank in ranks[edge.from] + 1..<max(ranks[edge.to], ranks[edge.from] + 1) {
        path.append(items.count)
        items.append(Item(width: 6, height: 0, box: nil, rank: rank))
      }
      path.append(edge.to)
      for (upper, lower) in zip(path, path.dropFirst()) {
        items[upper].below.append(Link(item: lower, isShortcut: isShortcut[index]))
        items[lower].above.append(Link(item: upper, isShortcut: isShortcut[index]))
      }
      waypoints.append(Array(path.dropFirst().dropLast()))
    }
  }

  /// By a walk from the sources, shortcuts last: they come to lie on the right.
  private func initialOrder() -> [[Int]] {
    var order = [[Int]](repeating: [], count: (items.map(\.rank).max() ?? 0) + 1)
    var isSeen = [Bool](repeating: false, count: items.count)
    var stack = items.indices.filter { items[$0].above.isEmpty }.reversed() as [Int]
    while let item = stack.popLast() {
      if isSeen[item] { continue }
      isSeen[item] = true
      order[items[item].rank].append(item)
      let links = items[item].below
      stack += links.filter(\.isShortcut).map(\.item).reversed()
      stack += links.filter { !$0.isShortcut }.map(\.item).reversed()
    }
    return order
  }

  private func itemFrames(_ frames: [[Int]]) -> [[Int]] {
    var result = items.map { $0.box.map { frames[$0] } ?? [] }
    for (index, edge) in edges.enumerated() {
      // An edge passes through the frames that hold both its ends.
      let common = zip(frames[edge.from], frames[edge.to]).prefix { $0 == $1 }.map(\.0)
      for item in waypoints[index] { result[item] = common }
    }
    return result
  }

  // MARK: Heights

  private mutating func placeRanks(_ frames: [[Int]], _ spacing: Spacing) {
    let count = order.count
    rankHeight = [Double](repeating: 0, count: count)
    for item in items { rankHeight[item.rank] = max(rankHeight[item.rank], item.height) }
    var first: [Int: Int] = [:]
    var last: [Int: Int] = [:]
    for (box, blocks) in frames.enumerated() {
      for block in blocks {
        first[block] = min(first[block] ?? .max, ranks[box])
        last[block] = max(last[block] ?? 0, ranks[box])
      }
    }
    // Frames that begin or end at a rank lie around one another only along one box's list of blocks.
    var starts = [Int](repeating: 0, count: count)
    var ends = starts
    for (box, blocks) in frames.enumerated() {
      let rank = ranks[box]
      starts[rank] = max(starts[rank], blocks.filter { first[$0] == rank }.count)
      ends[rank] = max(ends[rank], blocks.filter { last[$0] == rank }.count)
    }
    var y = 0.0
    for rank in 0..<count {
      y += Double(starts[rank]) * spacing.frameTop
      rankTop.append(y)
      y += rankHeight[rank] + Double(ends[rank]) * spacing.frameBottom
      height = y
      y += spacing.rank
    }
  }
}
