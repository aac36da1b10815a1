extension LinePlot {
  /// The plot as an SVG document, which needs nothing outside itself.
  public var svg: String {
    let layout = PlotLayout(plot: self)
    let horizontal = layout.horizontal
    var text = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(layout.width) \(layout.height)" \
      width="\(layout.width)" height="\(layout.height)" font-family="system-ui, sans-serif" font-size="12">
      <rect width="100%" height="100%" fill="#fff"/>
      <text x="\(layout.left)" y="22" font-size="15" font-weight="600" fill="#222">\(Self.escaped(title))</text>

      """
    for (index, panel) in panels.enumerated() {
      text += Self.drawn(panel, index, layout, horizontal, isLast: index == panels.count - 1)
    }
    let middle = Double(layout.left) + layout.innerWidth / 2
    text += """
      <text x="\(Self.short(middle))" y="\(layout.height - 12)" text-anchor="middle" fill="#444">\
      \(Self.escaped(horizontalLabel))</text>
      </svg>

      """
    return text
  }

  private static func drawn(
    _ panel: Panel, _ index: Int, _ layout: PlotLayout, _ horizontal: PlotAxis, isLast: Bool
  ) -> String {
    let vertical = layout.vertical(panel)
    let (top, height) = (layout.panelTop(index), Double(layout.panelHeight))
    let (left, right) = (Double(layout.left), Double(layout.width - layout.right))
    var text = ""
    for tick in vertical.ticks {
      let y = short(top + (1 - vertical.position(tick)) * height)
      text += """
        <path d="M\(short(left)) \(y)H\(short(right))" stroke="#e4e4e4"/>
        <text x="\(short(left - 8))" y="\(y)" dy="4" text-anchor="end" fill="#666">\(PlotAxis.text(tick))</text>

        """
    }
    for tick in horizontal.ticks {
      let x = short(left + horizontal.position(tick) * layout.innerWidth)
      text += "<path d=\"M\(x) \(short(top))V\(short(top + height))\" stroke=\"#f0f0f0\"/>\n"
      guard isLast else { continue }
      text += """
        <text x="\(x)" y="\(short(top + height + 18))" text-anchor="middle" fill="#666">\(PlotAxis.text(tick))</text>

        """
    }
    for (x, label) in panel.marks {
      guard let place = layout.place(ofMark: x, horizontal).map(short) else { continue }
      text += """
        <path d="M\(place) \(short(top))V\(short(top + height))" stroke="#b03a2e" stroke-dasharray="4 3"/>
        <text x="\(place)" y="\(short(top + 14))" dx="6" fill="#b03a2e">\(escaped(label))</text>

        """
    }
    text += """
      <text x="\(short(left))" y="\(short(top - 8))" fill="#222" font-weight="600">\(escaped(panel.label))</text>

      """
    var legend = right
    for (number, series) in panel.series.enumerated() {
      let corners = layout.corners(series, index, horizontal, vertical)
      let color = hex(number)
      let path = corners.map { "\(short($0.x)) \(short($0.y))" }.joined(separator: "L")
      if corners.count > 1 {
        text += """
          <path d="M\(path)" fill="none" stroke="\(color)" stroke-width="2" stroke-linejoin="round"/>

          """
      } else if let only = corners.first {
        text +=
          "<circle cx=\"\(short(only.x))\" cy=\"\(short(only.y))\" r=\"3\" fill=\"\(color)\"/>\n"
      }
      if panel.series.count > 1 {
        text += """
          <text x="\(short(legend))" y="\(short(top - 8))" text-anchor="end" fill="\(color)">\(escaped(series.name))</text>

          """
        legend -= Double(series.name.count) * 7 + 16
      }
    }
    return text
  }

  private static func hex(_ index: Int) -> String {
    let color = PlotLayout.colors[index % PlotLayout.colors.count]
    return "#"
      + [color.red, color.green, color.blue].map {
        let digits = String($0, radix: 16)
        return digits.count == 1 ? "0" + digits : digits
      }.joined()
  }

  /// A coordinate to a tenth of a pixel.
  private static func short(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0
      ? String(tenths / 10)
      : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
  }
}
