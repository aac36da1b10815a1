/// A file or an option that asks for more than ``ResourceLimits`` allow. Nothing of that size was made.
public struct ResourceError: Error, Equatable, Sendable {
  /// What asks: `a batch of 64 images of 3 x 8192 x 8192`.
  public let subject: String
  /// What it asks for.
  public let resource: Resource
  /// How much of it; nil for more than 2^63.
  public let needed: Int?
  /// How much is allowed.
  public let limit: Int

  /// An error about `subject`.
  public init(subject: String, resource: Resource, needed: Int?, limit: Int) {
    self.subject = subject
    self.resource = resource
    self.needed = needed
    self.limit = limit
  }

  /// What there is a limit on.
  public enum Resource: Sendable, Equatable {
    /// Bytes.
    case memory
    /// Multiplications that are summed, and for everything else that is computed or moved what takes as long.
    case arithmetic
    /// Inflated bytes for a compressed one.
    case inflation

    /// The environment variable that sets the limit.
    var variable: String {
      switch self {
      case .memory: "TAPESTRY_MEMORY_LIMIT"
      case .arithmetic: "TAPESTRY_ARITHMETIC_LIMIT"
      case .inflation: "TAPESTRY_INFLATION_LIMIT"
      }
    }
  }
}

extension ResourceError: CustomStringConvertible {
  /// Both figures, and how to raise the limit.
  public var description: String {
    let remedy = "raise the limit with \(resource.variable)"
    switch resource {
    case .memory:
      return
        "\(subject) would take \(needed.map(byteText) ?? "more than 2^63 bytes") of memory, but at most"
        + " \(byteText(limit)) are allowed; \(remedy)"
    case .arithmetic:
      return
        "\(subject) would take \(needed.map(countText) ?? "more than 2^63") operations, but at most"
        + " \(countText(limit)) are allowed; \(remedy)"
    case .inflation:
      return "\(subject) inflates to more than \(limit) times its size; \(remedy)"
    }
  }
}

/// A number of bytes in the largest unit that it fills, to three digits: `1.50 GiB`.
package func byteText(_ count: Int) -> String {
  let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
  return scaledText(count, 1024, units)
}

/// A number to three digits: `1.50 G`.
package func countText(_ count: Int) -> String {
  scaledText(count, 1000, ["", "k", "M", "G", "T", "P", "E"])
}

private func scaledText(_ count: Int, _ base: Double, _ units: [String]) -> String {
  var value = Double(count)
  var unit = 0
  while value >= base, unit + 1 < units.count {
    value /= base
    unit += 1
  }
  guard unit > 0 else { return units[0].isEmpty ? "\(count)" : "\(count) \(units[0])" }
  let decimals = value < 10 ? 2 : value < 100 ? 1 : 0
  let factor = [1.0, 10, 100][decimals]
  let whole = wholeNumber(value * factor) ?? 0
  let digits = String(whole)
  guard decimals > 0 else { return "\(digits) \(units[unit])" }
  return "\(digits.dropLast(decimals)).\(digits.suffix(decimals)) \(units[unit])"
}
