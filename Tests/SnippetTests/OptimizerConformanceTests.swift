import Foundation
import Testing

/// What the compiler says of an optimizer of one's own.
@Suite("Optimizer conformance")
struct OptimizerConformanceTests {
  /// The folder of the built modules; `nil` where the build system keeps none that a compiler can be pointed at.
  private static var modules: URL? {
    Repository.builtProgram("convnet").map {
      $0.deletingLastPathComponent().appendingPathComponent("Modules", isDirectory: true)
    }.flatMap {
      let module = $0.appendingPathComponent("TapestryOptim.swiftmodule")
      return FileManager.default.fileExists(atPath: module.path) ? $0 : nil
    }
  }

  /// Type-checks an optimizer with this `update`, and returns the compiler's words and whether it was content.
  private func check(_ update: String) throws -> (words: String, isFine: Bool) {
    let source = """
      import TapestryGraph
      import TapestryOptim
      final class Still: Optimizer {
        var learningRate = 0.1
        var step: Int { 0 }
        var state: [(name: String, value: Tensor)] { [] }
        func load(state: [(name: String, value: Tensor)]) throws(OptimizerStateError) {}
        \(update)
      }
      func move(_ optimizer: Still, _ gradients: Gradients) {
        optimizer.update(along: gradients)
        optimizer.update(along: gradients, scale: 0.5)
      }
      """
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("tapestry-\(UUID().uuidString)", isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("Still.swift")
    try source.write(to: file, atomically: true, encoding: .utf8)
    let process = Process()
    let errors = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      [
        "swiftc", "-typecheck", "-swift-version", "6", "-package-name", "other", "-I",
        try #require(Self.modules).path, "-Xcc",
        "-I\(Repository.root.appendingPathComponent("Sources/Kernels/include").path)",
      ] + moduleMap.flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] } + [file.path]
    process.standardError = errors
    try process.run()
    let words = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (String(decoding: words, as: UTF8.self), process.terminationStatus == 0)
  }

  /// The module map of the kernels that the build has made.
  private var moduleMap: [String] {
    guard let modules = Self.modules else { return [] }
    let map = modules.deletingLastPathComponent()
      .appendingPathComponent("CTapestryKernels.build/module.modulemap")
    return FileManager.default.fileExists(atPath: map.path) ? [map.path] : []
  }

  @Test(
    "an optimizer without the update of its own does not compile; with it, it does",
    .enabled(if: modules != nil, "the built modules are not beside the tests"))
  func update() throws {
    let complete = try check(
      """
      func update(along gradients: Gradients, scale: Double, file: StaticString, line: UInt) {}
      """)
    #expect(complete.isFine, "\(complete.words)")
    let lacking = try check("")
    #expect(!lacking.isFine)
    #expect(lacking.words.contains("does not conform to protocol 'Optimizer'"))
  }
}
