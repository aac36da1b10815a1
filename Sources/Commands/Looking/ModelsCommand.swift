import TapestryFiles
import TapestryModels

/// `convnet models`: the nets that can be made by name.
struct ModelsCommand: Command {
  /// The options, each with the type of its value.
  enum Options {
    static let json: Option<Bool> = .flag("json", help: "One JSON object per model.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "models", summary: "Lists the models.",
    options: declared(Options.json))

  private let isJSON: Bool
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) {
    isJSON = arguments[Options.json]
    console = program.console
  }

  func run() -> Int32 {
    let widths = [ModelCatalog.entries.map(\.name.count).max() ?? 0, 9, 7, 11]
    if !isJSON {
      console.line(row(["model", "input", "classes", "parameters"], widths, "what"))
    }
    for entry in ModelCatalog.entries {
      let (channels, height, width) = entry.input
      let count = entry.parameterCount()
      if isJSON {
        console.line(
          jsonLine([
            "model": .string(entry.name), "summary": .string(entry.summary),
            "paper": .string(entry.paper), "classes": .integer(entry.classes),
            "input": .array([.integer(channels), .integer(height), .integer(width)]),
            "parameters": .integer(count),
          ]))
      } else {
        let cells = [
          entry.name, "\(channels)x\(height)x\(width)", grouped(entry.classes), grouped(count),
        ]
        console.line(row(cells, widths, "\(entry.summary) (\(entry.paper))"))
      }
    }
    return 0
  }

  /// Columns, numbers flush right, and a text.
  private func row(_ cells: [String], _ widths: [Int], _ text: String) -> String {
    let columns = zip(cells, widths).enumerated().map { index, cell in
      padded(cell.0, cell.1, isRight: index >= 2)
    }
    return (columns + [text]).joined(separator: "  ")
  }
}
