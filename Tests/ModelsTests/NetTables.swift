import Foundation
import TapestryGraph
import TapestryModels
import TapestryOps

/// The tables of `docs/nets`, made from the nets.
enum NetTables {
  /// The text of a marked part: `variants NAME ...`, `layers NAME [depth N]` or `comparison`.
  static func text(_ words: [String]) throws -> String {
    switch words.first {
    case "variants": try variants(words.dropFirst().map(entry))
    case "layers":
      try layers(entry(words[1]), depth: words.count == 4 ? Int(words[3])! : .max)
    case "comparison": try comparison()
    default: throw Unknown(what: words.joined(separator: " "))
    }
  }

  struct Unknown: Error { let what: String }

  private static func entry(_ name: String) throws -> CatalogEntry {
    guard let entry = ModelCatalog.entries.first(where: { $0.name == name }) else {
      throw Unknown(what: name)
    }
    return entry
  }

  // MARK: - One net

  /// What a net does with one image of the size it was designed for.
  private struct Measured {
    let net: any Model
    let trace: ModelTrace
    /// The values of the parameters that the answer depends on.
    let usedParameters: Int
    let allParameters: Int

    init(_ entry: CatalogEntry) throws {
      let (channels, height, width) = entry.input
      net = try dryRun { entry.make(entry.classes, channels) }
      trace = try net.trace(for: [1, channels, height, width])
      usedParameters = trace.values.reduce(0) { $0 + parameterCount($1) }
      allParameters = entry.parameterCount()
    }

    var parameterText: String {
      grouped(usedParameters)
        + (allParameters == usedParameters ? "" : " (with the heads \(grouped(allParameters)))")
    }

    var weightLayers: Int {
      trace.steps.count { ["conv2d", "linear", "matmul"].contains($0.name) }
    }
  }

  private static func parameterCount(_ value: ModelTrace.Value) -> Int {
    if case .parameter = value.source { value.spec.shape.elementCount } else { 0 }
  }

  private static func variants(_ entries: [CatalogEntry]) throws -> String {
    let rows = try entries.map { entry in
      let measured = try Measured(entry)
      return [
        "`\(entry.name)`", size(entry), grouped(entry.classes), measured.parameterText,
        grouped(measured.trace.cost.multiplyAccumulates), "\(measured.trace.steps.count)",
      ]
    }
    return table(
      ["name", "input", "classes", "parameters", "multiply-accumulates", "ops"], rows,
      numbersFrom: 2)
  }

  private static func layers(_ entry: CatalogEntry, depth: Int) throws -> String {
    let trace = try Measured(entry).trace
    var rows = [Row(title: "image", shape: trace.values[trace.input].spec.shape)]
    var seen: Set<Int> = []
    for step in trace.steps {
      let title = step.layer.map { name in
        name.split(separator: ".").prefix(depth).joined(separator: ".")
      }
      let fresh = step.inputs.filter { seen.insert($0).inserted }
      let parameters = fresh.reduce(0) { $0 + parameterCount(trace.values[$1]) }
      let shape = trace.outputShape(of: step)
      let isSame = title != nil && rows.last?.title == title
      // What neither has weights nor changes the shape shares the row of the op before it.
      if !isSame && (parameters > 0 || shape != rows.last?.shape || rows.count == 1) {
        rows.append(Row(title: title ?? "", shape: shape))
      }
      rows[rows.count - 1].add(step, shape, parameters)
    }
    let total = rows.reduce(into: Row(title: "total", shape: [])) { sum, row in
      sum.parameters += row.parameters
      sum.products += row.products
    }
    return table(
      ["layer", "ops", "output", "parameters", "multiply-accumulates"],
      (rows + [total]).map(\.cells), numbersFrom: 3)
  }

  private struct Row {
    let title: String
    var shape: TensorShape
    var ops: [(text: String, count: Int)] = []
    var parameters = 0
    var products = 0

    mutating func add(_ step: ModelTrace.Step, _ shape: TensorShape, _ parameters: Int) {
      let label = step.label.split(separator: ",").first.map { " \($0)" } ?? ""
      let text = step.name + (step.label.first?.isNumber == true ? label : "")
      if let place = ops.firstIndex(where: { $0.text == text }) {
        ops[place].count += 1
      } else {
        ops.append((text, 1))
      }
      self.shape = shape
      self.parameters += parameters
      products += step.cost.multiplyAccumulates
    }

    var cells: [String] {
      let names = ops.map { $0.count == 1 ? $0.text : "\($0.count) \($0.text)" }
      return [
        title, names.joined(separator: ", "),
        shape.dropFirst().map { "\($0)" }.joined(separator: "x"),
        parameters == 0 ? "" : grouped(parameters), products == 0 ? "" : grouped(products),
      ]
    }
  }

  // MARK: - All nets

  private static func comparison() throws -> String {
    let rows = try ModelCatalog.entries.map { entry in
      let measured = try Measured(entry)
      let year = entry.paper.split(separator: " ").last.map(String.init) ?? ""
      return [
        "`\(entry.name)`", year, size(entry), "\(measured.weightLayers)", measured.parameterText,
        millions(measured.trace.cost.multiplyAccumulates),
      ]
    }
    return table(
      [
        "net", "year", "input", "convolutions and dense layers", "parameters",
        "million multiply-accumulates",
      ], rows,
      numbersFrom: 3)
  }

  private static func size(_ entry: CatalogEntry) -> String {
    "\(entry.input.channels)x\(entry.input.height)x\(entry.input.width)"
  }

  // MARK: - Text

  private static func table(
    _ titles: [String], _ rows: [[String]], numbersFrom first: Int
  ) -> String {
    let rule = titles.indices.map { $0 < first ? "---" : "---:" }
    return ([titles, rule] + rows).map { "| \($0.joined(separator: " | ")) |" }
      .joined(separator: "\n")
  }

  /// `1234567` as `1,234,567`.
  private static func grouped(_ number: Int) -> String {
    let digits = String(number)
    return digits.enumerated().map { place, digit in
      place > 0 && (digits.count - place) % 3 == 0 ? ",\(digit)" : "\(digit)"
    }.joined()
  }

  /// In millions, one decimal below a hundred.
  private static func millions(_ number: Int) -> String {
    if number >= 100_000_000 { return grouped((number + 500_000) / 1_000_000) }
    let tenths = (number + 50_000) / 100_000
    return "\(tenths / 10).\(tenths % 10)"
  }
}
