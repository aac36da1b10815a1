import TapestryFiles

// Numbers as people read them; the same text on every platform and in every locale.

/// `value` with that many digits behind the point: `0.9853`.
package func fixed(_ value: Double, _ digits: Int) -> String {
  guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
  var scale = 1.0
  for _ in 0..<digits { scale *= 10 }
  let scaled = (abs(value) * scale).rounded()
  guard scaled < 1e15 else { return "\(value)" }
  let number = String(Int(scaled))
  let sign = value < 0 && scaled > 0 ? "-" : ""
  guard digits > 0 else { return sign + number }
  let padded = String(repeating: "0", count: max(digits + 1 - number.count, 0)) + number
  return "\(sign)\(padded.dropLast(digits)).\(padded.suffix(digits))"
}

/// A whole number of images per second and the like; 0 for what is not finite.
package func grouped(_ value: Double) -> String {
  grouped(abs(value) < 1e15 ? Int(value.rounded()) : 0)
}

/// Minutes and seconds, with hours where there are some: `0:07`, `1:02:03`. Rounded up, so that what is left
/// is never `0:00` before the end.
package func clockTime(_ seconds: Double) -> String {
  let total = seconds < 1e9 ? Int(max(seconds, 0).rounded(.up)) : 0
  let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60)
  let tail = rest < 10 ? "0\(rest)" : "\(rest)"
  guard hours > 0 else { return "\(minutes):\(tail)" }
  return "\(hours):\(minutes < 10 ? "0" : "")\(minutes):\(tail)"
}

/// Decimal megabytes or gigabytes: `84 MB`, `2.31 GB`.
package func byteSize(_ bytes: Int) -> String {
  bytes < 1_000_000_000
    ? "\(fixed(Double(bytes) / 1e6, bytes < 10_000_000 ? 1 : 0)) MB"
    : "\(fixed(Double(bytes) / 1e9, 2)) GB"
}

/// `count` and the noun, in the plural unless there is one: `1 epoch`, `5 epochs`.
package func counted(_ count: Int, _ noun: String) -> String {
  "\(grouped(count)) \(noun)\(count == 1 ? "" : noun.hasSuffix("ss") ? "es" : "s")"
}

/// `text` with spaces in front or behind, up to `width` characters.
func padded(_ text: String, _ width: Int, isRight: Bool = false) -> String {
  let spaces = String(repeating: " ", count: max(width - text.count, 0))
  return isRight ? spaces + text : text + spaces
}

/// A bar of `width` characters of which `share`, 0 ... 1, is filled, to an eighth of a character.
package func bar(_ share: Double, width: Int) -> String {
  let eighths = Int((min(max(share.isNaN ? 0 : share, 0), 1) * Double(width * 8)).rounded())
  let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
  return padded(String(repeating: "█", count: eighths / 8) + parts[eighths % 8], width)
}

/// `text` as a shell takes it: in quotes when it has characters that mean something there.
package func shellQuoted(_ text: String) -> String {
  let isPlain =
    !text.isEmpty
    && text.unicodeScalars.allSatisfy { character in
      character.properties.isAlphabetic || character.properties.numericType != nil
        || "/._-+=:,@%".unicodeScalars.contains(character)
    }
  guard !isPlain else { return text }
  return "'"
    + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#)
    + "'"
}
