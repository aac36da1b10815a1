import Foundation
import Synchronization
import TapestryGraph
import TestSupport
import Testing

/// No op without a row in the table: the sources say what there is.
@Suite struct OpCoverage {
  @Test("every op type is run by some row, by its value or its derivatives")
  func operations() throws {
    let observer = TypeObserver()
    observing(observer) {
      for row in OpCase.all {
        let inputs = row.inputs().map { $0.dtype.isFloatingPoint ? $0.tracked() : $0 }
        let leaves = inputs.filter(\.isTracked)
        let outputs = row.function(inputs).filter(\.isTracked)
        if leaves.isEmpty || outputs.isEmpty { continue }
        let first = gradients(
          of: outputs, withRespectTo: leaves,
          cotangents: outputs.map { sample($0.shape, seed: 7, dtype: $0.dtype) }, recording: true)
        let second = first.tensors.filter(\.isTracked)
        if second.isEmpty { continue }
        _ = gradients(
          of: second, withRespectTo: leaves,
          cotangents: second.map { sample($0.shape, seed: 8, dtype: $0.dtype) })
      }
    }
    let declared = try declarations(
      #/struct (\w+)(?:<.*>)?: (?:\w+, )*\w*Operation\b/#, in: sources)
    #expect(declared.count > 20)
    let unseen = declared.subtracting(observer.names)
    #expect(unseen.isEmpty, "no row of the table runs \(unseen.sorted())")
  }

  @Test("every public function and operator is called by some row")
  func functions() throws {
    let functions = try declarations(#/public func (\w+)/#, in: sources)
    let operators = try declarations(
      #/public static (?:prefix )?func ([^\w\s(]+) ?\(/#, in: sources)
    #expect(functions.count > 20)
    #expect(operators.count > 5)
    let text = try contents(of: folder("Tests/OpsTests/Cases")).joined()
    let uncalled =
      functions.filter { !Self.isCalled($0, in: text) }
      + operators.filter { !text.contains(" \($0) ") && !text.contains("(\($0)$0[0])") }
    #expect(uncalled.isEmpty, "no row of the table calls \(uncalled.sorted())")
  }

  /// Whether a row calls the function on tensors. Swift has functions of some names itself, which take numbers: for these a
  /// tensor has to stand in the call, as the receiver or as the first operand.
  static func isCalled(_ name: String, in text: String) -> Bool {
    let tensor = #"(?:\$\d|x|a|b|y|input|values)(?:\[\d\])?"#
    guard swiftFunctions.contains(name) else {
      return text.range(of: #"(?<![\w])"# + name + #"\("#, options: .regularExpression) != nil
    }
    let isMethod = tensor + #"(?:\.detached\(\))?\."# + name + #"\((?:\)|along|keeping|\$)"#
    let isFunction = #"(?<![\w.])"# + name + #"\("# + tensor + #"(?:[ ,)\[.])"#
    return text.range(of: isMethod, options: .regularExpression) != nil
      || text.range(of: isFunction, options: .regularExpression) != nil
  }

  /// Names that Swift's library or Foundation has functions of.
  private static let swiftFunctions: Set<String> = [
    "max", "min", "abs", "log", "log1p", "exp", "expm1", "pow", "sqrt", "sin", "cos", "tanh", "erf",
    "sum", "stack",
  ]

  @Test("the search for calls tells ours from Swift's")
  func search() {
    let swifts =
      "Swift.max(1, 2) + max(rows, 1) + log(2.0) + Foundation.pow(3, n) + abs(value) + sizes.min()"
    for name in ["max", "log", "pow", "abs", "min"] {
      #expect(!Self.isCalled(name, in: swifts), "\(name)")
    }
    for (name, text) in [
      ("max", "$0.max(along: $1, keepingDimensions: $2)"), ("log", "unary { log($0) }"),
      ("pow", "[pow($0[0], $0[1])]"), ("abs", "abs(x[0])"), ("min", "x[0].min(along: 0, 1)"),
      ("relu", "relu(y)"),
    ] {
      #expect(Self.isCalled(name, in: text), "\(name)")
    }
    #expect(!Self.isCalled("relu", in: "leakyrelu(y) + myrelu(z)"))
  }

  @Test("every public function says what comes back and what it needs, itself or by reference")
  func documentation() throws {
    var count = 0
    let names = Set(try declarations(#/public func (\w+)/#, in: sources).map { "\($0)" })
    for text in try sources {
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      for (place, line) in lines.enumerated() where line.contains(#/^ *public .*\bfunc /#) {
        count += 1
        let comment = lines[..<place].reversed().prefix { $0.contains(#/^ *\/\/\//#) }
        #expect(!comment.isEmpty, "no documentation: \(line)")
        let isReference = comment.contains { line in
          line.contains("``")
            || line.matches(of: #/`(\w+)`/#).contains { names.contains("\($0.output.1)") }
        }
        let isMask = line.contains(#/func \.[=!<>]+ \(a: Tensor, c/#)
        #expect(
          isReference || isMask || comment.contains { $0.contains("- Precondition:") },
          "no precondition: \(line)")
      }
    }
    #expect(count > 100)
  }

  private var sources: [String] { get throws { try contents(of: folder("Sources/Ops")) } }

  private func declarations(
    _ pattern: Regex<(Substring, Substring)>, in texts: [String]
  ) throws -> Set<String> {
    Set(texts.flatMap { $0.matches(of: pattern).map { String($0.output.1) } })
  }

  private func folder(_ path: String) -> URL {
    var root = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { root.deleteLastPathComponent() }
    return root.appendingPathComponent(path, isDirectory: true)
  }

  private func contents(of folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "swift" }
      .map { try String(contentsOf: $0, encoding: .utf8) }
  }
}

/// Notes the types of the ops that run.
private final class TypeObserver: OperationObserver {
  private let seen = Mutex<Set<String>>([])
  var names: Set<String> { seen.withLock { $0 } }

  func didApply(_ event: OperationEvent) {
    let name = String(describing: type(of: event.operation))
    seen.withLock { _ = $0.insert(name) }
  }
}
