import Foundation
import Testing

/// Numbers from files and options are added, multiplied and converted by the checked helpers. This looks for the forms
/// that end the process instead, in the code that reads files.
@Suite("Unchecked sizes")
struct UncheckedSizeTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../Sources").standardized

  /// A form, why it is one, and an example that it must find.
  private static let forms: [(pattern: String, remedy: String, example: String)] = [
    (
      #"\bU?Int(8|16|32|64)?\((?!exactly|truncatingIfNeeded|bitPattern|littleEndian|bigEndian|clamping)[^()]*(\([^()]*\)[^()]*)*\.(rounded|squareRoot)\("#,
      "wholeNumber(_:)", "let side = Int(Double(pixels).squareRoot().rounded())"
    ),
    (#"\bInt\(Double\("#, "wholeNumber(_:)", "let n = Int(Double(text) ?? 0)"),
    (#"reduce\(1, \*\)"#, "checkedProduct(of:)", "let count = sizes.reduce(1, *)"),
    (
      #"reduce\(1\) \{ \$0 \* \$1"#, "checkedProduct(of:)",
      "let count = sizes.reduce(1) { $0 * $1 }"
    ),
    (
      #"(repeating: .*, count|reserveCapacity|capacity|unsafeUninitializedCapacity)[:(] ?[^)]*(height|width|channels|[sS]ize|[cC]ount)\b[^,)]* \* "#,
      "checkedProduct(_:)", "var pixels = [UInt8](repeating: 0, count: height * width)"
    ),
    (#"\babs\(\$0\) <"#, ".magnitude", "pads.allSatisfy({ abs($0) <= 1 << 28 })"),
    (#"\.hasPrefix\(.*\), *!?known"#, "ExactNameSet", "where name.hasPrefix(p), known"),
  ]

  /// Lines that may stand: their sizes have been checked before, or are the program's own.
  private static let exceptions: [String: String] = [
    "wholeNumber(_ value: Double": "the helpers themselves",
    "min(max(Int(value.rounded()), range.lowerBound), range.upperBound)": "after both comparisons",
    "Int((min(max(background, 0), 1) * Double(maximum)).rounded())": "within 0 ... 65535",
    "count: pixels * stored": "JPEG states sizes of 16 bits, compared with the pixel limit",
    "count: pass.width * header": "PNG states sizes below 2^31, compared with the pixel limit",
    "count: wanted * plane": "those of a decoded image",
    "width * height * colors": "those of a decoded image",
    "positions.count * set.byteCount": "batches are compared with the limit by the loader",
    "count * set.channels * canvas": "batches are compared with the limit by the loader",
    "positions.count * count": "batches are compared with the limit by the loader",
    "positions.count * size": "parts of what is in memory",
    "positions.count * classCount": "classes are at most 65,536, images of a batch compared",
    "image.height * (1 + length)": "those of an image in memory",
    "inks.count / 4 * 3": "those of an image in memory",
    "header.width * header.height * channels": "compared with the pixel limit before",
    "self.height * width": "images are compared with the limit before they are resized",
    "Int(start)..<min(source": "places within an image",
    "values.map { UInt8(($0 * 255).rounded()) }": "compared with 0 ... 1 before",
    "block.count * training.channels": "the bytes of what is in memory",
  ]

  private func findings(in line: String) -> [String] {
    if Self.exceptions.keys.contains(where: line.contains) { return [] }
    return Self.forms.filter { line.range(of: $0.pattern, options: .regularExpression) != nil }
      .map(\.remedy)
  }

  @Test("the forms are found where they stand")
  func forms() {
    for form in Self.forms {
      #expect(findings(in: form.example).contains(form.remedy), "\(form.example)")
    }
    #expect(findings(in: "let count = checkedProduct(of: sizes) ?? .max").isEmpty)
  }

  @Test(
    "no unchecked form stands in the code that reads files",
    arguments: ["Files", "Models/ONNX", "Datasets", "Training"])
  func scan(folder: String) throws {
    let start = Self.root.appendingPathComponent(folder)
    let files = try #require(
      FileManager.default.enumerator(at: start, includingPropertiesForKeys: nil))
    var count = 0
    for case let file as URL in files where file.pathExtension == "swift" {
      count += 1
      let lines = try String(contentsOf: file, encoding: .utf8).split(
        separator: "\n", omittingEmptySubsequences: false)
      for (number, line) in lines.enumerated() {
        let text = line.drop { $0 == " " }
        if text.hasPrefix("//") { continue }
        for remedy in findings(in: String(text)) {
          Issue.record("\(file.lastPathComponent):\(number + 1): \(text)\n  use \(remedy)")
        }
      }
    }
    #expect(count > 5)
  }
}
