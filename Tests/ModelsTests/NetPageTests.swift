import Foundation
import TapestryModels
import Testing

/// The pages of `docs/nets`: tables between `<!-- made: ... -->` and `<!-- end -->` are made from the nets. With
/// `TAPESTRY_WRITE_PAGES` set, they are written instead of compared.
@Suite("NetPages") struct NetPageTests {
  private static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("docs/nets")

  static let pages: [URL] = {
    let found = try? FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    return (found ?? []).filter { $0.pathExtension == "md" }
      .sorted { $0.lastPathComponent < $1.lastPathComponent }
  }()

  @Test("the tables of a page are those of its nets", arguments: pages)
  func tables(page: URL) throws {
    let text = try String(contentsOf: page, encoding: .utf8)
    let parts = text.matches(of: #/<!-- made: (.+) -->\n(?s:(.*?))<!-- end -->/#)
    #expect(!parts.isEmpty, "\(page.lastPathComponent) has no table")
    if ProcessInfo.processInfo.environment["TAPESTRY_WRITE_PAGES"] != nil {
      var written = text
      for part in parts.reversed() {
        let made = try NetTables.text(part.output.1.split(separator: " ").map(String.init))
        written.replaceSubrange(
          part.range, with: "<!-- made: \(part.output.1) -->\n\n\(made)\n\n<!-- end -->")
      }
      try written.write(to: page, atomically: true, encoding: .utf8)
      return
    }
    for part in parts {
      let made = try NetTables.text(part.output.1.split(separator: " ").map(String.init))
      #expect(
        part.output.2.trimmingCharacters(in: .newlines) == made,
        "\(page.lastPathComponent): '\(part.output.1)' has changed; docs/nets/make.sh makes it anew"
      )
    }
  }

  @Test("every net of the catalog has a page")
  func complete() throws {
    let named = try Self.pages.flatMap { page in
      try String(contentsOf: page, encoding: .utf8).matches(of: #/<!-- made: variants (.+) -->/#)
        .flatMap { $0.output.1.split(separator: " ").map(String.init) }
    }
    #expect(named.sorted() == ModelCatalog.entries.map(\.name).sorted())
  }

  @Test("every page shows pictures of its nets, small enough to load", arguments: pages)
  func pictures(page: URL) throws {
    let text = try String(contentsOf: page, encoding: .utf8)
    let shown = text.matches(of: #/!\[.*?\]\((.+?)\.svg\)/#).map { String($0.output.1) }
    if page.lastPathComponent != "README.md" { #expect(!shown.isEmpty) }
    for name in shown {
      let entry = try #require(ModelCatalog.entry(named: name), "\(name).svg is of no net")
      let file = page.deletingLastPathComponent().appendingPathComponent("\(name).svg")
      let picture = try String(contentsOf: file, encoding: .utf8)
      let size = "\(entry.input.channels)x\(entry.input.height)x\(entry.input.width)"
      #expect(picture.contains("\(name), \(size)"), "\(name).svg draws another net")
      #expect(picture.utf8.count < 150_000, "\(name).svg is large")
    }
  }
}
