import Foundation
import Testing

/// A fenced block of code in a document, and the comment in front of it that says where it comes from:
///
///     <!-- Snippets/Digits.swift -->             the whole script
///     <!-- part of Snippets/Digits.swift -->     lines of it that stand together
///     <!-- output of Snippets/Digits.swift -->   what it prints, likewise whole
///     <!-- part of output of Snippets/Digits.swift -->
///     <!-- not a script -->                      for what a script cannot be, such as a manifest
struct CodeBlock: Sendable {
  let document: String
  let line: Int
  let language: String
  let text: String
  let mark: String?

  var place: String { "\(document):\(line)" }

  /// The blocks of a document, in order.
  static func all(in document: String) throws -> [CodeBlock] {
    let lines = try Repository.text(document)
      .split(separator: "\n", omittingEmptySubsequences: false)
    var blocks: [CodeBlock] = []
    var start: Int?
    for (index, line) in lines.enumerated() where line.hasPrefix("```") {
      guard let first = start else {
        start = index
        continue
      }
      let before = lines[..<first].last { !$0.isEmpty }
      let mark = before.flatMap { $0.wholeMatch(of: #/<!-- (.+) -->/#)?.output.1 }
      blocks.append(
        CodeBlock(
          document: document, line: first + 1, language: String(lines[first].dropFirst(3)),
          text: lines[first + 1..<index].joined(separator: "\n"), mark: mark.map(String.init)))
      start = nil
    }
    return blocks
  }
}

/// What the documents show is what there is.
@Suite struct DocumentTests {
  static let documents =
    ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
    + Repository.files(in: Repository.root.appendingPathComponent("docs"), ofType: "md")
    .map { "docs/\($0.lastPathComponent)" }
    + Repository.files(in: Repository.root.appendingPathComponent("docs/nets"), ofType: "md")
    .map { "docs/nets/\($0.lastPathComponent)" }

  @Test("Swift code shown is the text of a script", arguments: documents)
  func code(_ document: String) throws {
    for block in try CodeBlock.all(in: document) where block.language == "swift" {
      let mark = try #require(block.mark, "\(block.place): where does this code come from?")
      if mark == "not a script" { continue }
      let match = try #require(
        mark.wholeMatch(of: #/(part of )?Snippets/(\w+)\.swift/#), "\(block.place): \(mark)")
      let source = try Snippet(name: String(match.output.2)).source
      if match.output.1 == nil {
        #expect(block.text + "\n" == source, "\(block.place) differs from the script")
      } else {
        let isPart = "\n\(source)".contains("\n\(block.text)\n")
        #expect(isPart, "\(block.place) is no part of the script")
      }
    }
  }

  @Test("output shown is what the script prints", arguments: documents)
  func output(_ document: String) throws {
    let pattern = #/(part of )?output of Snippets/(\w+)\.swift/#
    for block in try CodeBlock.all(in: document) {
      guard let match = block.mark?.wholeMatch(of: pattern) else { continue }
      let shown = Printout(block.text)
      // The other suite compares the stored text with a run.
      let stored = Printout(try Snippet(name: String(match.output.2)).expectedOutput)
      if match.output.1 == nil {
        #expect(shown.difference(from: stored, tolerance: 0) == nil, "\(block.place)")
      } else {
        let joined = stored.lines.joined(separator: "\n")
        let part = shown.lines.joined(separator: "\n")
        #expect("\n\(joined)\n".contains("\n\(part)\n"), "\(block.place)")
      }
    }
  }

  @Test("the README shows a script whole, and what it prints")
  func readme() throws {
    let marks = try CodeBlock.all(in: "README.md").compactMap(\.mark)
    #expect(marks.contains("Snippets/Digits.swift"))
    #expect(marks.contains("output of Snippets/Digits.swift"))
  }

  @Test("links within the repository lead somewhere", arguments: documents)
  func links(_ document: String) throws {
    let folder = Repository.root.appendingPathComponent(document).deletingLastPathComponent()
    for match in try Repository.text(document).matches(of: #/\]\(([^)#\s]+)[^)]*\)/#) {
      let target = String(match.output.1)
      if target.contains("://") { continue }
      let path = folder.appendingPathComponent(target).path
      #expect(FileManager.default.fileExists(atPath: path), "\(document): \(target) does not exist")
    }
  }

  @Test("the list of ops names every public one, and no other")
  func operations() throws {
    // A bar inside a cell is written with a backslash.
    let cells = try Repository.text("docs/operations.md")
      .replacingOccurrences(of: "\\|", with: "\u{A6}").split(separator: "\n")
      .filter { $0.hasPrefix("| `") }.compactMap { $0.split(separator: "|").first }
    let listed = Set(cells.flatMap { $0.matches(of: #/(\w+)\(/#).map { String($0.output.1) } })
    let operators = Set(
      cells.flatMap { cell in
        cell.matches(of: #/(?:`| )([-+*\/.!=<>&^\u{A6}]+)(?: |(?=x))/#)
          .map { $0.output.1.replacingOccurrences(of: "\u{A6}", with: "|") }
      })
    let folder = Repository.root.appendingPathComponent("Sources/Ops")
    let sources = try Repository.files(in: folder, ofType: "swift")
      .map { try String(contentsOf: $0, encoding: .utf8) }
    let functions = names(#/public func (\w+)/#, in: sources)
    let declared = names(#/public static (?:prefix )?func ([^\w\s(]+) ?\(/#, in: sources)
    #expect(functions.count > 50 && declared.count > 10)
    expectSame(listed.union(operators), functions.union(declared))
  }

  private func expectSame(_ listed: Set<String>, _ declared: Set<String>) {
    let (missing, unknown) = (declared.subtracting(listed), listed.subtracting(declared))
    #expect(missing.isEmpty, "docs/operations.md lacks \(missing.sorted())")
    #expect(unknown.isEmpty, "docs/operations.md names \(unknown.sorted()), which do not exist")
  }

  private func names(_ pattern: Regex<(Substring, Substring)>, in texts: [String]) -> Set<String> {
    Set(texts.flatMap { $0.matches(of: pattern).map { String($0.output.1) } })
  }
}
