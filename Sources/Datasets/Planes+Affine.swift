/// A map of the plane, from the pixels of a picture that is made to places in the one it is made from. The
/// origin is the middle of the image; `x` runs along rows, `y` down the columns, in pixels.
struct AffineMap: Equatable, Sendable {
  var xx = 1.0, xy = 0.0, x = 0.0
  var yx = 0.0, yy = 1.0, y = 0.0

  static let identity = AffineMap()

  /// Turns the picture by `degrees` counterclockwise.
  static func rotation(degrees: Double) -> AffineMap {
    let angle = degrees * .pi / 180
    let (c, s) = (cosine(angle), sine(angle))
    return AffineMap(xx: c, xy: -s, yx: s, yy: c)
  }

  /// Enlarges the picture by `factor`.
  static func scale(_ factor: Double) -> AffineMap { AffineMap(xx: 1 / factor, yy: 1 / factor) }

  /// Moves the picture right and down.
  static func shift(x: Double, y: Double) -> AffineMap { AffineMap(x: -x, y: -y) }

  /// Leans the picture to the left or right.
  static func shear(degrees: Double) -> AffineMap { AffineMap(xy: tangent(degrees * .pi / 180)) }

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
  /// The image of the same size whose pixels come from the places that `map` says, between the four nearest
  /// pixels by distance; `fill` beyond the edges.
  func mapped(_ map: AffineMap, fill: Float) -> Planes {
    var result = Planes(channels: channels, height: height, width: width, value: fill)
    let (middleX, middleY) = (Double(width - 1) / 2, Double(height - 1) / 2)
    let plane = height * width
    let (width, height, channels) = (width, height, channels)
    let (stepX, stepY) = (Float(map.xx), Float(map.yx))
    values.withUnsafeBufferPointer { source in
      result.values.withUnsafeMutableBufferPointer { target in
        for row in 0..<height {
          let down = Double(row) - middleY
          let startX = Float(map.xx * -middleX + map.xy * down + map.x + middleX)
          let startY = Float(map.yx * -middleX + map.yy * down + map.y + middleY)
          for column in 0..<width {
            let x = startX + stepX * Float(column)
            let y = startY + stepY * Float(column)
            guard x > -1, y > -1, x < Float(width), y < Float(height) else { continue }
            // Shifted up by one, so that cutting off rounds down.
            let (left, top) = (Int(x + 1) - 1, Int(y + 1) - 1)
            let (shareX, shareY) = (x - Float(left), y - Float(top))
            let isInside = left >= 0 && top >= 0 && left + 1 < width && top + 1 < height
            for channel in 0..<channels {
              let first = channel * plane + top * width + left
              let (a, b, c, d): (Float, Float, Float, Float)
              if isInside {
                (a, b) = (source[first], source[first + 1])
                (c, d) = (source[first + width], source[first + width + 1])
              } else {
                a = left >= 0 && top >= 0 ? source[first] : fill
                b = left + 1 < width && top >= 0 ? source[first + 1] : fill
                c = left >= 0 && top + 1 < height ? source[first + width] : fill
                d = left + 1 < width && top + 1 < height ? source[first + width + 1] : fill
              }
              let upper = a + (b - a) * shareX
              let lower = c + (d - c) * shareX
              target[channel * plane + row * width + column] = upper + (lower - upper) * shareY
            }
          }
        }
      }
    }
    return result
  }
}
