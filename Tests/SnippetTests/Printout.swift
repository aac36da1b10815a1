/// Printed text, compared with numbers as numbers.
struct Printout {
  let lines: [Substring]

  /// Without blanks at the ends of lines and empty lines at the end.
  init(_ text: String) {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for index in lines.indices {
      while lines[index].last == " " { lines[index].removeLast() }
    }
    while lines.last?.isEmpty == true { lines.removeLast() }
    self.lines = lines
  }

  /// The first line that differs, or `nil`. Numbers with a fraction or an exponent may differ by `tolerance`,
  /// relative to the larger of the expected one and 1; everything else must be the same.
  func difference(from expected: Printout, tolerance: Double) -> String? {
    for index in 0..<max(lines.count, expected.lines.count) {
      guard index < lines.count else {
        return "line \(index + 1) is missing: \(expected.lines[index])"
      }
      guard index < expected.lines.count else {
        return "line \(index + 1) is too much: \(lines[index])"
      }
      if !Self.agree(lines[index], expected.lines[index], tolerance) {
        return "line \(index + 1)\n  is       \(lines[index])\n  expected \(expected.lines[index])"
      }
    }
    return nil
  }

  private static func agree(_ line: Substring, _ expected: Substring, _ tolerance: Double) -> Bool {
    let number = #/-?\d+(?:\.\d+(?:e-?\d+)?|e-?\d+)/#
    let (found, wanted) = (line.matches(of: number), expected.matches(of: number))
    guard line.replacing(number, with: "#") == expected.replacing(number, with: "#"),
      found.count == wanted.count
    else { return false }
    return zip(found, wanted).allSatisfy { found, wanted in
      guard let a = Double(found.output), let b = Double(wanted.output) else { return false }
      return abs(a - b) <= tolerance * max(1, abs(b))
    }
  }
}
