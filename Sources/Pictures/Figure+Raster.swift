import TapestryFiles

extension Figure {
  /// The picture as pixels, on light paper.
  ///
  /// - Parameter scale: pixels per unit of length. Default 2, for sharp letters.
  public func raster(scale: Int = 2) -> RasterImage {
    let scale = max(scale, 1)
    var canvas = Canvas(
      width: max(Int(width) * scale, 1), height: max(Int(height) * scale, 1))
    for element in elements { canvas.draw(element, scale: Double(scale)) }
    return RasterImage(
      width: canvas.width, height: canvas.height, channels: 3, bytes: canvas.bytes)
  }
}

extension Canvas {
  fileprivate mutating func draw(_ element: Figure.Element, scale: Double) {
    switch element {
    case .rectangle(let x, let y, let width, let height, let color):
      func pixels(_ start: Double, _ length: Double, limit: Int) -> Range<Int> {
        let low = min(max((start * scale).rounded(), 0), Double(limit))
        let high = min(max(((start + length) * scale).rounded(), low), Double(limit))
        return Int(low)..<Int(high)
      }
      guard [x, y, width, height].allSatisfy(\.isFinite) else { return }
      fill(
        columns: pixels(x, width, limit: self.width), rows: pixels(y, height, limit: self.height),
        color.light)
    case .text(let text, let x, let y, let size, let anchor, let color, let isBold):
      write(
        text, at: Point(x: x * scale, y: y * scale), size: size * scale, anchor: anchor,
        isBold: isBold, color.light)
    case .line(let points, let width, let dashes, let color):
      stroke(
        points.map { Point(x: $0.x * scale, y: $0.y * scale) }, width: width * scale,
        dashes: dashes.map { $0 * scale }, color.light)
    case .disc(let center, let radius, let color):
      disc(Point(x: center.x * scale, y: center.y * scale), radius: radius * scale, color.light)
    case .image(let image, let x, let y, let width, let height, let isSmooth):
      draw(
        image, x: x * scale, y: y * scale, width: width * scale, height: height * scale,
        isSmooth: isSmooth)
    }
  }
}
