import TapestryFiles

extension Figure {
  /// The picture as pixels, on light paper.
  ///
  /// - Parameter scale: pixels per unit of length. Default 2, for sharp letters.
  public func raster(scale: Int = 2) -> RasterImage {
    var canvas = Canvas(
      width: max(Int(width) * max(scale, 1), 1), height: max(Int(height) * max(scale, 1), 1),
      scale: Double(max(scale, 1)))
    for element in elements { canvas.draw(element) }
    return RasterImage(
      width: canvas.width, height: canvas.height, channels: 3, bytes: canvas.bytes)
  }
}

/// Pixels that elements are drawn on.
private struct Canvas {
  let width: Int
  let height: Int
  let scale: Double
  private(set) var bytes: [UInt8]

  init(width: Int, height: Int, scale: Double) {
    self.width = width
    self.height = height
    self.scale = scale
    bytes = [UInt8](repeating: 255, count: width * height * 3)
  }

  mutating func draw(_ element: Figure.Element) {
    switch element {
    case .rectangle(let x, let y, let width, let height, let color):
      fill(
        Int((x * scale).rounded()), Int((y * scale).rounded()),
        Int(((x + width) * scale).rounded()), Int(((y + height) * scale).rounded()), color.light)
    case .text(let text, let x, let y, let size, let anchor, let color, let isBold):
      draw(text, x: x, y: y, size: size, anchor: anchor, color: color.light, isBold: isBold)
    case .line(let points, let width, let color):
      for (a, b) in zip(points, points.dropFirst()) { stroke(a, b, width, color.light) }
    case .image(let image, let x, let y, let width, let height, let isSmooth):
      draw(image, x * scale, y * scale, width * scale, height * scale, isSmooth: isSmooth)
    }
  }

  private mutating func set(_ x: Int, _ y: Int, _ color: (UInt8, UInt8, UInt8)) {
    guard x >= 0, y >= 0, x < width, y < height else { return }
    let place = (y * width + x) * 3
    bytes[place] = color.0
    bytes[place + 1] = color.1
    bytes[place + 2] = color.2
  }

  private mutating func fill(
    _ left: Int, _ top: Int, _ right: Int, _ bottom: Int, _ color: (UInt8, UInt8, UInt8)
  ) {
    let columns = max(left, 0)..<max(min(right, width), max(left, 0))
    for y in max(top, 0)..<max(min(bottom, height), max(top, 0)) {
      for x in columns { set(x, y, color) }
    }
  }

  private mutating func stroke(
    _ a: Figure.Point, _ b: Figure.Point, _ thickness: Double, _ color: (UInt8, UInt8, UInt8)
  ) {
    let length = max(abs(b.x - a.x), abs(b.y - a.y)) * scale
    let steps = max(Int(length.rounded(.up)), 1)
    let pen = max(Int((thickness * scale).rounded()), 1)
    for step in 0...steps {
      let share = Double(step) / Double(steps)
      let x = Int(((a.x + (b.x - a.x) * share) * scale - Double(pen) / 2).rounded())
      let y = Int(((a.y + (b.y - a.y) * share) * scale - Double(pen) / 2).rounded())
      fill(x, y, x + pen, y + pen, color)
    }
  }

  private mutating func draw(
    _ text: String, x: Double, y: Double, size: Double, anchor: SVGPicture.Anchor,
    color: (UInt8, UInt8, UInt8), isBold: Bool
  ) {
    // Letters are 7 dots high above the line; capitals of a font of that size are about 0.72 of it.
    let dot = max(Int((size * 0.72 * scale / 7).rounded()), 1)
    let letters = Array(text.unicodeScalars)
    let length = Double(letters.count * 6 * dot)
    var left =
      switch anchor {
      case .start: Int((x * scale).rounded())
      case .middle: Int((x * scale - length / 2).rounded())
      case .end: Int((x * scale - length).rounded())
      }
    let top = Int((y * scale).rounded()) - 7 * dot
    for letter in letters {
      for (column, bits) in BitmapFont.columns(of: letter).enumerated() {
        for row in 0..<8 where bits >> UInt8(row) & 1 == 1 {
          let (px, py) = (left + column * dot, top + row * dot)
          fill(px, py, px + dot + (isBold ? max(dot / 2, 1) : 0), py + dot, color)
        }
      }
      left += 6 * dot
    }
  }

  private mutating func draw(
    _ image: RasterImage, _ left: Double, _ top: Double, _ targetWidth: Double,
    _ targetHeight: Double, isSmooth: Bool
  ) {
    let (x0, y0) = (Int(left.rounded()), Int(top.rounded()))
    let (columns, rows) = (
      Int((left + targetWidth).rounded()) - x0, Int((top + targetHeight).rounded()) - y0
    )
    guard columns > 0, rows > 0 else { return }
    let source = image.bytes
    let channels = image.channels
    func pixel(_ x: Int, _ y: Int, _ channel: Int) -> Double {
      let place = (min(max(y, 0), image.height - 1) * image.width + min(max(x, 0), image.width - 1))
      return Double(source[place * channels + (channels >= 3 ? channel : 0)])
    }
    for row in 0..<rows {
      for column in 0..<columns {
        let u = (Double(column) + 0.5) * Double(image.width) / Double(columns)
        let v = (Double(row) + 0.5) * Double(image.height) / Double(rows)
        var color: [UInt8] = [0, 0, 0]
        for channel in 0..<3 {
          var value = pixel(Int(u), Int(v), channel)
          if isSmooth {
            let (a, b) = (u - 0.5, v - 0.5)
            let (i, j) = (Int(a.rounded(.down)), Int(b.rounded(.down)))
            let (p, q) = (a - Double(i), b - Double(j))
            value =
              (1 - q) * ((1 - p) * pixel(i, j, channel) + p * pixel(i + 1, j, channel))
              + q * ((1 - p) * pixel(i, j + 1, channel) + p * pixel(i + 1, j + 1, channel))
          }
          color[channel] = UInt8(min(max(value.rounded(), 0), 255))
        }
        set(x0 + column, y0 + row, (color[0], color[1], color[2]))
      }
    }
  }
}
