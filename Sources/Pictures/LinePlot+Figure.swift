import TapestryFiles

extension LinePlot {
  /// The plot as an SVG document, which needs nothing outside itself.
  public var svg: String { figure().svg().text }

  /// The plot as pixels, two for each unit of the SVG, on white.
  public func raster() -> RasterImage { figure().raster() }

  /// The plot as a picture.
  package func figure() -> Figure {
    let layout = PlotLayout(plot: self)
    var figure = Figure(width: Double(layout.width), height: Double(layout.height), title: title)
    let left = Double(layout.left)
    figure.text(
      fitted(title, width: layout.innerWidth, size: 15, isBold: true), x: left, y: 22, size: 15,
      isBold: true)
    for index in panels.indices { layout.draw(panel: index, on: &figure) }
    figure.text(
      horizontalLabel, x: left + layout.innerWidth / 2, y: Double(layout.height - 12),
      anchor: .middle, color: .named("soft"))
    return figure
  }
}

extension PlotLayout {
  /// The colours of the curves: distinct also for readers who do not tell red from green.
  private static let colors = ["blue", "orange", "violet", "teal"]

  private func color(_ series: Int) -> Figure.Color {
    .named(Self.colors[series % Self.colors.count])
  }

  fileprivate func draw(panel index: Int, on figure: inout Figure) {
    let panel = plot.panels[index]
    let (horizontal, vertical) = (horizontal, vertical(panel))
    drawGrid(panel: index, horizontal, vertical, on: &figure)
    drawMarks(panel: index, horizontal, on: &figure)
    let caption = panelTop(index) - 8
    figure.text(panel.label, x: Double(left), y: caption, isBold: true)
    let legendEnd = Double(left) + textWidth(panel.label, size: 12, isBold: true) + 16
    var legend = Double(width - right)
    for (number, series) in panel.series.enumerated() {
      let corners = corners(series, index, horizontal, vertical)
      if corners.count > 1 {
        figure.line(corners, width: 2, color: color(number))
      } else if let only = corners.first {
        figure.disc(x: only.x, y: only.y, radius: 3, color: color(number))
      }
      // Names that do not fit beside the panel's own are left out.
      let length = textWidth(series.name, size: 12)
      guard panel.series.count > 1, legend - length > legendEnd else { continue }
      figure.text(series.name, x: legend, y: caption, anchor: .end, color: color(number))
      legend -= length + 16
    }
  }

  private func drawGrid(
    panel index: Int, _ horizontal: PlotAxis, _ vertical: PlotAxis, on figure: inout Figure
  ) {
    let (top, height) = (panelTop(index), Double(panelHeight))
    let (left, right) = (Double(left), Double(width - right))
    for tick in vertical.ticks {
      let y = top + (1 - vertical.position(tick)) * height
      figure.line([(left, y), (right, y)], width: 0.75, color: .named("faint"))
      figure.text(
        PlotAxis.text(tick), x: left - 8, y: y + 4, anchor: .end, color: .named("soft"))
    }
    var end = -Double.infinity
    for tick in horizontal.ticks {
      let x = left + horizontal.position(tick) * innerWidth
      figure.line([(x, top), (x, top + height)], width: 0.5, color: .named("faint"))
      let text = PlotAxis.text(tick)
      let half = textWidth(text, size: 12) / 2
      // A number that would touch the one before is left out.
      guard index == plot.panels.count - 1, x - half > end + 6 else { continue }
      end = x + half
      figure.text(text, x: x, y: top + height + 18, anchor: .middle, color: .named("soft"))
    }
  }

  /// Lines at the marked places, their texts in as many rows as it takes that none lies on another.
  private func drawMarks(panel index: Int, _ horizontal: PlotAxis, on figure: inout Figure) {
    let (top, height) = (panelTop(index), Double(panelHeight))
    let border = Double(width - right)
    var ends: [Double] = []
    for (value, text) in plot.panels[index].marks.sorted(by: { $0.x < $1.x }) {
      guard let x = place(ofMark: value, horizontal) else { continue }
      figure.line([(x, top), (x, top + height)], width: 1, dashes: [4, 3], color: .named("red"))
      let length = textWidth(text, size: 12)
      let isLeft = x + 6 + length > border
      let start = isLeft ? x - 6 - length : x + 6
      let row = ends.firstIndex { $0 + 6 < start } ?? ends.count
      if row == ends.count { ends.append(0) }
      ends[row] = start + length
      figure.text(
        text, x: isLeft ? x - 6 : x + 6, y: top + 14 + 15 * Double(row),
        anchor: isLeft ? .end : .start, color: .named("red"))
    }
  }
}
