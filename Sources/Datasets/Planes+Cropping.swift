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
    guard height > 0, width > 0 else { trap("cropped: \(height) x \(width) is not positive") }
    var result = Planes(channels: channels, height: height, width: width, value: fill)
    values.withUnsafeBufferPointer { source in
      result.values.withUnsafeMutableBufferPointer { target in
        let inside = max(0, -left)..<max(max(0, -left), min(width, self.width - left))
        for channel in 0..<channels {
          for row in 0..<height {
            guard let place = mode.place(top + row, in: self.height) else { continue }
            let from = (channel * self.height + place) * self.width
            let to = (channel * height + row) * width
            for column in inside { target[to + column] = source[from + left + column] }
            guard mode != .constant else { continue }
            for column in 0..<width where !inside.contains(column) {
              guard let place = mode.place(left + column, in: self.width) else { continue }
              target[to + column] = source[from + place]
            }
          }
        }
      }
    }
    return result
  }

  /// The image mirrored left to right.
  public func flippedHorizontally() -> Planes {
    var result = self
    result.values.withUnsafeMutableBufferPointer { values in
      for start in stride(from: 0, to: values.count, by: width) {
        var (left, right) = (start, start + width - 1)
        while left < right {
          values.swapAt(left, right)
          left += 1
          right -= 1
        }
      }
    }
    return result
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
