import CTapestryKernels

/// A map of the plane, from the pixels of a picture that is made to places in the one it is made from. The
/// origin is the middle of the image; `x` runs along rows, `y` down the columns, in pixels.
struct AffineMap: Equatable, Sendable {
  var xx = 1.0, xy = 0.0, x = 0.0
  var yx = 0.0, yy = 1.0, y = 0.0

  static let identity = AffineMap()

  /// Turns the picture by `degrees` counterclockwise.
  static func rotation(degrees: Double) -> AffineMap {
    let angle = degrees * .pi / 180
    let (c, s) = (tapestry_cos(angle), tapestry_sin(angle))
    return AffineMap(xx: c, xy: -s, yx: s, yy: c)
  }

  /// Enlarges the picture by `factor`.
  static func scale(_ factor: Double) -> AffineMap { AffineMap(xx: 1 / factor, yy: 1 / factor) }

  /// Moves the picture right and down.
  static func shift(x: Double, y: Double) -> AffineMap { AffineMap(x: -x, y: -y) }

  /// Leans the picture to the left or right.
  static func shear(degrees: Double) -> AffineMap {
    let angle = degrees * .pi / 180
    return AffineMap(xy: tapestry_sin(angle) / tapestry_cos(angle))
  }

  /// What first `self`, then `next` does to the picture.
  func followed(by next: AffineMap) -> AffineMap {
    // A pixel of the last picture goes back through `next` first.
    AffineMap(
      xx: xx * next.xx + xy * next.yx, xy: xx * next.xy + xy * next.yy,
      x: xx * next.x + xy * next.y + x, yx: yx * next.xx + yy * next.yx,
      yy: yx * next.xy + yy * next.yy, y: yx * next.x + yy * next.y + y)
  }
}

extension Planes {
  /// Makes it the image of the same size whose pixels come from the places that `map` says, between the four nearest
  /// pixels by distance; `fill` beyond the edges.
  ///
  /// - Parameter spare: memory to draw in, see ``redraw(height:width:spare:_:)``.
  mutating func map(_ map: AffineMap, fill: Float, spare: inout [Float]) {
    let walk = AffineWalk(map, channels: channels, height: height, width: width, fill: fill)
    redraw(height: height, width: width, spare: &spare) { source, target in
      guard let source = source.baseAddress, let target = target.baseAddress else { return }
      for row in 0..<walk.height { walk.draw(row, from: source, to: target) }
    }
  }
}

/// The way through an image, row by row, of the pixels of another.
private struct AffineWalk {
  let channels: Int
  let height: Int
  let width: Int
  private let fill: Float
  private let map: AffineMap
  /// From a pixel to the next of its row.
  private let stepX, stepY: Float

  init(_ map: AffineMap, channels: Int, height: Int, width: Int, fill: Float) {
    self.channels = channels
    self.height = height
    self.width = width
    self.fill = fill
    self.map = map
    (stepX, stepY) = (Float(map.xx), Float(map.yx))
  }

  func draw(
    _ row: Int, from source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>
  ) {
    let (middleX, middleY) = (Double(width - 1) / 2, Double(height - 1) / 2)
    let down = Double(row) - middleY
    let startX = Float(map.xx * -middleX + map.xy * down + map.x + middleX)
    let startY = Float(map.yx * -middleX + map.yy * down + map.y + middleY)
    let inside = Self.columns(startX, stepX, width, width)
      .clamped(to: Self.columns(startY, stepY, height, width))
    for column in 0..<inside.lowerBound {
      drawEdge(row, column, startX, startY, from: source, to: target)
    }
    let plane = height * width
    for channel in 0..<channels {
      tapestry_sample_line(
        source + channel * plane, Int64(width), startX, startY, stepX, stepY,
        Int64(inside.lowerBound), Int64(inside.upperBound),
        target + channel * plane + row * width)
    }
    for column in inside.upperBound..<width {
      drawEdge(row, column, startX, startY, from: source, to: target)
    }
  }

  /// Columns where `start + step column` is so far inside `0 ..< limit` that both neighbours exist, whatever the
  /// roundings. Which of the others are inside too is found out pixel by pixel.
  private static func columns(
    _ start: Float, _ step: Float, _ limit: Int, _ count: Int
  ) -> Range<Int> {
    let (low, high) = (Float(0.01), Float(limit) - 1.01)
    guard abs(step) > 1e-6 else { return start > low && start < high ? 0..<count : 0..<0 }
    let (one, other) = ((low - start) / step, (high - start) / step)
    let (enters, leaves) = (min(one, other), max(one, other))
    guard leaves >= 1, enters < Float(count) else { return 0..<0 }
    // A column further inside than it must be; what is cut off is not negative.
    let first = enters < -1 ? 0 : Int(max(enters, 0)) + 2
    let end = Int(min(leaves, Float(count)))
    return first < end ? first..<end : 0..<0
  }

  /// A pixel of which some neighbours may be beyond the edges, or all.
  private func drawEdge(
    _ row: Int, _ column: Int, _ startX: Float, _ startY: Float,
    from source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>
  ) {
    let plane = height * width
    let x = startX + stepX * Float(column)
    let y = startY + stepY * Float(column)
    guard x > -1, y > -1, x < Float(width), y < Float(height) else {
      for channel in 0..<channels { target[channel * plane + row * width + column] = fill }
      return
    }
    // Shifted up by one, so that cutting off rounds down.
    let (left, top) = (Int(x + 1) - 1, Int(y + 1) - 1)
    let (shareX, shareY) = (x - Float(left), y - Float(top))
    for channel in 0..<channels {
      let first = channel * plane + top * width + left
      let a = left >= 0 && top >= 0 ? source[first] : fill
      let b = left + 1 < width && top >= 0 ? source[first + 1] : fill
      let c = left >= 0 && top + 1 < height ? source[first + width] : fill
      let d = left + 1 < width && top + 1 < height ? source[first + width + 1] : fill
      let upper = a + (b - a) * shareX
      let lower = c + (d - c) * shareX
      target[channel * plane + row * width + column] = upper + (lower - upper) * shareY
    }
  }
}
