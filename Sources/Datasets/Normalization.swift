import Dispatch
import Synchronization
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
  /// deviation 1). One pass over the bytes, summed in integers, on all processors; images that are decoded on
  /// demand are decoded for it, and those that cannot be read are passed over.
  ///
  /// - Precondition: the set is not empty.
  public init(of set: ImageSet, file: StaticString = #fileID, line: UInt = #line) {
    guard !set.isEmpty else {
      trap("Normalization: \"\(set.name)\" has no images to measure", file: file, line: line)
    }
    let total = Mutex(Sums(channels: set.channels))
    // Integers: the order of adding does not matter.
    let pieces = min(set.count, 64)
    DispatchQueue.concurrentPerform(iterations: pieces) { piece in
      var sums = Sums(channels: set.channels)
      for position in set.count * piece / pieces..<set.count * (piece + 1) / pieces {
        sums.add(set, position)
      }
      total.withLock { $0.add(sums) }
    }
    let sums = total.withLock { $0 }
    let count = Double(max(1, sums.images) * set.height * set.width)
    let scale = Double(set.maximumValue)
    let mean = sums.values.map { Double($0) / count }
    let deviation = zip(sums.squares, mean).map { square, mean in
      let variance = Double(square) / count - mean * mean
      return variance > 0 ? variance.squareRoot() / scale : 1
    }
    self.init(mean: mean.map { $0 / scale }, deviation: deviation, file: file, line: line)
  }
}

/// What is summed for means and deviations, a number for each channel.
private struct Sums: Sendable {
  var values: [Int]
  var squares: [Int]
  var images = 0

  init(channels: Int) {
    values = [Int](repeating: 0, count: channels)
    squares = values
  }

  mutating func add(_ other: Sums) {
    for channel in values.indices {
      values[channel] += other.values[channel]
      squares[channel] += other.squares[channel]
    }
    images += other.images
  }

  mutating func add(_ set: ImageSet, _ position: Int) {
    if case .memory(let pixels) = set.storage {
      pixels.withUnsafeBufferPointer { pixels in
        add(
          UnsafeBufferPointer(
            rebasing: pixels[position * set.byteCount..<(position + 1) * set.byteCount]))
      }
    } else if let bytes = try? set.bytes(of: position) {
      bytes.withUnsafeBufferPointer { add($0) }
    }
  }

  private mutating func add(_ pixels: UnsafeBufferPointer<UInt8>) {
    let plane = pixels.count / values.count
    for channel in values.indices {
      var (sum, square) = (0, 0)
      for position in channel * plane..<(channel + 1) * plane {
        let value = Int(pixels[position])
        sum &+= value
        square &+= value &* value
      }
      values[channel] += sum
      squares[channel] += square
    }
    images += 1
  }
}
