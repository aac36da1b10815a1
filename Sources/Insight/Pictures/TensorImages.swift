import TapestryFiles
import TapestryGraph

/// How numbers become colours.
public enum ColorScale: Sendable, Equatable {
  /// Black for the smallest, white for the largest.
  case gray
  /// Blue below zero, white at zero, red above, equally strong on both sides.
  case signed
  /// Black over red and yellow to white, from zero to the largest: for maps of importance.
  case heat

  /// The colour of a number, given the range that the scale spans.
  func color(of value: Double, low: Double, high: Double) -> (UInt8, UInt8, UInt8) {
    func byte(_ share: Double) -> UInt8 { UInt8((min(max(share, 0), 1) * 255).rounded()) }
    guard value.isFinite else { return (255, 0, 255) }
    switch self {
    case .gray:
      let share = byte(high > low ? (value - low) / (high - low) : 0.5)
      return (share, share, share)
    case .signed:
      let reach = max(abs(low), abs(high))
      let share = reach > 0 ? min(max(value / reach, -1), 1) : 0
      // Towards (178, 24, 43) and (33, 102, 172).
      func mix(_ end: Double) -> UInt8 { UInt8((255 + (end - 255) * abs(share)).rounded()) }
      return share >= 0 ? (mix(178), mix(24), mix(43)) : (mix(33), mix(102), mix(172))
    case .heat:
      let share = high > 0 ? min(max(value / high, 0), 1) * 3 : 0
      return (byte(share), byte(share - 1), byte(share - 2))
    }
  }
}

extension RasterImage {
  /// The image of a matrix `[H, W]`.
  ///
  /// - Parameters:
  ///   - values: row-major.
  ///   - range: the numbers at the ends of the scale. Default: the smallest and the largest of them.
  /// - Precondition: as many values as pixels; sizes are positive.
  public init(
    plane values: [Double], height: Int, width: Int, scale: ColorScale = .gray,
    range: ClosedRange<Double>? = nil, file: StaticString = #fileID, line: UInt = #line
  ) {
    guard height > 0, width > 0, values.count == height * width else {
      trap(
        "RasterImage: \(values.count) values for \(height) x \(width) pixels", file: file,
        line: line)
    }
    let finite = values.filter(\.isFinite)
    let low = range?.lowerBound ?? finite.min() ?? 0
    let high = range?.upperBound ?? finite.max() ?? 0
    if scale == .gray {
      self.init(
        width: width, height: height, channels: 1,
        bytes: values.map { scale.color(of: $0, low: low, high: high).0 })
      return
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * 3)
    for value in values {
      let color = scale.color(of: value, low: low, high: high)
      bytes += [color.0, color.1, color.2]
    }
    self.init(width: width, height: height, channels: 3, bytes: bytes)
  }

  /// The picture of one image tensor, `[C, H, W]` or `[1, C, H, W]`, of 1 or 3 channels: from its smallest number as
  /// black to its largest as white, over all channels together. Of other numbers of channels the mean is shown.
  ///
  /// - Parameter range: the numbers that are black and white. Default: the smallest and the largest.
  public init(
    picture tensor: Tensor, range: ClosedRange<Double>? = nil, file: StaticString = #fileID,
    line: UInt = #line
  ) {
    let shape = Array(tensor.shape)
    guard shape.count == 3 || (shape.count == 4 && shape[0] == 1), !shape.contains(0) else {
      trap(
        "RasterImage: a picture is [C, H, W] or [1, C, H, W], not \(tensor.shape)", file: file,
        line: line)
    }
    let (channels, height, width) = (
      shape[shape.count - 3], shape[shape.count - 2], shape[shape.count - 1]
    )
    let values = tensor.scalars()
    let plane = height * width
    let low = range?.lowerBound ?? values.filter(\.isFinite).min() ?? 0
    let high = range?.upperBound ?? values.filter(\.isFinite).max() ?? 0
    guard channels == 3 else {
      let mean = (0..<plane).map { place in
        (0..<channels).reduce(0) { $0 + values[$1 * plane + place] } / Double(channels)
      }
      self.init(
        plane: mean, height: height, width: width, range: channels == 1 ? low...high : range)
      return
    }
    var bytes = [UInt8](repeating: 0, count: plane * 3)
    for place in 0..<plane {
      for channel in 0..<3 {
        bytes[place * 3 + channel] =
          ColorScale.gray.color(of: values[channel * plane + place], low: low, high: high).0
      }
    }
    self.init(width: width, height: height, channels: 3, bytes: bytes)
  }

  /// This picture with a map of importance laid over it: gray below, hot where the map is large.
  ///
  /// - Parameters:
  ///   - map: `[H', W']` of any size, at least 0; enlarged by blending.
  ///   - strength: how much of the map covers the picture where it is largest, 0 ... 1. Default 0.65.
  public func overlaid(
    _ map: Tensor, strength: Double = 0.65, file: StaticString = #fileID, line: UInt = #line
  ) -> RasterImage {
    guard map.rank == 2, map.count > 0 else {
      trap("overlaid: a map is [H, W], not \(map.shape)", file: file, line: line)
    }
    let values = enlarged(map.scalars(), map.shape[0], map.shape[1], to: (height, width))
    let largest = values.filter(\.isFinite).max() ?? 0
    let source = bytes
    var result: [UInt8] = []
    result.reserveCapacity(width * height * 3)
    for place in 0..<width * height {
      let share = largest > 0 ? min(max(values[place] / largest, 0), 1) : 0
      let hot = ColorScale.heat.color(of: share, low: 0, high: 1.15)
      let weight = strength * share
      for (channel, color) in [hot.0, hot.1, hot.2].enumerated() {
        let below = Double(source[place * channels + (channels >= 3 ? channel : 0)])
        result.append(UInt8((below * (1 - weight) + Double(color) * weight).rounded()))
      }
    }
    return RasterImage(width: width, height: height, channels: 3, bytes: result)
  }

  /// The part of the image in these rows and columns; where they lie outside, mid-gray.
  ///
  /// - Precondition: neither range is empty.
  public func cropped(rows: Range<Int>, columns: Range<Int>) -> RasterImage {
    var samples: [UInt16] = []
    for row in rows {
      for column in columns {
        for channel in 0..<channels {
          let isInside = row >= 0 && row < height && column >= 0 && column < width
          samples.append(
            isInside
              ? self.samples[(row * width + column) * channels + channel] : UInt16(maximum / 2))
        }
      }
    }
    return RasterImage(
      width: columns.count, height: rows.count, channels: channels, maximum: maximum,
      samples: samples)
  }
}

/// A matrix at another size, blended between the middles of its elements.
func enlarged(
  _ values: [Double], _ height: Int, _ width: Int, to size: (height: Int, width: Int)
) -> [Double] {
  func at(_ row: Int, _ column: Int) -> Double {
    values[min(max(row, 0), height - 1) * width + min(max(column, 0), width - 1)]
  }
  var result: [Double] = []
  result.reserveCapacity(size.height * size.width)
  for row in 0..<size.height {
    let v = (Double(row) + 0.5) * Double(height) / Double(size.height) - 0.5
    let i = Int(v.rounded(.down))
    for column in 0..<size.width {
      let u = (Double(column) + 0.5) * Double(width) / Double(size.width) - 0.5
      let j = Int(u.rounded(.down))
      let (p, q) = (u - Double(j), v - Double(i))
      result.append(
        (1 - q) * ((1 - p) * at(i, j) + p * at(i, j + 1))
          + q * ((1 - p) * at(i + 1, j) + p * at(i + 1, j + 1)))
    }
  }
  return result
}
