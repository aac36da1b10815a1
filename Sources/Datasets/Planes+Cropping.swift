import TapestryGraph

/// What is beyond the edges of an image.
public enum PaddingMode: String, CaseIterable, Sendable {
  /// Black, or another constant.
  case constant
  /// The pixel at the edge, repeated.
  case edge
  /// The image mirrored at its outermost pixels.
  case reflect
}

extension Planes {
  /// A part of the image, or more than it: row `top` and column `left` come first and may be negative.
  ///
  /// - Parameters:
  ///   - mode: what is beyond the edges. Default `constant`.
  ///   - fill: the constant. Default 0.
  /// - Precondition: sizes are positive.
  public func cropped(
    top: Int, left: Int, height: Int, width: Int, beyond mode: PaddingMode = .constant,
    fill: Float = 0
  ) -> Planes {
    var result = self
    var spare: [Float] = []
    result.crop(
      top: top, left: left, height: height, width: width, beyond: mode, fill: fill, spare: &spare)
    return result
  }

  /// Makes it a part of itself, or more than it, as ``cropped(top:left:height:width:beyond:fill:)``.
  ///
  /// - Parameter spare: memory to draw in, see ``redraw(height:width:spare:_:)``.
  mutating func crop(
    top: Int, left: Int, height: Int, width: Int, beyond mode: PaddingMode = .constant,
    fill: Float = 0, spare: inout [Float]
  ) {
    guard height > 0, width > 0 else {
      trapAtCaller("cropped: \(height) x \(width) is not positive")
    }
    let (channels, sourceHeight, sourceWidth) = (channels, self.height, self.width)
    let first = min(max(0, -left), width)
    let last = max(first, min(width, sourceWidth - left))
    redraw(height: height, width: width, spare: &spare) { source, target in
      guard let source = source.baseAddress, let target = target.baseAddress else { return }
      for channel in 0..<channels {
        for row in 0..<height {
          let line = target + (channel * height + row) * width
          guard let place = mode.place(top + row, in: sourceHeight) else {
            line.update(repeating: fill, count: width)
            continue
          }
          let from = source + (channel * sourceHeight + place) * sourceWidth
          (line + first).update(from: from + left + first, count: last - first)
          for columns in [0..<first, last..<width] {
            for column in columns {
              line[column] = mode.place(left + column, in: sourceWidth).map { from[$0] } ?? fill
            }
          }
        }
      }
    }
  }

  /// The image mirrored left to right.
  public func flippedHorizontally() -> Planes {
    var result = self
    result.flipHorizontally()
    return result
  }

  /// Mirrors it left to right.
  mutating func flipHorizontally() {
    let width = width
    values.withUnsafeMutableBufferPointer { values in
      for start in stride(from: 0, to: values.count, by: width) {
        values[start..<start + width].reverse()
      }
    }
  }

  /// The image mirrored top to bottom.
  public func flippedVertically() -> Planes {
    var result = self
    for channel in 0..<channels {
      for row in 0..<height {
        let from = (channel * height + height - 1 - row) * width
        let to = (channel * height + row) * width
        result.values.replaceSubrange(to..<to + width, with: values[from..<from + width])
      }
    }
    return result
  }
}

extension PaddingMode {
  /// The place among `count` that stands for `position`; `nil` where nothing does.
  func place(_ position: Int, in count: Int) -> Int? {
    if (0..<count).contains(position) { return position }
    switch self {
    case .constant: return nil
    case .edge: return position < 0 ? 0 : count - 1
    case .reflect:
      guard count > 1 else { return 0 }
      let period = 2 * (count - 1)
      let wrapped = ((position % period) + period) % period
      return wrapped < count ? wrapped : period - wrapped
    }
  }
}
