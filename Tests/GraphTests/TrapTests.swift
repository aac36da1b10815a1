import Foundation
import TapestryGraph
import TapestryOps
import Testing

@Suite("Traps say where")
struct TrapTests {
  private func text(_ result: ExitTest.Result?) -> String {
    String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  }

  // Not in the bodies of the tests: what a macro contains, has lines of the macro's expansion.
  private static let additionLine = #line + 3
  @inline(never) private static func addition() {
    let row = Tensor.ones([4])
    _ = Tensor.ones([2, 3]) + row
  }
  private static let itemLine = #line + 1
  @inline(never) private static func item() -> Double { Tensor.ones([2]).item + 1 }
  private static let allocationLine = #line + 2
  @inline(never) private static func allocation() -> Int {
    Tensor.zeros([1 << 30, 1 << 25]).count + 1
  }
  private static let axisLine = #line + 1
  @inline(never) private static func axis() -> Int { Tensor.ones([2]).shape[1] + 1 }

  #if os(Linux) && compiler(>=6.2)
    @Test(
      "operators, properties and allocations name the user's line, and nothing follows the message")
    func callers() async {
      let sum = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        Self.addition()
      }
      let line = Self.additionLine
      #expect(text(sum).hasPrefix("TrapTests.swift:\(line): Fatal error: add: "), "\(text(sum))")
      #expect(text(sum).hasSuffix("called at TrapTests.swift:\(line)\n"), "\(text(sum))")
      let item = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Self.item()
      }
      #expect(
        text(item).hasPrefix("TrapTests.swift:\(Self.itemLine): Fatal error: item: "),
        "\(text(item))")
      let size = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Self.allocation()
      }
      #expect(
        text(size).hasPrefix("TrapTests.swift:\(Self.allocationLine): Fatal error: a tensor of "),
        "\(text(size))")
      #expect(text(size).contains("does not fit into this machine"), "\(text(size))")
      let axis = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Self.axis()
      }
      #expect(
        text(axis).hasPrefix("TrapTests.swift:\(Self.axisLine): Fatal error: axis 1"),
        "\(text(axis))")
    }

    @Test("a dry run's misuse names the line of an operator")
    func dryRuns() throws {
      var message = ""
      let line = #line + 2
      do {
        try dryRun { _ = Tensor.shape([2, 3]) * Tensor.shape([4]) }
      } catch { message = "\(error)" }
      #expect(message.hasSuffix("called at TrapTests.swift:\(line)"), "\(message)")
    }
  #endif

  @Test("no trap of the framework names the framework's own file")
  func places() throws {
    var root = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { root.deleteLastPathComponent() }
    let sources = root.appendingPathComponent("Sources", isDirectory: true)
    var count = 0
    for module in ["Graph", "Ops", "Models", "Datasets", "Training"] {
      let folder = sources.appendingPathComponent(module, isDirectory: true)
      let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)!
      for case let file as URL in files where file.pathExtension == "swift" {
        if file.lastPathComponent == "Trap.swift" { continue }
        let source = try String(contentsOf: file, encoding: .utf8)
        for call in source.matches(of: #/\b(trap|fatalError|precondition|preconditionFailure)\(/#) {
          let arguments = Self.arguments(source[call.range.upperBound...])
          count += 1
          let hasPlace =
            arguments.contains("line:") || arguments.contains(#/[mM]isuse|\.completed\(/#)
          #expect(
            call.output.1 == "trap" && hasPlace,
            "\(module)/\(file.lastPathComponent): \(call.output.1)(\(arguments))")
        }
      }
    }
    #expect(count > 50)
  }

  /// What stands before the parenthesis that closes the call.
  private static func arguments(_ text: Substring) -> Substring {
    var depth = 1
    for index in text.indices {
      if text[index] == "(" { depth += 1 }
      if text[index] == ")" { depth -= 1 }
      if depth == 0 { return text[..<index] }
    }
    return text
  }
}
