import TapestryFiles

extension LinePlot {
  /// The plot as pixels, two for each unit of the SVG, white behind.
  public func raster() -> RasterImage {
    let layout = PlotLayout(plot: self)
    var canvas = PlotCanvas(width: layout.width, height: layout.height)
    let horizontal = layout.horizontal
    let (left, right) = (Double(layout.left), Double(layout.width - layout.right))
    canvas.write(title, x: left, y: 12, color: (0x22, 0x22, 0x22))
    for (index, panel) in panels.enumerated() {
      let vertical = layout.vertical(panel)
      let (top, height) = (layout.panelTop(index), Double(layout.panelHeight))
      for tick in vertical.ticks {
        let y = top + (1 - vertical.position(tick)) * height
        canvas.line((left, y), (right, y), width: 0.5, color: (0xDD, 0xDD, 0xDD))
        canvas.write(
          PlotAxis.text(tick), x: left - 6, y: y - 5, color: (0x66, 0x66, 0x66), align: .right)
      }
      for tick in horizontal.ticks {
        let x = left + horizontal.position(tick) * layout.innerWidth
        canvas.line((x, top), (x, top + height), width: 0.5, color: (0xEC, 0xEC, 0xEC))
        if index == panels.count - 1 {
          canvas.write(
            PlotAxis.text(tick), x: x, y: top + height + 8, color: (0x66, 0x66, 0x66),
            align: .center)
        }
      }
      for (x, text) in panel.marks {
        guard let place = layout.place(ofMark: x, horizontal) else { continue }
        canvas.line((place, top), (place, top + height), width: 1, color: (0xB0, 0x3A, 0x2E))
        canvas.write(text, x: place + 6, y: top + 4, color: (0xB0, 0x3A, 0x2E))
      }
      canvas.write(panel.label, x: left, y: top - 16, color: (0x22, 0x22, 0x22))
      var legend = right
      for (number, series) in panel.series.enumerated() {
        let color = PlotLayout.colors[number % PlotLayout.colors.count]
        let corners = layout.corners(series, index, horizontal, vertical)
        for (start, end) in zip(corners, corners.dropFirst()) {
          canvas.line(start, end, width: 2, color: color)
        }
        if corners.count == 1 { canvas.line(corners[0], corners[0], width: 6, color: color) }
        guard panel.series.count > 1 else { continue }
        canvas.write(series.name, x: legend, y: top - 16, color: color, align: .right)
        legend -= PlotCanvas.width(of: series.name) + 14
      }
    }
    canvas.write(
      horizontalLabel, x: left + layout.innerWidth / 2, y: Double(layout.height - 20),
      color: (0x44, 0x44, 0x44), align: .center)
    return canvas.image
  }
}

/// Pixels to draw lines and letters on, in units of two pixels.
struct PlotCanvas {
  typealias Color = (red: UInt8, green: UInt8, blue: UInt8)
  enum Alignment { case left, center, right }

  private static let scale = 2.0
  /// Pixels of a dot of a letter.
  private static let dot = 3

  private let width: Int
  private let height: Int
  private var samples: [UInt8]

  init(width: Int, height: Int) {
    self.width = width * Int(Self.scale)
    self.height = height * Int(Self.scale)
    samples = Array(repeating: 255, count: 3 * self.width * self.height)
  }

  var image: RasterImage {
    RasterImage(width: width, height: height, channels: 3, bytes: samples)
  }

  /// How wide a text is.
  static func width(of text: String) -> Double {
    Double(text.count * (PixelFont.width + 1) * dot) / scale
  }

  /// A line with round ends. A pixel takes as much of the colour as the line covers of it, about.
  mutating func line(
    _ start: (x: Double, y: Double), _ end: (x: Double, y: Double), width: Double, color: Color
  ) {
    let (ax, ay) = (start.x * Self.scale, start.y * Self.scale)
    let (bx, by) = (end.x * Self.scale, end.y * Self.scale)
    let reach = width * Self.scale / 2 + 0.5
    let length = (bx - ax) * (bx - ax) + (by - ay) * (by - ay)
    let columns = Int(min(ax, bx) - reach)...Int(max(ax, bx) + reach + 1)
    let rows = Int(min(ay, by) - reach)...Int(max(ay, by) + reach + 1)
    for row in rows {
      // Of a long line only the pixels of this row that can be within reach.
      for column in Self.columns(columns, row: row, (ax, ay), (bx, by), reach) {
        let (px, py) = (Double(column) + 0.5, Double(row) + 0.5)
        let share =
          length > 0
          ? min(max(((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / length, 0), 1) : 0
        let (dx, dy) = (px - ax - share * (bx - ax), py - ay - share * (by - ay))
        let distance = (dx * dx + dy * dy).squareRoot()
        blend(column, row, color, min(max(reach - distance, 0), 1))
      }
    }
  }

  /// The columns of `all` in which a line from a to b can come within `reach` of the middle of a pixel in `row`.
  private static func columns(
    _ all: ClosedRange<Int>, row: Int, _ a: (x: Double, y: Double), _ b: (x: Double, y: Double),
    _ reach: Double
  ) -> ClosedRange<Int> {
    guard all.count > 64, abs(b.y - a.y) > 1 else { return all }
    // Where the line is while it passes the heights within reach of the row.
    func x(_ y: Double) -> Double {
      a.x + (b.x - a.x) * min(max((y - a.y) / (b.y - a.y), 0), 1)
    }
    let y = Double(row) + 0.5
    let (one, other) = (x(y - reach), x(y + reach))
    let first = Int(min(one, other) - reach - 1), last = Int(max(one, other) + reach + 1)
    return max(first, all.lowerBound)...max(min(last, all.upperBound), all.lowerBound)
  }

  /// A text whose upper left, middle or right corner is at x, y.
  mutating func write(
    _ text: String, x: Double, y: Double, color: Color, align: Alignment = .left
  ) {
    let shift =
      switch align {
      case .left: 0.0
      case .center: Self.width(of: text) / 2
      case .right: Self.width(of: text)
      }
    var column = Int((x - shift) * Self.scale)
    let top = Int(y * Self.scale)
    for character in text {
      for (row, dots) in PixelFont.dots(character).enumerated() {
        for (place, isSet) in dots.enumerated() where isSet {
          for dy in 0..<Self.dot {
            for dx in 0..<Self.dot {
              blend(column + place * Self.dot + dx, top + row * Self.dot + dy, color, 1)
            }
          }
        }
      }
      column += (PixelFont.width + 1) * Self.dot
    }
  }

  private mutating func blend(_ column: Int, _ row: Int, _ color: Color, _ share: Double) {
    guard share > 0, column >= 0, column < width, row >= 0, row < height else { return }
    let start = 3 * (row * width + column)
    for (channel, value) in [color.red, color.green, color.blue].enumerated() {
      let old = Double(samples[start + channel])
      samples[start + channel] = UInt8((old + share * (Double(value) - old)).rounded())
    }
  }
}
