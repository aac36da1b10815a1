/// Where the parts of a plot are, in pixels.
struct PlotLayout {
  let plot: LinePlot
  let width = 720
  let panelHeight = 200
  let left = 76
  let right = 24
  let top = 54
  let gap = 34
  let bottom = 52

  var height: Int { top + plot.panels.count * (panelHeight + gap) - gap + bottom }
  var innerWidth: Double { Double(width - left - right) }

  func panelTop(_ index: Int) -> Double { Double(top + index * (panelHeight + gap)) }

  var horizontal: PlotAxis {
    let values = plot.panels.flatMap { $0.series.flatMap { $0.points.map(\.x) } }
    return plot.isLogarithmic
      ? PlotAxis(values, isLogarithmic: true, count: 8) : PlotAxis(steps: values, count: 10)
  }

  func vertical(_ panel: LinePlot.Panel) -> PlotAxis {
    PlotAxis(
      panel.series.flatMap { $0.points.map(\.y) }, range: panel.range, isLogarithmic: false,
      count: 5)
  }

  /// Where a mark stands; `nil` for one outside the axis.
  func place(ofMark x: Double, _ horizontal: PlotAxis) -> Double? {
    let share = horizontal.position(x)
    return (0...1).contains(share) ? Double(left) + share * innerWidth : nil
  }

  /// The corners of a curve in its panel, values outside the panel's range at its edge.
  func corners(
    _ series: LinePlot.Series, _ index: Int, _ horizontal: PlotAxis, _ vertical: PlotAxis
  ) -> [(x: Double, y: Double)] {
    let corners = series.points.compactMap { point -> (x: Double, y: Double)? in
      guard point.x.isFinite, point.y.isFinite, !horizontal.isLogarithmic || point.x > 0 else {
        return nil
      }
      let share = min(max(vertical.position(point.y), 0), 1)
      return (
        Double(left) + horizontal.position(point.x) * innerWidth,
        panelTop(index) + (1 - share) * Double(panelHeight)
      )
    }
    return thinned(corners)
  }

  /// The same curve to the eye from a limited number of corners: of those in the same half pixel across, the first, the
  /// highest, the lowest and the last.
  private func thinned(_ corners: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    guard Double(corners.count) > 8 * innerWidth else { return corners }
    var kept: [(x: Double, y: Double)] = []
    var start = 0
    while start < corners.count {
      let column = (corners[start].x * 2).rounded(.down)
      let end =
        corners[start...].firstIndex { ($0.x * 2).rounded(.down) != column } ?? corners.count
      let high = (start..<end).min { corners[$0].y < corners[$1].y } ?? start
      let low = (start..<end).max { corners[$0].y < corners[$1].y } ?? start
      var last = -1
      for place in [start, min(high, low), max(high, low), end - 1] where place != last {
        kept.append(corners[place])
        last = place
      }
      start = end
    }
    return kept
  }
}
