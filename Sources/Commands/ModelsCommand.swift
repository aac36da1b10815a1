import TapestryFiles
import TapestryModels

/// `convnet models`: the nets that can be made by name.
struct ModelsCommand {
  static let description = CommandDescription(
    program: "convnet", name: "models", summary: "Lists the models.",
    options: [.flag("json", help: "One JSON object per model.")])

  private let isJSON: Bool
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) {
    isJSON = arguments.has("json")
    console = program.console
  }

  func run() -> Int32 {
    let names = ModelCatalog.entries.map(\.name.count)
    for entry in ModelCatalog.entries {
      let (channels, height, width) = entry.input
      let count = entry.make(10, channels).parameterCount
      if isJSON {
        console.line(
          jsonLine([
            "model": .string(entry.name), "summary": .string(entry.summary),
            "input": .array([.integer(channels), .integer(height), .integer(width)]),
            "parameters": .integer(count),
          ]))
      } else {
        let name = padded(entry.name, names.max() ?? 0)
        let size = padded("\(channels)x\(height)x\(width)", 9)
        let parameters = padded(grouped(count), 11, isRight: true)
        console.line("\(name)  \(size)  \(parameters) parameters  \(entry.summary)")
      }
    }
    return 0
  }
}
