import CTapestryKernels

/// The numbers along an axis, and where they are. Any values give a finite axis with few ticks.
struct PlotAxis {
  let low: Double
  let high: Double
  let isLogarithmic: Bool
  /// The numbers to write at the axis.
  let ticks: [Double]

  /// An axis for these values, widened to round numbers when it is linear.
  init(_ values: [Double], range: ClosedRange<Double>? = nil, isLogarithmic: Bool, count: Int) {
    let values = values.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
    var low = Self.finite(range?.lowerBound) ?? values.min() ?? 0
    var high = max(Self.finite(range?.upperBound) ?? values.max() ?? 1, low)
    self.isLogarithmic = isLogarithmic
    if isLogarithmic {
      if low <= 0 { (low, high) = (1, 10) }
      if low == high { (low, high) = (low / 2, min(high * 2, .greatestFiniteMagnitude)) }
      (self.low, self.high) = (low, high)
      ticks = Self.powers(low, high)
    } else {
      (low, high) = Self.distinct(low, high)
      let step = Self.roundStep(Self.distance(low, high, over: count))
      let first = (low / step).rounded(.down)
      let last = (high / step).rounded(.up)
      (self.low, self.high) = (Self.limited(first * step), Self.limited(last * step))
      ticks = Self.multiples(of: step, first, last)
    }
  }

  /// A horizontal axis: whole numbers at its ticks, not widened.
  init(steps values: [Double], count: Int) {
    let values = values.filter(\.isFinite)
    let low = values.min() ?? 0
    (self.low, high) = Self.distinct(low, max(values.max() ?? 1, low + 1))
    isLogarithmic = false
    let step = max(Self.roundStep(Self.distance(self.low, high, over: count)), 1)
    ticks = Self.multiples(
      of: step, (self.low / step).rounded(.up), (high / step).rounded(.down))
  }

  /// Where `value` is, 0 at the beginning and 1 at the end.
  func position(_ value: Double) -> Double {
    // Logarithms and halves first, because the quotient or the distance of two numbers can be more than any number.
    isLogarithmic
      ? (tapestry_log(value) - tapestry_log(low)) / (tapestry_log(high) - tapestry_log(low))
      : (value / 2 - low / 2) / (high / 2 - low / 2)
  }

  private static func distance(_ low: Double, _ high: Double, over count: Int) -> Double {
    let distance = high - low
    return distance.isFinite
      ? distance / Double(count) : high / Double(count) - low / Double(count)
  }

  private static func finite(_ value: Double?) -> Double? {
    value.flatMap { $0.isFinite ? $0 : nil }
  }

  private static func limited(_ value: Double) -> Double {
    min(max(value, -.greatestFiniteMagnitude), .greatestFiniteMagnitude)
  }

  /// The two numbers, moved apart where they are too close for numbers of their size to have steps between.
  private static func distinct(_ low: Double, _ high: Double) -> (Double, Double) {
    let size = max(abs(low), abs(high))
    guard high / 2 - low / 2 <= max(size * 1e-12, 1e-290) else { return (low, high) }
    let margin = size < 1e5 ? 0.5 : size / 4
    return (limited(low - margin), limited(high + margin))
  }

  private static func multiples(of step: Double, _ first: Double, _ last: Double) -> [Double] {
    guard first <= last else { return [] }
    return stride(from: 0, through: last - first, by: 1).map { (first + $0) * step }
      .filter(\.isFinite)
  }

  /// 1, 2 or 5 times a power of ten, at least `least`.
  private static func roundStep(_ least: Double) -> Double {
    guard least > 0, least.isFinite else { return 1 }
    var power = 1.0
    while power > least { power /= 10 }
    while power < 1e307, power * 10 <= least { power *= 10 }
    return [1, 2, 5].map { $0 * power }.first { $0 >= least } ?? 10 * power
  }

  private static func powers(_ low: Double, _ high: Double) -> [Double] {
    // The literal is exact, a power computed would miss the end of the axis by a rounding.
    (-30...30).compactMap { Double("1e\($0)") }.filter { (low...high).contains($0) }
  }

  /// A tick's number as text: `0.25`, `1e-5`.
  static func text(_ value: Double) -> String {
    guard value != 0 else { return "0" }
    guard value.isFinite else { return "\(value)" }
    let size = abs(value)
    if size >= 1e5 || size < 1e-3 {
      var exponent = 0
      var mantissa = size
      while mantissa >= 9.9999 {
        mantissa /= 10
        exponent += 1
      }
      while mantissa < 0.99999 {
        mantissa *= 10
        exponent -= 1
      }
      return (value < 0 ? "-" : "") + trimmed((mantissa * 100).rounded() / 100) + "e\(exponent)"
    }
    return trimmed((value * 1e5).rounded() / 1e5)
  }

  private static func trimmed(_ value: Double) -> String {
    value == value.rounded() ? String(Int(value)) : "\(value)"
  }
}
