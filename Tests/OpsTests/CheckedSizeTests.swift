import Foundation
import Testing

/// The sources of the shape rules, looked at for arithmetic that can overflow.
@Suite struct CheckedSizes {
  @Test("shape rules add and multiply by checked functions, or say why nothing can overflow")
  func rules() throws {
    var found: [String] = []
    var count = 0
    for (file, text) in try sources() {
      for rule in rules(in: text) {
        count += 1
        for (number, line, reason) in rule where Self.isArithmetic(line) && !reason {
          found.append("\(file):\(number): \(line.trimmingCharacters(in: .whitespaces))")
        }
      }
    }
    #expect(count > 80)
    #expect(found.isEmpty, "unchecked:\n\(found.joined(separator: "\n"))")
  }

  @Test("the search finds what it is there to find")
  func search() {
    for line in [
      "let size = x[2] * stride", "height: size + 2 * padding,", "shape[axis] += other[axis]",
      "let sum = sizes.reduce(0, +)", "let count = shape.reduce(1, *)", "x.append(end - start)",
      "let both = height*width", "let last = shape[axis] + rows", "x.shape[0] * rank",
    ] {
      #expect(Self.isArithmetic(line), "\(line)")
    }
    for line in [
      #"throw Misuse("a + b" + " and \(c * d)")"#, #"  + " sizes must be equal""#,
      "let sum = try checkedSum(a, b, noun)", "-> (Int, Int)", "return x / groups",
      "let axis = axis < 0 ? axis + shape.rank : axis", "let sizes = Array(shape) + [m, n]",
    ] {
      #expect(!Self.isArithmetic(line), "\(line)")
    }
  }

  /// Whether there is a sum, difference or product outside of texts.
  private static func isArithmetic(_ line: String) -> Bool {
    var code = line
    if let comment = code.range(of: "//") { code.removeSubrange(comment.lowerBound...) }
    code = withoutTexts(code)
    code = code.replacingOccurrences(of: #"(^|\S) *\+ *"""#, with: "", options: .regularExpression)
    code = code.replacingOccurrences(of: "->", with: "")
    // Axes are few, and arrays joined by + are not numbers.
    code = code.replacingOccurrences(
      of: #"\brank( [-+] \d)+|\brank - \(|\baxis [-+] (\w+\.)*(rank|1\b)"#, with: "rank",
      options: .regularExpression)
    code = code.replacingOccurrences(
      of: #"(?<=[\])]) \+ (?=\[|Array\(|shape\[)"#, with: " ", options: .regularExpression)
    // A sign is no operation.
    code = code.replacingOccurrences(
      of: #"(^|[(\[,=?:]|return) *-"#, with: "$1", options: .regularExpression)
    return code.range(of: #"[-+*]"#, options: .regularExpression) != nil
  }

  /// Every text in quotes, with what it interpolates, as `""`.
  private static func withoutTexts(_ code: String) -> String {
    var result = ""
    var depth = 0
    var isText = false
    var previous: Character = " "
    for character in code {
      if isText {
        if character == "(" && (previous == "\\" || depth > 0) { depth += 1 }
        if character == ")" && depth > 0 { depth -= 1 }
        if character == "\"" && depth == 0 {
          isText = false
          result.append("\"")
        }
      } else {
        result.append(character)
        if character == "\"" { isText = true }
      }
      previous = character
    }
    return result
  }

  private typealias Line = (number: Int, text: String, hasReason: Bool)

  /// The lines of every function that throws a misuse; a comment `In range:` speaks for the statement below it.
  private func rules(in text: String) -> [[Line]] {
    let lines = text.components(separatedBy: "\n")
    var result: [[Line]] = []
    var place = 0
    while place < lines.count {
      guard lines[place].contains("throws(Misuse)"), !lines[place].contains("{ () throws") else {
        place += 1
        continue
      }
      var body: [Line] = []
      var braces = 0
      var hasBegun = false
      var reasonIndent: Int?
      while place < lines.count {
        let line = lines[place]
        let indent = line.prefix { $0 == " " }.count
        if line.trimmingCharacters(in: .whitespaces).hasPrefix("// In range:") {
          reasonIndent = indent
        } else if !line.trimmingCharacters(in: .whitespaces).hasPrefix("//") {
          body.append((place + 1, line, reasonIndent != nil))
          // The statement goes on as long as lines are indented further, or close it.
          let next = place + 1 < lines.count ? lines[place + 1] : ""
          let nextIndent = next.prefix { $0 == " " }.count
          let closes = [")", "else", "}"].contains {
            next.trimmingCharacters(in: .whitespaces).hasPrefix($0)
          }
          if let reason = reasonIndent, nextIndent <= reason && !closes { reasonIndent = nil }
        }
        braces += line.filter { $0 == "{" }.count - line.filter { $0 == "}" }.count
        hasBegun = hasBegun || line.contains("{")
        place += 1
        if hasBegun && braces <= 0 { break }
      }
      result.append(body)
    }
    return result
  }

  private func sources() throws -> [(String, String)] {
    var root = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { root.deleteLastPathComponent() }
    // What is written for other programs, in the folder beside them, has been accepted before.
    let folder = root.appendingPathComponent("Sources/Ops", isDirectory: true)
    return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "swift" && $0.lastPathComponent != "CheckedSizes.swift" }
      .map { ($0.lastPathComponent, try String(contentsOf: $0, encoding: .utf8)) }
  }
}
