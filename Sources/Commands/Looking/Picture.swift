/// A gray image drawn with characters.
struct Picture {
  let width: Int
  let height: Int
  /// 0 (black) ... 1 (white), row-major.
  let brightness: [Double]

  /// The picture in at most `columns` characters, two of them side by side for a pixel: shades of the block
  /// character, which look right on a dark terminal and in a text file.
  func shaded(columns: Int) -> [String] {
    let small = reduced(toWidth: max(columns / 2, 1))
    let shades = ["  ", "░░", "▒▒", "▓▓", "██"]
    return small.rows.map { row in
      row.map { shades[min(Int($0 * 5), 4)] }.joined()
    }
  }

  /// The picture in gray colours of a terminal, two rows of pixels in a line of text. A very small one is enlarged.
  func colored(columns: Int) -> [String] {
    let rows = reduced(toWidth: columns).enlarged(by: 24 / width).rows
    func gray(_ value: Double) -> Int { 232 + min(Int(value * 24), 23) }
    return stride(from: 0, to: rows.count, by: 2).map { index in
      let lower = index + 1 < rows.count ? rows[index + 1] : nil
      let cells = rows[index].indices.map { column in
        let top = "\u{1B}[38;5;\(gray(rows[index][column]))"
        guard let lower else { return "\(top)m▀" }
        return "\(top);48;5;\(gray(lower[column]))m▀"
      }
      return cells.joined() + "\u{1B}[0m"
    }
  }

  /// The picture, made smaller until it is at most that wide.
  func reduced(toWidth limit: Int) -> Picture { reduced(by: (width + limit - 1) / limit) }

  /// The picture with the mean of each square block of `factor` x `factor` pixels in the place of the block.
  func reduced(by factor: Int) -> Picture {
    guard factor > 1 else { return self }
    let columns = (width + factor - 1) / factor
    let rows = (height + factor - 1) / factor
    var means: [Double] = []
    means.reserveCapacity(rows * columns)
    for top in stride(from: 0, to: height, by: factor) {
      for left in stride(from: 0, to: width, by: factor) {
        let (bottom, right) = (min(top + factor, height), min(left + factor, width))
        let sum = (top..<bottom).reduce(0.0) { sum, y in
          brightness[y * width + left..<y * width + right].reduce(sum, +)
        }
        means.append(sum / Double((bottom - top) * (right - left)))
      }
    }
    return Picture(width: columns, height: rows, brightness: means)
  }

  /// The picture with each pixel repeated to a square block.
  private func enlarged(by factor: Int) -> Picture {
    guard factor > 1 else { return self }
    let lines = rows.map { row in row.flatMap { Array(repeating: $0, count: factor) } }
    return Picture(
      width: width * factor, height: height * factor,
      brightness: lines.flatMap { Array(repeating: $0, count: factor).joined() })
  }

  private var rows: [[Double]] {
    (0..<height).map { Array(brightness[$0 * width..<($0 + 1) * width]) }
  }
}
