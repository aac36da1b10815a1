/// What a gradient check found.
public struct GradientReport: Sendable, CustomStringConvertible {
  /// One comparison: an entry of the Jacobian, or a derivative along a direction.
  public struct Comparison: Sendable, CustomStringConvertible {
    /// 1 for the gradient, 2 for the gradient of the gradient.
    public let order: Int
    /// The input that moved, or "all inputs" along a direction.
    public let input: String
    /// The position in that input, or `nil` along a direction.
    public let index: [Int]?
    /// What the backward says, and what differences say.
    public let analytic: Double
    public let numeric: Double
    /// Their distance in units of what the tolerances allow: above 1 it fails.
    public let severity: Double

    /// |analytic - numeric| over the larger of the two.
    public var relativeError: Double {
      let size = max(abs(analytic), abs(numeric))
      return size == 0 ? 0 : abs(analytic - numeric) / size
    }

    /// `conv1.weight[2, 0, 1, 1]: analytic 0.25, numeric 0.5, relative error 0.5`
    public var description: String {
      let place =
        index.map { "[\($0.map(String.init).joined(separator: ", "))]" } ?? " (a direction)"
      let order = order == 1 ? "" : ", second order"
      return "\(input)\(place)\(order): analytic \(analytic), numeric \(numeric),"
        + " relative error \(relativeError)"
    }
  }

  /// The op whose own derivative does not agree.
  public struct Fault: Sendable, CustomStringConvertible {
    public let operation: String
    /// The user's line that called it.
    public let site: CallSite
    public let comparison: Comparison

    public var description: String { "\(operation) at \(site): \(comparison)" }
  }

  /// Comparisons made, and those skipped because a step crossed a kink.
  public internal(set) var checked = 0
  public internal(set) var skipped = 0
  /// Which kinks were in the way, each op and line once.
  public internal(set) var kinks: [String] = []
  /// The comparison nearest to, or farthest beyond, what is allowed.
  public internal(set) var worst: Comparison?
  /// Those that failed, worst first.
  public internal(set) var failures: [Comparison] = []
  /// The first op that is wrong by itself; `nil` when all agree or none could be singled out.
  public internal(set) var fault: Fault?

  /// Whether everything agreed, and something was compared.
  public var passed: Bool { failures.isEmpty && checked > 0 }

  public var description: String {
    var lines: [String] = []
    if passed {
      lines.append("gradients agree: \(checked) comparisons")
    } else if checked == 0 {
      lines.append("nothing was compared: every step crosses a kink, or there are no inputs")
    } else {
      lines.append("gradients do not agree: \(failures.count) of \(checked) comparisons")
    }
    if let worst { lines.append("  worst: \(worst)") }
    if let fault {
      lines.append("  at fault: \(fault)")
    } else if !failures.isEmpty {
      lines.append(
        "  every op by itself agrees: look at values that bypass the graph (scalars(), detached())")
    }
    if skipped > 0 { lines.append("  skipped \(skipped) whose steps cross a kink:") }
    lines += kinks.prefix(5).map { "    \($0)" }
    return lines.joined(separator: "\n")
  }

  mutating func add(_ comparison: GradientComparison) {
    checked += comparison.checked
    skipped += comparison.skipped
    kinks += comparison.kinks.filter { !kinks.contains($0) }
    failures += comparison.failures.sorted { $0.severity > $1.severity }
    if let other = comparison.worst, other.severity >= worst?.severity ?? 0 { worst = other }
  }
}
