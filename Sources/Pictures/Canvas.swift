import TapestryFiles

/// Pixels that elements are drawn on: red, green and blue, white at first.
struct Canvas {
  typealias Pixel = (red: UInt8, green: UInt8, blue: UInt8)

  /// A place in pixels; the middle of the first one is at a half.
  struct Point: Equatable {
    var x: Double
    var y: Double
  }

  let width: Int
  let height: Int
  private(set) var bytes: [UInt8]

  init(width: Int, height: Int) {
    self.width = width
    self.height = height
    bytes = [UInt8](repeating: 255, count: width * height * 3)
  }

  /// Fills polygons; each pixel takes the colour by the share that they cover.
  mutating func fill(_ polygons: [[Point]], _ color: Pixel) {
    let points = polygons.joined()
    func range(_ values: [Double], limit: Int) -> Range<Int> {
      let finite = values.filter(\.isFinite)
      let low = max(finite.min() ?? 0, 0).rounded(.down)
      let high = min(finite.max() ?? 0, Double(limit)).rounded(.up)
      return low < high ? Int(low)..<Int(high) : 0..<0
    }
    let columns = range(points.map(\.x), limit: width)
    let rows = range(points.map(\.y), limit: height)
    guard !columns.isEmpty, !rows.isEmpty else { return }
    var coverage = Coverage(columns: columns, rows: rows)
    for polygon in polygons { coverage.add(polygon) }
    for row in rows {
      for (offset, share) in coverage.shares(inRow: row).enumerated() where share > 0 {
        blend(columns.lowerBound + offset, row, color, share)
      }
    }
  }

  /// Fills a rectangle with whole pixels, so that neighbours leave no seam.
  mutating func fill(columns: Range<Int>, rows: Range<Int>, _ color: Pixel) {
    let columns = columns.clamped(to: 0..<width)
    for row in rows.clamped(to: 0..<height) {
      for column in columns { set(column, row, color) }
    }
  }

  mutating func set(_ column: Int, _ row: Int, _ color: Pixel) {
    guard column >= 0, row >= 0, column < width, row < height else { return }
    let place = (row * width + column) * 3
    bytes[place] = color.red
    bytes[place + 1] = color.green
    bytes[place + 2] = color.blue
  }

  private mutating func blend(_ column: Int, _ row: Int, _ color: Pixel, _ share: Float) {
    let place = (row * width + column) * 3
    func mixed(_ old: UInt8, _ new: UInt8) -> UInt8 {
      UInt8((Float(old) + share * (Float(new) - Float(old))).rounded())
    }
    bytes[place] = mixed(bytes[place], color.red)
    bytes[place + 1] = mixed(bytes[place + 1], color.green)
    bytes[place + 2] = mixed(bytes[place + 2], color.blue)
  }
}

// MARK: - Lines and text

extension Canvas {
  /// Draws a line with round joints, in dashes and gaps of these lengths when there are any.
  mutating func stroke(_ points: [Point], width: Double, dashes: [Double] = [], _ color: Pixel) {
    var pieces: [[Point]] = []
    for (a, b) in zip(points, points.dropFirst()) {
      for (start, end) in Self.dashed(a, b, dashes) {
        let (dx, dy) = (end.x - start.x, end.y - start.y)
        let length = (dx * dx + dy * dy).squareRoot()
        guard length > 0, length.isFinite else { continue }
        let (nx, ny) = (-dy / length * width / 2, dx / length * width / 2)
        pieces.append([
          Point(x: start.x + nx, y: start.y + ny), Point(x: start.x - nx, y: start.y - ny),
          Point(x: end.x - nx, y: end.y - ny), Point(x: end.x + nx, y: end.y + ny),
        ])
      }
    }
    if dashes.isEmpty {
      for point in points.dropFirst().dropLast() {
        pieces.append(Self.circle(point, radius: width / 2))
      }
    }
    // Piece by piece, or a long curve would ask for a window of the whole picture with every edge in it; a joint is
    // then drawn twice, which hides nothing of one colour.
    for piece in pieces { fill([piece], color) }
  }

  mutating func disc(_ center: Point, radius: Double, _ color: Pixel) {
    fill([Self.circle(center, radius: radius)], color)
  }

  /// Draws a line of text.
  mutating func write(
    _ text: String, at place: Point, size: Double, anchor: SVGPicture.Anchor, isBold: Bool,
    _ color: Pixel
  ) {
    let bold = isBold ? OutlineFont.boldness : 0
    let glyphs = text.map(OutlineFont.glyph)
    let length = glyphs.reduce(0) { $0 + ($1.advance + bold) * size }
    var x = place.x
    switch anchor {
    case .start: break
    case .middle: x -= length / 2
    case .end: x -= length
    }
    // Letters are sharper when they stand on whole pixels.
    let y = place.y.rounded()
    for glyph in glyphs {
      var polygons = glyph.polygons(x: x, y: y, size: size)
      if isBold { polygons += glyph.polygons(x: x + bold * size, y: y, size: size) }
      fill(polygons, color)
      x += (glyph.advance + bold) * size
    }
  }

  /// A polygon that looks like a circle, turning as the pieces of lines do.
  private static func circle(_ center: Point, radius: Double) -> [Point] {
    // Half-angles by turning over and over: no sines are needed.
    let sides = 16
    let (cosine, sine) = (0.923_879_532_511_286_7, 0.382_683_432_365_089_8)
    var (dx, dy) = (radius, 0.0)
    return (0..<sides).map { _ in
      defer { (dx, dy) = (dx * cosine - dy * sine, dx * sine + dy * cosine) }
      return Point(x: center.x + dx, y: center.y + dy)
    }
  }

  private static func dashed(
    _ a: Point, _ b: Point, _ dashes: [Double]
  ) -> [(Point, Point)] {
    let (dx, dy) = (b.x - a.x, b.y - a.y)
    let length = (dx * dx + dy * dy).squareRoot()
    let period = dashes.reduce(0, +)
    guard dashes.count == 2, period > 0, length / period < 1e5 else { return [(a, b)] }
    func point(_ distance: Double) -> Point {
      let share = min(distance / length, 1)
      return Point(x: a.x + dx * share, y: a.y + dy * share)
    }
    return stride(from: 0, to: length, by: period).map { (point($0), point($0 + dashes[0])) }
  }
}

// MARK: - Images

extension Canvas {
  /// Draws an image into a rectangle, its pixels as squares, or blended where `isSmooth`.
  mutating func draw(
    _ image: RasterImage, x: Double, y: Double, width: Double, height: Double, isSmooth: Bool
  ) {
    let (x0, y0) = (Int(x.rounded()), Int(y.rounded()))
    let (columns, rows) = (Int((x + width).rounded()) - x0, Int((y + height).rounded()) - y0)
    guard columns > 0, rows > 0 else { return }
    let source = image.bytes
    let channels = image.channels
    func sample(_ x: Int, _ y: Int, _ channel: Int) -> Double {
      let place = min(max(y, 0), image.height - 1) * image.width + min(max(x, 0), image.width - 1)
      return Double(source[place * channels + (channels >= 3 ? channel : 0)])
    }
    for row in 0..<rows {
      let v = (Double(row) + 0.5) * Double(image.height) / Double(rows)
      for column in 0..<columns {
        let u = (Double(column) + 0.5) * Double(image.width) / Double(columns)
        func value(_ channel: Int) -> UInt8 {
          guard isSmooth else { return UInt8(sample(Int(u), Int(v), channel)) }
          let (a, b) = (u - 0.5, v - 0.5)
          let (i, j) = (Int(a.rounded(.down)), Int(b.rounded(.down)))
          let (p, q) = (a - Double(i), b - Double(j))
          let blended =
            (1 - q) * ((1 - p) * sample(i, j, channel) + p * sample(i + 1, j, channel))
            + q * ((1 - p) * sample(i, j + 1, channel) + p * sample(i + 1, j + 1, channel))
          return UInt8(min(max(blended.rounded(), 0), 255))
        }
        set(x0 + column, y0 + row, (value(0), value(1), value(2)))
      }
    }
  }
}
