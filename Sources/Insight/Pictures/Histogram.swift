import TapestryFiles
import TapestryGraph
import TapestryModels
import TapestryPictures

/// How often numbers fall into equal intervals.
public struct Histogram: Sendable, Equatable {
  public let range: ClosedRange<Double>
  /// How many numbers each interval holds.
  public let counts: [Int]
  public let mean: Double
  /// The standard deviation.
  public let deviation: Double
  /// How many are NaN or infinite; they are in no interval.
  public let nonFiniteCount: Int

  /// - Parameter bins: the number of intervals; the last one has its upper end too. Default 40.
  /// - Precondition: at least one interval.
  public init(
    of tensor: Tensor, bins: Int = 40, file: StaticString = #fileID, line: UInt = #line
  ) {
    guard bins > 0 else { trap("Histogram: \(bins) bins", file: file, line: line) }
    let values = tensor.scalars()
    let finite = values.filter(\.isFinite)
    nonFiniteCount = values.count - finite.count
    let low = finite.min() ?? 0
    let high = finite.max() ?? 0
    range = low...high
    let count = Double(max(finite.count, 1))
    let mean = finite.reduce(0, +) / count
    self.mean = mean
    deviation = (finite.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    var counts = [Int](repeating: 0, count: bins)
    for value in finite {
      let share = high > low ? (value - low) / (high - low) : 0
      counts[min(Int(share * Double(bins)), bins - 1)] += 1
    }
    self.counts = counts
  }
}

extension Model {
  /// A histogram of every parameter, in the order of the net.
  public func histograms(bins: Int = 40) -> [(name: String, histogram: Histogram)] {
    namedParameters.map { ($0.name, Histogram(of: $0.parameter, bins: bins)) }
  }
}

/// Histograms side by side, each on its own scale.
public func histogramFigure(
  _ histograms: [(name: String, histogram: Histogram)], title: String, columns: Int = 3
) -> Figure {
  let (margin, cellWidth, cellHeight, gap) = (20.0, 220.0, 128.0, 20.0)
  let columns = max(min(columns, histograms.count), 1)
  let rows = (histograms.count + columns - 1) / columns
  var figure = Figure(
    width: 2 * margin + Double(columns) * (cellWidth + gap) - gap,
    height: 2 * margin + 34 + Double(rows) * (cellHeight + gap) - gap, title: title)
  figure.text(title, x: margin, y: margin + 14, size: 16, isBold: true)
  for (index, (name, histogram)) in histograms.enumerated() {
    let left = margin + Double(index % columns) * (cellWidth + gap)
    let top = margin + 34 + Double(index / columns) * (cellHeight + gap)
    figure.text(fitted(name, width: cellWidth, size: 11), x: left, y: top + 10, size: 11)
    figure.text(
      "mean \(threeDigits(histogram.mean)), deviation \(threeDigits(histogram.deviation))", x: left,
      y: top + 25, size: 10, color: .named("soft"))
    let (base, height) = (top + cellHeight - 16, cellHeight - 50)
    let largest = Double(max(histogram.counts.max() ?? 0, 1))
    let step = cellWidth / Double(histogram.counts.count)
    for (bin, count) in histogram.counts.enumerated() where count > 0 {
      let size = Double(count) / largest * height
      figure.rectangle(
        x: left + Double(bin) * step, y: base - size, width: max(step - 1, 0.5), height: size,
        color: .named("blue"))
    }
    figure.line([(left, base), (left + cellWidth, base)], width: 1, color: .named("soft"))
    let (low, high) = (histogram.range.lowerBound, histogram.range.upperBound)
    figure.text(threeDigits(low), x: left, y: base + 13, size: 10, color: .named("soft"))
    figure.text(
      threeDigits(high), x: left + cellWidth, y: base + 13, size: 10, anchor: .end,
      color: .named("soft"))
    if low < 0, high > 0 {
      let zero = left - low / (high - low) * cellWidth
      figure.line([(zero, base), (zero, base + 4)], width: 1, color: .named("soft"))
      if zero - left > 40, left + cellWidth - zero > 40 {
        figure.text("0", x: zero, y: base + 13, size: 10, anchor: .middle, color: .named("soft"))
      }
    }
  }
  return figure
}
