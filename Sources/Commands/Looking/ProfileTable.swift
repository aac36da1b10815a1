import TapestryFiles
import TapestryTraining

/// A profile as lines of text or JSON; times per step.
struct ProfileTable {
  let entries: [OperationProfile.Entry]
  /// Lines at most; the rest is added up in one.
  let limit: Int
  let steps: Int
  /// Multiplications and additions per second at best.
  let peak: Double
  let isByOperation: Bool
  /// Of all steps, with what is outside ops.
  let stepSeconds: Double
  let updateSeconds: Double

  private var operationSeconds: Double { entries.reduce(0) { $0 + $1.seconds } }
  private var otherSeconds: Double { max(stepSeconds - updateSeconds - operationSeconds, 0) }

  var lines: [String] {
    var rows = [["ms", "%", "GFLOP/s", "peak %", "GB/s", "calls", "pass", "op", "layer"]]
    rows += entries.prefix(limit).map(row)
    let rest = entries.dropFirst(limit)
    if !rest.isEmpty {
      rows.append(
        plainRow(rest.reduce(0) { $0 + $1.seconds }, "and \(counted(rest.count, "line")) more"))
    }
    if updateSeconds > 0 { rows.append(plainRow(updateSeconds, "optimizer")) }
    rows.append(plainRow(otherSeconds, "between ops"))
    rows.append(plainRow(stepSeconds, "step"))
    if isByOperation { rows = rows.map { $0.dropLast() } }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = zip(row, widths).enumerated().map { column, cell in
        padded(cell.0, cell.1, isRight: column < 6)
      }
      let line = cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }

  private func row(_ entry: OperationProfile.Entry) -> [String] {
    let hasRate = entry.cost.multiplyAccumulates > 0 && entry.seconds > 0
    let rate = hasRate ? 2 * Double(entry.cost.multiplyAccumulates) / entry.seconds : 0
    let name = entry.label.isEmpty || isByOperation ? entry.name : "\(entry.name) \(entry.label)"
    return [
      fixed(entry.seconds / Double(steps) * 1e3, 3), fixed(100 * entry.seconds / stepSeconds, 1),
      hasRate ? fixed(rate * 1e-9, 1) : "", hasRate ? fixed(100 * rate / peak, 0) : "",
      fixed(Double(entry.cost.bytes) / entry.seconds * 1e-9, 1), grouped(entry.calls / steps),
      entry.isBackward ? "backward" : "forward", name, entry.layer ?? "",
    ]
  }

  private func plainRow(_ seconds: Double, _ name: String) -> [String] {
    [
      fixed(seconds / Double(steps) * 1e3, 3), fixed(100 * seconds / stepSeconds, 1), "", "", "",
      "",
      "", name, "",
    ]
  }

  var jsonLines: [JSONValue] {
    let perStep = 1e3 / Double(steps)
    var lines = entries.prefix(limit).map { entry -> JSONValue in
      let rate = 2 * Double(entry.cost.multiplyAccumulates) / entry.seconds
      return [
        "op": .string(entry.name), "layer": entry.layer.map { .string($0) } ?? .null,
        "pass": .string(entry.isBackward ? "backward" : "forward"),
        "calls": .integer(entry.calls / steps), "ms": .finite(entry.seconds * perStep),
        "flop": .integer(2 * entry.cost.multiplyAccumulates / steps),
        "gflops": .finite(rate * 1e-9), "share_of_peak": .finite(rate / peak),
        "bytes": .integer(entry.cost.bytes / steps),
      ]
    }
    lines.append([
      "op": "step", "ms": .finite(stepSeconds * perStep),
      "optimizer_ms": .finite(updateSeconds * perStep),
      "between_ops_ms": .finite(otherSeconds * perStep), "peak_gflops": .finite(peak * 1e-9),
    ])
    return lines
  }
}
