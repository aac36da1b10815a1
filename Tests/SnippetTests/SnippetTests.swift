import Foundation
import Testing

/// The scripts are what the documents show, so they must run and print what is said.
@Suite struct SnippetTests {
  @Test("there are scripts, and no stored output without one")
  func inventory() {
    let folder = Repository.root.appendingPathComponent("Tests/Fixtures/snippets")
    let stored = Repository.files(in: folder, ofType: "txt")
      .map { $0.deletingPathExtension().lastPathComponent }
    #expect(Snippet.all.count >= 8)
    #expect(stored == Snippet.all.map(\.name))
  }

  @Test("a script runs and prints what is stored", arguments: Snippet.all)
  func output(_ snippet: Snippet) throws {
    let run = try snippet.run()
    #expect(run.status == 0)
    let difference = Printout(run.output).difference(
      from: Printout(try snippet.expectedOutput), tolerance: snippet.tolerance)
    #expect(difference == nil, "\(snippet.name): \(difference ?? "")")
    #if DEBUG
      #expect(run.errors.contains("built for debug"))
    #else
      #expect(run.errors.isEmpty)
    #endif
  }

  @Test("a script prints the same on one thread", arguments: Snippet.all)
  func threads(_ snippet: Snippet) throws {
    let one = try snippet.run(environment: ["TAPESTRY_THREADS": "1"]).output
    let three = try snippet.run(environment: ["TAPESTRY_THREADS": "3"]).output
    #expect(one == three)
  }

  @Test(
    "a script is short, says first what it teaches, and warns of debug builds",
    arguments: Snippet.all)
  func form(_ snippet: Snippet) throws {
    let lines = try snippet.source.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count <= 60)
    #expect(lines.first?.hasPrefix("// ") == true)
    #expect(lines.contains("warnIfBuiltForDebug()"))
  }
}

/// The comparison must be able to fail.
@Suite struct PrintoutTests {
  @Test("differences in words, whole numbers, places and numbers of lines are found")
  func differences() {
    let text = Printout("loss 0.125 after 3 steps\ndone")
    for other in [
      "loss 0.125 after 4 steps\ndone", "lost 0.125 after 3 steps\ndone",
      "loss 0.127 after 3 steps\ndone", "loss  0.125 after 3 steps\ndone",
      "loss 0.125 after 3 steps", "loss 0.125 after 3 steps\ndone\nagain",
      "loss -0.125 after 3 steps\ndone", "loss nan after 3 steps\ndone",
    ] {
      #expect(Printout(other).difference(from: text, tolerance: 1e-3) != nil, "\(other)")
      #expect(text.difference(from: Printout(other), tolerance: 1e-3) != nil, "\(other)")
    }
  }

  @Test("fractions agree within the tolerance, and blanks at the end of a line do not count")
  func agreement() {
    let text = Printout("loss 0.125 [1.5e-9]\ndone")
    let other = Printout("loss 0.1255 [2.5e-9]  \ndone  \n\n")
    #expect(other.difference(from: text, tolerance: 1e-3) == nil)
    #expect(other.difference(from: text, tolerance: 1e-4) != nil)
  }
}
