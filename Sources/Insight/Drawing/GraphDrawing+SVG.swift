import TapestryFiles
import TapestryPictures

extension GraphDrawing {
  private static let margin = 24.0
  private static let lineHeight = 17.0
  private static let smallSize = 11.0
  private static let textSize = 13.0

  /// The drawing as SVG: from top to bottom, frames around blocks, colours by family, light or dark as the reader's
  /// theme. A pointer over a box shows operands, parameters and call sites.
  ///
  /// - Parameter costs: whether boxes say multiply-accumulates and bytes.
  public func svg(costs: Bool = false) -> SVGPicture {
    let names = frameNames
    let layout = LayeredLayout(
      sizes: boxes.map { size(of: $0, costs: costs) }, edges: edges.map { ($0.from, $0.to) },
      frames: boxes.map { names.places(of: $0) })
    let frames = frames(names, layout)
    let left = min(0, frames.map(\.x).min() ?? 0)
    let right = max(layout.width, frames.map { $0.x + $0.width }.max() ?? 0)
    let head = title.isEmpty && summary.isEmpty ? 0.0 : 46
    let key = legend
    let keyWidth = key.reduce(0) { $0 + textWidth($1.1, size: Self.smallSize) + 30 }
    let headWidth = max(textWidth(title, size: 17, isBold: true), textWidth(summary, size: 12))
    let inner = max(right - left, headWidth, min(keyWidth, 420))
    let keyRows = rows(of: key, width: inner)
    var picture = SVGPicture(
      width: inner + 2 * Self.margin,
      height: layout.height + head + Double(keyRows.count) * 20 + 16 + 2 * Self.margin,
      title: title.isEmpty ? "graph" : title)
    picture.style = Self.style
    if !title.isEmpty {
      picture.text(title, x: Self.margin, y: Self.margin + 14, size: 17, isBold: true)
    }
    picture.text(summary, x: Self.margin, y: Self.margin + 33, size: 12, color: "soft")
    let shift = Self.margin - left + (inner - (right - left)) / 2
    picture.append("<g transform=\"translate(\(number(shift)),\(number(Self.margin + head)))\">")
    for frame in frames { frame.draw(on: &picture) }
    for index in edges.indices { picture.append(path(of: index, layout)) }
    for frame in frames { frame.drawName(on: &picture) }
    for index in boxes.indices { draw(index, layout, costs, on: &picture) }
    picture.append("</g>")
    draw(keyRows, top: Self.margin + head + layout.height + 28, on: &picture)
    return picture
  }

  // MARK: Boxes

  private func size(of box: Box, costs: Bool) -> (width: Double, height: Double) {
    var width = 60.0
    if !box.shortPath.isEmpty {
      width = max(
        width, textWidth(heading(box), size: Self.smallSize, isBold: box.family == .block))
    }
    for line in box.lines {
      width = max(width, textWidth(line, size: Self.textSize, isBold: box.family != .block))
    }
    let figures = box.figures(costs: costs)
    for line in figures { width = max(width, textWidth(line, size: Self.smallSize)) }
    let rows = box.lines.count + figures.count + (heading(box).isEmpty ? 0 : 1)
    return (width + 22, Double(rows) * Self.lineHeight + 10)
  }

  private func heading(_ box: Box) -> String {
    box.repeats > 1 ? "\(box.shortPath) and \(box.repeats - 1) more like it" : box.shortPath
  }

  private func draw(
    _ index: Int, _ layout: LayeredLayout, _ costs: Bool, on picture: inout SVGPicture
  ) {
    let box = boxes[index]
    let center = layout.center(of: index)
    let size = size(of: box, costs: costs)
    let (left, top) = (center.x - size.width / 2, center.y - size.height / 2)
    picture.append("<g class=\"\(box.family.rawValue)\"><title>\(escaped(box.tip))</title>")
    func rectangle(_ offset: Double) {
      picture.append(
        Self.box(
          box.family, x: left + offset, y: top - offset, width: size.width, height: size.height,
          radius: 6))
    }
    if box.repeats > 1 {
      rectangle(6)
      rectangle(3)
    }
    rectangle(0)
    var y = top + Self.lineHeight
    func line(_ text: String, _ size: Double, _ color: String, bold: Bool) {
      picture.text(
        text, x: center.x, y: y, size: size, anchor: .middle, color: color, isBold: bold)
      y += Self.lineHeight
    }
    if !heading(box).isEmpty {
      line(heading(box), Self.smallSize, "soft", bold: box.family == .block)
    }
    for (place, text) in box.lines.enumerated() {
      line(text, Self.textSize, "ink", bold: place == 0 && box.family != .block)
    }
    for text in box.figures(costs: costs) { line(text, Self.smallSize, "soft", bold: false) }
    picture.append("</g>")
  }

  // MARK: Edges

  private func path(of index: Int, _ layout: LayeredLayout) -> String {
    let edge = edges[index]
    let (start, end) = (layout.center(of: edge.from), layout.center(of: edge.to))
    var x = port(index, of: edge.from, isOut: true, layout)
    let startRank = layout.ranks[edge.from]
    var y = start.y + layout.items[edge.from].height / 2
    var path = "M\(number(x)),\(number(y))"
    func vertical(to target: Double) {
      if target > y + 0.01 { path += "V\(number(target))" }
      y = target
    }
    func curve(toX target: Double, y bottom: Double) {
      if abs(target - x) < 0.5 {
        path += "V\(number(bottom))"
      } else {
        let middle = (y + bottom) / 2
        path +=
          "C\(number(x)),\(number(middle)) \(number(target)),\(number(middle)) \(number(target)),\(number(bottom))"
      }
      (x, y) = (target, bottom)
    }
    vertical(to: layout.rankTop[startRank] + layout.rankHeight[startRank])
    for item in layout.waypoints[index] {
      let rank = layout.items[item].rank
      curve(toX: layout.x[item], y: layout.rankTop[rank])
      vertical(to: layout.rankTop[rank] + layout.rankHeight[rank])
    }
    let target = port(index, of: edge.to, isOut: false, layout)
    let top = end.y - layout.items[edge.to].height / 2
    curve(toX: target, y: layout.rankTop[layout.ranks[edge.to]])
    vertical(to: top)
    let dashes = layout.isShortcut[index] ? " stroke-dasharray=\"5 3\"" : ""
    let line = SVGPicture.paint(fill: "none", stroke: "soft", classes: ["edge"])
    // The arrow head is a path, because markers do not follow the theme everywhere.
    let head =
      "<path d=\"M\(number(target)),\(number(top))l-4,-7h8z\"\(SVGPicture.paint(fill: "soft"))/>"
    return "<path d=\"\(path)\"\(line) stroke-width=\"1.4\"\(dashes)/>\(head)"
  }

  /// Where along a box's side an edge is attached: in the middle, or side by side in the order of the places that
  /// the edges lead to. A shortcut leaves the middle to the others.
  private func port(_ index: Int, of box: Int, isOut: Bool, _ layout: LayeredLayout) -> Double {
    let center = layout.center(of: box).x
    func far(_ edge: Int) -> Double {
      let next =
        isOut
        ? layout.waypoints[edge].first ?? edges[edge].to
        : layout.waypoints[edge].last ?? edges[edge].from
      return layout.x[next]
    }
    let siblings = edges.indices.filter { (isOut ? edges[$0].from : edges[$0].to) == box }
    guard siblings.count > 1 else { return center }
    let width = layout.items[box].width
    let step = min(18, (width - 24) / Double(siblings.count))
    let main = siblings.filter { !layout.isShortcut[$0] }
    let sorted = siblings.sorted { (far($0), $0) < (far($1), $1) }
    guard let place = sorted.firstIndex(of: index) else { return center }
    if main.count == 1, let middle = sorted.firstIndex(of: main[0]) {
      return center + Double(place - middle) * step
    }
    return center + (Double(place) - Double(sorted.count - 1) / 2) * step
  }

  // MARK: Legend

  private var legend: [(Family, String)] {
    Family.allCases.filter { family in boxes.contains { $0.family == family } }
      .map { ($0, $0.rawValue) }
  }

  private func rows(of key: [(Family, String)], width: Double) -> [[(Family, String)]] {
    var rows: [[(Family, String)]] = [[]]
    var used = 0.0
    for entry in key {
      let size = textWidth(entry.1, size: Self.smallSize) + 30
      if used + size > width, !rows[rows.count - 1].isEmpty {
        rows.append([])
        used = 0
      }
      rows[rows.count - 1].append(entry)
      used += size
    }
    return rows
  }

  private func draw(_ rows: [[(Family, String)]], top: Double, on picture: inout SVGPicture) {
    for (row, entries) in rows.enumerated() {
      var x = Self.margin
      let y = top + Double(row) * 20
      for (family, name) in entries {
        picture.append(
          "<g class=\"\(family.rawValue)\">"
            + Self.box(family, x: x, y: y - 10, width: 14, height: 12, radius: 3) + "</g>")
        picture.text(name, x: x + 19, y: y, size: Self.smallSize, color: "soft")
        x += textWidth(name, size: Self.smallSize) + 30
      }
    }
  }

  /// Fill and border of every family, on light and on dark paper.
  static let colors:
    [(family: Family, fill: String, line: String, dark: String, darkLine: String)] =
      [
        (.convolution, "#dbe8fb", "#3f78c9", "#1d3457", "#5e93dd"),
        (.linear, "#e6dffa", "#7453c4", "#322655", "#9a7de0"),
        (.pooling, "#fbe3d6", "#cc6a35", "#4d2c19", "#e08a58"),
        (.activation, "#fdf3cf", "#b8911c", "#453a14", "#d1ab3e"),
        (.normalization, "#dff3ec", "#2f8f72", "#17402f", "#4fb594"),
        (.joining, "#fbdcea", "#bf4581", "#4a1d34", "#dd6ea2"),
        (.shape, "#eceff3", "#7d8794", "#2b313a", "#7d8794"),
        (.loss, "#fadcda", "#c0392f", "#4a201d", "#e0746c"),
        (.input, "#ffffff", "#1c2128", "#101318", "#d5dae1"),
        (.parameter, "#f4f0e6", "#8f7f55", "#37311f", "#b5a370"),
        (.block, "#eef1f5", "#4b5666", "#262c35", "#8b97a8"),
        (.other, "#f3f4f6", "#8b93a0", "#24292f", "#8b93a0"),
      ]

  /// A rectangle in the colours of a family.
  private static func box(
    _ family: Family, x: Double, y: Double, width: Double, height: Double, radius: Double
  ) -> String {
    let color = colors.first { $0.family == family }!
    return "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\""
      + " height=\"\(number(height))\" rx=\"\(number(radius))\""
      + SVGPicture.paint(fill: color.fill, stroke: color.line, classes: ["box"])
      + " stroke-width=\"1.2\"/>"
  }

  /// The families on dark paper.
  private static var style: String {
    let rules = colors.map { entry in
      ".\(entry.family.rawValue) .box{fill:\(entry.dark);stroke:\(entry.darkLine)}\n"
    }
    return "@media (prefers-color-scheme:dark){\n\(rules.joined())}\n"
  }
}
