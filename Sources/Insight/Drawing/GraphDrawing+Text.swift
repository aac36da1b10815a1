import TapestryFiles
import TapestryPictures

extension GraphDrawing.Box {
  /// The name inside the frames that are drawn around the box.
  var shortPath: String {
    let frame = blocks.joined(separator: ".")
    let name = path.hasPrefix(frame + ".") ? String(path.dropFirst(frame.count + 1)) : path
    if path == frame { return "" }
    // A number alone says little: the name of its parent goes with it.
    guard name.first?.isNumber == true, let parent = blocks.last else { return name }
    return "\(parent).\(name)"
  }

  /// What the box says below its ops: shape, parameters, and what was measured.
  func figures(costs: Bool) -> [String] {
    var lines: [String] = []
    var first = [shape]
    if parameterCount > 0, family != .parameter {
      first.append("\(grouped(parameterCount)) parameters")
    }
    if textWidth(first.joined(separator: "  "), size: 11) < 220 {
      lines.append(first.joined(separator: " · "))
    } else {
      lines += first
    }
    if costs {
      var second: [String] = []
      if multiplyAccumulates > 0 { second.append("\(short(multiplyAccumulates)) MAC") }
      if bytes > 0 { second.append("\(short(bytes))B") }
      if let nanoseconds { second.append(duration(nanoseconds)) }
      if !second.isEmpty { lines.append(second.joined(separator: " · ")) }
    } else if let nanoseconds {
      lines.append(duration(nanoseconds))
    }
    return lines
  }

  /// The text that a pointer over the box shows.
  var tip: String {
    var lines = path.isEmpty ? [] : [path]
    lines += details.prefix(40)
    if details.count > 40 { lines.append("...") }
    if multiplyAccumulates > 0 {
      lines.append("\(grouped(multiplyAccumulates)) multiply-accumulates")
    }
    if bytes > 0 { lines.append("\(grouped(bytes)) bytes read and written") }
    if let nanoseconds { lines.append(duration(nanoseconds)) }
    return lines.joined(separator: "\n")
  }
}

extension GraphDrawing {
  /// `61,706 parameters · 416,520 multiply-accumulates`
  var summary: String {
    var parts: [String] = []
    if parameterCount > 0 { parts.append("\(grouped(parameterCount)) parameters") }
    if multiplyAccumulates > 0 {
      parts.append("\(grouped(multiplyAccumulates)) multiply-accumulates")
    }
    return parts.joined(separator: " · ")
  }
}

/// `416 k`, `1.8 G`
func short(_ value: Int) -> String {
  let steps: [(Double, String)] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")]
  for (size, letter) in steps where Double(value) >= size {
    let scaled = Double(value) / size
    return "\(number(scaled >= 100 ? scaled.rounded() : (scaled * 10).rounded() / 10)) \(letter)"
  }
  return "\(value) "
}

/// `12 µs`, `3.4 ms`
func duration(_ nanoseconds: Int) -> String {
  let micro = Double(nanoseconds) / 1000
  func trimmed(_ value: Double) -> String {
    number(value >= 100 ? value.rounded() : (value * 10).rounded() / 10)
  }
  if micro < 1000 { return "\(trimmed(micro)) µs" }
  return micro < 1e6 ? "\(trimmed(micro / 1000)) ms" : "\(trimmed(micro / 1e6)) s"
}
