import TapestryFiles
import TapestryGraph
import TapestryInsight
import TapestryModels
import TapestryOps

/// `convnet graph`: draws a net.
struct GraphCommand: Command {
  /// The options, each with the type of its value.
  enum Options {
    static let output: Option<String?> = .string(
      "output", "FILE", help: "The file to write, .svg or .dot. Required.")
    static let input: Option<[Int]> = .intList(
      "input", "C,H,W", in: 1...65_536,
      help: "Channels, height and width of the image. (default: those of the model's design)")
    static let classes: Option<Int?> = .int(
      "classes", in: 1...65_536, help: "The number of classes. (default: that of the paper)")
    static let depth: Option<Int?> = .int(
      "depth", in: 1...64,
      help: "Draws blocks that lie deeper than N as one box. (default: as deep as is readable)")
    static let open: Option<[String]> = .list(
      "open", "BLOCK,...",
      help: "Draws these blocks with all that is inside, however deep: layer2.0, or layer3.*.")
    static let everyOp: Option<Bool> = .flag(
      "every-op", help: "A box for every op, and every block.")
    static let cost: Option<Bool> = .flag(
      "cost", help: "Multiply-accumulates and bytes in every box.")
    static let time: Option<Bool> = .flag(
      "time", help: "The measured time in every box, for one image.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "graph", summary: "Draws a net: its ops, shapes and parameters.",
    discussion: """
      The ending of the output file says what is written: .svg for a picture that any browser shows, with our
      own layout, .dot for Graphviz. A pointer over a box of the picture shows operands, parameters and call
      sites. Normalisations and activations are drawn in the box of the op before them, equal blocks in a row
      once, and blocks of very deep nets as single boxes, unless the options say otherwise. Opened in a browser,
      the picture has buttons for more or less detail, and a click on a block shows what is inside.

        convnet graph lenet5 --output lenet5.svg
        convnet graph digitnet --every-op --time --output digitnet.svg
        convnet graph resnet50 --depth 1 --open layer2.0 --output resnet50.dot
      """,
    arguments: [CommandArgument("MODEL", help: "Name of a model; 'convnet models' lists them.")],
    options: declared(
      Options.output, Options.input, Options.classes, Options.depth, Options.open, Options.everyOp,
      Options.cost, Options.time))

  private let modelName: String
  private let output: String
  private let input: [Int]
  private let classes: Int?
  private let depth: Int?
  private let opened: [NamePattern]
  private let showsEveryOp: Bool
  private let showsCost: Bool
  private let showsTime: Bool
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    modelName = arguments.argument("MODEL") ?? ""
    output = try arguments.required(Options.output)
    input = arguments[Options.input]
    classes = arguments[Options.classes]
    depth = arguments[Options.depth]
    opened = arguments[Options.open].map { NamePattern($0) }
    showsEveryOp = arguments[Options.everyOp]
    showsCost = arguments[Options.cost]
    showsTime = arguments[Options.time]
    console = program.console
    guard input.isEmpty || input.count == 3 else {
      throw arguments.misuse(
        "--input takes channels, height and width, such as 3,224,224, not \(input.count) numbers")
    }
    guard opened.isEmpty || !showsEveryOp else {
      throw arguments.misuse("--every-op opens every block; it goes without --open")
    }
    guard [".svg", ".dot"].contains(where: output.lowercased().hasSuffix) else {
      throw arguments.misuse("--output is '\(output)', but must end in .svg or .dot")
    }
  }

  func run() throws -> Int32 {
    let entry = try CatalogEntry.named(modelName)
    let size =
      input.isEmpty ? [entry.input.channels, entry.input.height, entry.input.width] : input
    func make() throws -> any Model {
      try entry.make(
        classes: classes ?? entry.classes, channels: size[0],
        size: Pair(height: size[1], width: size[2]))
    }
    // Only a net that runs needs memory for its parameters.
    let net = try showsTime ? make() : dryRun { try make() }
    let shape = TensorShape([1] + size)
    let trace = try net.trace(for: shape)
    let times =
      showsTime
      ? net.stepTimes(of: .uniform(shape, source: RandomSource(seed: 0))) : nil
    let title = "\(entry.name), \(size[0])x\(size[1])x\(size[2])"
    var detail = showsEveryOp ? GraphDrawing.Detail.everything : GraphDrawing.Detail()
    detail.depth = depth
    if !opened.isEmpty {
      try requireBlocks(of: trace, entry)
      detail.depth = depth ?? GraphDrawing.readableDepth(trace)
      detail.opened = opened
    }
    let isFree = depth == nil && !showsEveryOp && opened.isEmpty
    let drawing =
      isFree
      ? GraphDrawing.readable(trace, title: title, times: times)
      : GraphDrawing(of: trace, title: title, detail: detail, times: times)
    if output.lowercased().hasSuffix(".dot") {
      try AtomicFile.write(drawing.dot(costs: showsCost), to: output)
    } else if isFree {
      let views = GraphDrawing.views(of: trace, title: title, times: times)
      let first = views.firstIndex { $0.boxes.count == drawing.boxes.count } ?? 0
      try GraphDrawing.svg(views: views, first: first, costs: showsCost).write(to: output)
    } else {
      try drawing.svg(costs: showsCost).write(to: output)
    }
    console.line(
      "\(output): \(entry.name), \(counted(trace.steps.count, "op")) in "
        + "\(drawing.boxes.count) boxes")
    return 0
  }

  /// - Throws: ``CommandError`` for what `--open` names and the net does not have.
  private func requireBlocks(of trace: ModelTrace, _ entry: CatalogEntry) throws(CommandError) {
    let names = GraphDrawing.blockNames(of: trace)
    let unknown = opened.filter { pattern in !names.contains { pattern.matches($0) } }
    guard !unknown.isEmpty else { return }
    let problems = unknown.map { pattern in
      let near = nearest(pattern.description, in: names)
      return quoted(pattern.description) + (near.map { " (did you mean '\($0)'?)" } ?? "")
    }
    throw CommandError(
      "\(entry.name) has no block \(problems.joined(separator: ", ")); "
        + (names.isEmpty
          ? "it has none" : "its blocks are \(names.prefix(12).joined(separator: ", "))")
        + (names.count > 12 ? " and \(names.count - 12) more" : ""))
  }
}

extension CatalogEntry {
  /// The entry of that name.
  ///
  /// - Throws: ``CommandError`` with the nearest name.
  static func named(_ name: String) throws(CommandError) -> CatalogEntry {
    if let entry = ModelCatalog.entry(named: name) { return entry }
    let near = ModelCatalog.suggestion(for: name)
    throw CommandError(
      "there is no model \(quoted(name))\(near.map { " (did you mean '\($0)'?)" } ?? "");"
        + " 'convnet models' lists them")
  }
}
