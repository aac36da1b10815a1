/// How much of every pixel of a window closed polygons cover.
///
/// An edge covers all that lies to the right of it, upward edges with a minus: summed over the edges of closed polygons
/// that is what they enclose. So a row holds differences between neighbouring pixels, and the sum from its left end is
/// the coverage.
struct Coverage {
  let columns: Range<Int>
  let rows: Range<Int>
  /// For each row the pixels and one more for what lies at the right border.
  private var differences: [Float]

  /// - Parameter window: what of a picture is looked at.
  init(columns: Range<Int>, rows: Range<Int>) {
    self.columns = columns
    self.rows = rows
    differences = Array(repeating: 0, count: rows.count * (columns.count + 1))
  }

  /// Adds a closed polygon. Overlapping ones cover what either covers when they turn the same way; one that turns the
  /// other way cuts a hole.
  mutating func add(_ polygon: [Canvas.Point]) {
    guard var last = polygon.last else { return }
    for point in polygon {
      add(from: last, to: point)
      last = point
    }
  }

  /// The share of each pixel of a row that is covered, 0 ... 1.
  func shares(inRow row: Int) -> [Float] {
    let start = (row - rows.lowerBound) * (columns.count + 1)
    var sum: Float = 0
    return differences[start..<start + columns.count].map {
      sum += $0
      return min(abs(sum), 1)
    }
  }

  private mutating func add(from a: Canvas.Point, to b: Canvas.Point) {
    guard a.y != b.y, [a.x, a.y, b.x, b.y].allSatisfy(\.isFinite) else { return }
    let sign = a.y < b.y ? 1.0 : -1.0
    let (top, bottom) = a.y < b.y ? (a, b) : (b, a)
    let slope = (bottom.x - top.x) / (bottom.y - top.y)
    let from = max(top.y, Double(rows.lowerBound))
    let to = min(bottom.y, Double(rows.upperBound))
    guard from < to else { return }
    for row in Int(from.rounded(.down))..<Int(to.rounded(.up)) {
      let (y0, y1) = (max(from, Double(row)), min(to, Double(row + 1)))
      let (x0, x1) = (top.x + (y0 - top.y) * slope, top.x + (y1 - top.y) * slope)
      add(
        row: row - rows.lowerBound, height: (y1 - y0) * sign,
        from: min(x0, x1) - Double(columns.lowerBound), to: max(x0, x1) - Double(columns.lowerBound)
      )
    }
  }

  /// Adds the part of an edge within one row, from the left to the right.
  private mutating func add(row: Int, height: Double, from left: Double, to right: Double) {
    let start = row * (columns.count + 1)
    let width = Double(columns.count)
    func add(_ column: Int, _ height: Double, middle: Double) {
      let outside = middle - Double(column)
      differences[start + column] += Float(height * (1 - outside))
      if column + 1 <= columns.count { differences[start + column + 1] += Float(height * outside) }
    }
    if right <= 0 { return add(0, height, middle: 0) }
    if left >= width { return }
    guard right > left else {
      return add(Int(left), height, middle: left)
    }
    let perColumn = height / (right - left)
    if left < 0 { add(0, -left * perColumn, middle: 0) }
    var x = max(left, 0)
    let end = min(right, width)
    while x < end {
      let column = Int(x)
      let next = min(Double(column + 1), end)
      add(column, (next - x) * perColumn, middle: (x + next) / 2)
      x = next
    }
  }
}
