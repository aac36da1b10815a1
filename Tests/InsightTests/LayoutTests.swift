import Tapestry
import TapestryInsight
import Testing

@Suite("Layered layout")
struct LayoutTests {
  /// A random graph whose edges go from earlier to later boxes.
  private func randomGraph(_ seed: UInt64) -> (sizes: [(Double, Double)], edges: [(Int, Int)]) {
    let source = RandomSource(seed: seed)
    let count = 2 + source.integer(below: 24)
    let sizes = (0..<count).map { _ in
      (Double(20 + source.integer(below: 120)), Double(20 + source.integer(below: 60)))
    }
    var edges: [(Int, Int)] = []
    for to in 1..<count {
      for _ in 0...source.integer(below: 2) {
        let from = source.integer(below: to)
        if !edges.contains(where: { $0 == (from, to) }) { edges.append((from, to)) }
      }
    }
    return (sizes, edges)
  }

  @Test("boxes never overlap and edges go down", arguments: 0..<40 as Range<UInt64>)
  func random(seed: UInt64) {
    let (sizes, edges) = randomGraph(seed)
    let layout = LayeredLayout(
      sizes: sizes.map { (width: $0.0, height: $0.1) },
      edges: edges.map { (from: $0.0, to: $0.1) }, frames: sizes.map { _ in [] })
    for edge in edges { #expect(layout.ranks[edge.0] < layout.ranks[edge.1]) }
    for a in sizes.indices {
      for b in sizes.indices where b > a {
        let (p, q) = (layout.center(of: a), layout.center(of: b))
        let isApart =
          abs(p.x - q.x) >= (sizes[a].0 + sizes[b].0) / 2 + 25.9
          || abs(p.y - q.y) >= (sizes[a].1 + sizes[b].1) / 2 + 33.9
        #expect(isApart, "boxes \(a) and \(b)")
      }
    }
  }

  @Test("a chain is straight, also beside a shortcut")
  func chain() {
    let layout = LayeredLayout(
      sizes: [(100, 30), (40, 30), (80, 30), (60, 30)],
      edges: [(0, 1), (1, 2), (2, 3), (0, 3)], frames: [[], [], [], []])
    #expect(layout.isShortcut == [false, false, false, true])
    let places = (0..<4).map { layout.center(of: $0).x }
    #expect(places.allSatisfy { $0 == places[0] })
    #expect(layout.waypoints[3].allSatisfy { layout.x[$0] > places[0] + 40 })
  }

  @Test("a join is below the middle of its branches")
  func fork() {
    let layout = LayeredLayout(
      sizes: Array(repeating: (50, 30), count: 5),
      edges: [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)],
      frames: Array(repeating: [], count: 5))
    let x = (0..<5).map { layout.center(of: $0).x }
    #expect(abs(x[0] - x[2]) < 1 && abs(x[4] - x[2]) < 1)
    #expect(abs((x[1] + x[3]) / 2 - x[2]) < 1)
  }

  @Test("edges that need not cross do not")
  func crossings() {
    // 0 and 1 lead to 3 and 2, which lead to 4 and 5: drawn in the order of numbers they would cross twice.
    let layout = LayeredLayout(
      sizes: Array(repeating: (50, 30), count: 6), edges: [(0, 3), (1, 2), (2, 5), (3, 4)],
      frames: Array(repeating: [], count: 6))
    let x = (0..<6).map { layout.center(of: $0).x }
    #expect((x[0] < x[1]) == (x[3] < x[2]))
    #expect((x[3] < x[2]) == (x[4] < x[5]))
  }
}
