import TapestryGraph

/// How the pixels of a resized image are found.
public enum Resampling: String, CaseIterable, Sendable {
  /// The nearest pixel of the original.
  case nearest
  /// Between the four nearest pixels, by distance. Reducing by more than half skips pixels.
  case bilinear
  /// The mean over the part of the original that a pixel covers: for reducing.
  case area
}

extension Planes {
  /// The image at another size.
  ///
  /// Pixels are squares: the centre of pixel `i` of `n` lies at `(i + 1/2) / n` of the side, as in PyTorch with
  /// `align_corners=False` and in Pillow.
  ///
  /// - Parameter method: how pixels are found. Default: `area` where both sides become smaller, else `bilinear`.
  /// - Precondition: sizes are positive.
  public func resized(height: Int, width: Int, by method: Resampling? = nil) -> Planes {
    guard height > 0, width > 0 else {
      trapAtCaller("resized: \(height) x \(width) is not positive")
    }
    guard height != self.height || width != self.width else { return self }
    let shrinks = height <= self.height && width <= self.width
    let method = method ?? (shrinks ? .area : .bilinear)
    let rows = Taps(from: self.height, to: height, by: method)
    let columns = Taps(from: self.width, to: width, by: method)
    var result = Planes(channels: channels, height: height, width: width)
    // Along the rows first, then along the columns: each output number is a weighted sum.
    var narrow = [Float](repeating: 0, count: self.height * width)
    for channel in 0..<channels {
      let source = channel * self.height * self.width
      for row in 0..<self.height {
        for column in 0..<width {
          var sum: Float = 0
          for tap in columns.range(of: column) {
            sum += columns.weights[tap] * values[source + row * self.width + columns.places[tap]]
          }
          narrow[row * width + column] = sum
        }
      }
      let target = channel * height * width
      for row in 0..<height {
        for tap in rows.range(of: row) {
          let (weight, place) = (rows.weights[tap], rows.places[tap])
          for column in 0..<width {
            result.values[target + row * width + column] += weight * narrow[place * width + column]
          }
        }
      }
    }
    return result
  }

  /// The image cut and enlarged so that it fills `height` x `width`: the middle is kept, and the proportions.
  func filling(height: Int, width: Int, by method: Resampling? = nil) -> Planes {
    // The part with the proportions of the target: all rows, or all columns.
    var (partHeight, partWidth) = (self.height, self.width)
    if self.width * height > self.height * width {
      partWidth = max(1, (self.height * width + height / 2) / height)
    } else {
      partHeight = max(1, (self.width * height + width / 2) / width)
    }
    let part = cropped(
      top: (self.height - partHeight) / 2, left: (self.width - partWidth) / 2, height: partHeight,
      width: partWidth)
    return part.resized(height: height, width: width, by: method)
  }

  /// The image reduced or enlarged to fit into `height` x `width`, centred on black.
  func fitting(height: Int, width: Int, by method: Resampling? = nil) -> Planes {
    var (innerHeight, innerWidth) = (height, width)
    if self.width * height > self.height * width {
      innerHeight = max(1, (self.height * width + self.width / 2) / self.width)
    } else {
      innerWidth = max(1, (self.width * height + self.height / 2) / self.height)
    }
    return resized(height: innerHeight, width: innerWidth, by: method)
      .cropped(
        top: -((height - innerHeight) / 2), left: -((width - innerWidth) / 2), height: height,
        width: width)
  }
}

/// What a number of a resized row is summed from: places in the original row, and their weights.
private struct Taps {
  private(set) var places: [Int] = []
  private(set) var weights: [Float] = []
  private var ends: [Int] = []

  func range(of position: Int) -> Range<Int> {
    (position == 0 ? 0 : ends[position - 1])..<ends[position]
  }

  init(from source: Int, to target: Int, by method: Resampling) {
    let scale = Double(source) / Double(target)
    for position in 0..<target {
      switch method {
      case .nearest:
        append(position * source / target, 1)
      case .bilinear:
        let centre = min(max((Double(position) + 0.5) * scale - 0.5, 0), Double(source - 1))
        let low = Int(centre)
        let share = centre - Double(low)
        append(low, 1 - share)
        if share > 0 { append(low + 1, share) }
      case .area:
        let (start, end) = (Double(position) * scale, Double(position + 1) * scale)
        for place in Int(start)..<min(source, Int(end.rounded(.up))) {
          let covered = min(end, Double(place + 1)) - max(start, Double(place))
          if covered > 0 { append(place, covered / (end - start)) }
        }
      }
      ends.append(places.count)
    }
  }

  private mutating func append(_ place: Int, _ weight: Double) {
    places.append(place)
    weights.append(Float(weight))
  }
}
