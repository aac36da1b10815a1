import TapestryGraph

/// The shift and scale of pixel values in 0 ... 1: `(value - mean) / deviation`, per channel.
public struct Normalization: Hashable, Sendable {
  /// What is subtracted: one number per channel, or one for all.
  public let mean: [Double]
  /// What is divided by: as many numbers as `mean`.
  public let deviation: [Double]

  /// - Precondition: equally many finite numbers, at least one; deviations are positive.
  public init(
    mean: [Double], deviation: [Double], file: StaticString = #fileID, line: UInt = #line
  ) {
    guard !mean.isEmpty, mean.count == deviation.count, mean.allSatisfy(\.isFinite),
      deviation.allSatisfy({ $0.isFinite && $0 > 0 })
    else {
      trap(
        "Normalization: mean \(mean) and deviation \(deviation) must be equally many finite numbers,"
          + " one for all channels or one per channel, and deviations positive", file: file,
        line: line)
    }
    self.mean = mean
    self.deviation = deviation
  }

  /// The same mean and deviation for all channels.
  public init(mean: Double, deviation: Double, file: StaticString = #fileID, line: UInt = #line) {
    self.init(mean: [mean], deviation: [deviation], file: file, line: line)
  }

  /// What gives each channel of `set` mean 0 and deviation 1 (a channel of one value only keeps
  /// deviation 1). One pass over the bytes, summed in integers.
  ///
  /// - Precondition: the set is not empty.
  public init(of set: ImageSet, file: StaticString = #fileID, line: UInt = #line) {
    guard !set.isEmpty else {
      trap("Normalization: \"\(set.name)\" has no images to measure", file: file, line: line)
    }
    let plane = set.height * set.width
    var sums = [Int](repeating: 0, count: set.channels)
    var squares = sums
    set.pixels.withUnsafeBufferPointer { pixels in
      for start in stride(from: 0, to: pixels.count, by: plane) {
        let channel = start / plane % set.channels
        var (sum, square) = (0, 0)
        for position in start..<start + plane {
          let value = Int(pixels[position])
          sum &+= value
          square &+= value &* value
        }
        sums[channel] += sum
        squares[channel] += square
      }
    }
    let count = Double(set.count * plane)
    let scale = Double(set.maximumValue)
    let mean = sums.map { Double($0) / count }
    let deviation = zip(squares, mean).map { square, mean in
      let variance = Double(square) / count - mean * mean
      return variance > 0 ? variance.squareRoot() / scale : 1
    }
    self.init(mean: mean.map { $0 / scale }, deviation: deviation, file: file, line: line)
  }
}
