import CTapestryKernels
import TapestryFiles
import TapestryGraph
import TapestryOptim
import TapestryPictures
import TapestryTraining

/// `convnet find-rate`: raises the learning rate from step to step and shows where the loss falls fastest.
struct FindRateCommand: Command {
  static var computesMuch: Bool { true }

  /// The options, each with the type of its value.
  enum Options {
    static let from: Option<Double> = .double(
      "from", default: 1e-6, in: 1e-12...1e3, help: "The rate to begin with.")
    static let to: Option<Double> = .double(
      "to", default: 10, in: 1e-12...1e6, help: "The rate to end with.")
    static let steps: Option<Int> = .int(
      "steps", default: 200, in: 10...100_000, help: "Steps of the test.")
    static let output: Option<String?> = .string(
      "output", "FILE",
      help: "The plot, as SVG or PNG by its name. (default: runs/find-rate-MODEL-DATA, as both)"
    )
    static let json: Option<Bool> = .flag(
      "json", help: "One JSON object with rates, losses and the suggestion.")
    static let quiet: Option<Bool> = .flag("quiet", help: "No progress, only the result.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "find-rate", summary: "Suggests a learning rate, with a plot.",
    discussion: """
      A learning-rate range test (Smith 2017): from a very small rate upwards, each step by the same factor,
      until the loss grows. The rate at which it falls fastest is a good largest rate for 'convnet train'. The
      net that was trained for the test is thrown away.

        convnet find-rate
        convnet find-rate --model digitnet --optimizer sgd --data path/to/mnist
      """,
    options: TrainingChoices.modelOptions.titled("What to train")
      + TrainingChoices.dataOptions.titled("Data")
      + TrainingChoices.stepOptions.titled("Steps")
      + declared(Options.from, Options.to, Options.steps, Options.output).titled("The test")
      + TrainingChoices.machineOptions
      + declared(Options.json, Options.quiet))

  private let choices: TrainingChoices
  private let program: Convnet
  private let first: Double
  private let last: Double
  private let steps: Int
  private let paths: [String]
  private let style: ReportStyle

  private var console: Console { program.console }

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    self.program = program
    choices = try TrainingChoices(arguments, hasRate: false)
    first = arguments[Options.from]
    last = arguments[Options.to]
    guard first < last else {
      throw arguments.misuse("'--from' is \(first), but must be less than '--to', \(last)")
    }
    steps = arguments[Options.steps]
    if let path = arguments[Options.output] {
      guard path.lowercased().hasSuffix(".svg") || path.lowercased().hasSuffix(".png") else {
        throw arguments.misuse("'--output' is '\(path)', but must end in .svg or .png")
      }
      paths = [path]
    } else {
      let stem = "runs/find-rate-\(choices.entry.name)-\(choices.source.name)"
      paths = ["\(stem).svg", "\(stem).png"]
    }
    style = arguments[Options.json] ? .json : arguments[Options.quiet] ? .quiet : .lines
  }

  func run() throws -> Int32 {
    if let threads = choices.threads { tapestry_set_thread_count(Int32(threads)) }
    let setup = try choices.load()
    let isLive = style == .lines && console.isTerminal
    let found = try withRandomSource(setup.random) {
      try choices.trainer(setup).findLearningRate(
        on: setup.loader, from: first, to: last, steps: steps,
        note: { if isLive { console.write("\r\u{1B}[Kstep \($0) of \(steps)") } })
    }
    if isLive { console.write("\r\u{1B}[K") }
    // What was found is told also where the picture cannot be written.
    var written: [String] = []
    let failure = Result { try draw(found, &written) }
    style == .json ? reportJSON(found, written) : report(found, written)
    try failure.get()
    return 0
  }

  private func draw(_ found: LearningRateSearch, _ written: inout [String]) throws {
    let plot = plot(found)
    for path in paths {
      if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
        try makeDirectories(String(path[..<slash]))
      }
      if path.lowercased().hasSuffix(".png") {
        try plot.raster().write(to: path)
      } else {
        try AtomicFile.write(plot.svg, to: path)
      }
      written.append(path)
    }
  }

  private func plot(_ found: LearningRateSearch) -> LinePlot {
    let marks = found.suggestion.map { [(x: $0, text: short3($0))] } ?? []
    // What lies far above the beginning would flatten everything else.
    let top = (found.smoothedLosses.first ?? 1) * 1.5
    let low = min(found.smoothedLosses.min() ?? 0, found.losses.min() ?? 0)
    return LinePlot(
      title: "\(choices.entry.name) on \(choices.source.name), \(choices.optimizer.rawValue)",
      horizontalLabel: "learning rate", isLogarithmic: true,
      panels: [
        LinePlot.Panel(
          "loss",
          [
            LinePlot.Series("smoothed", Array(zip(found.rates, found.smoothedLosses))),
            LinePlot.Series("of the step", Array(zip(found.rates, found.losses))),
          ], range: low < top ? low...top : nil, marks: marks)
      ])
  }

  private func report(_ found: LearningRateSearch, _ written: [String]) {
    if style == .lines {
      let count = found.rates.count
      // About twelve lines, evenly over the test.
      let stride = max(count / 12, 1)
      let widest = found.smoothedLosses.max() ?? 1
      console.line("     rate  loss")
      for index in Swift.stride(from: stride - 1, to: count, by: stride) {
        let loss = found.smoothedLosses[index]
        console.line(
          "\(padded(short3(found.rates[index]), 9, isRight: true))  \(fixed(loss, 4))  "
            + console.styled(bar(loss / widest, width: 40), .cyan))
      }
      console.line()
    }
    guard let suggestion = found.suggestion else {
      console.line("no suggestion: the loss did not fall between the rates \(first) and \(last)")
      return
    }
    let rate = short3(suggestion)
    console.line(
      """
      suggested learning rate: \(console.styled(rate, .bold))\
      \(written.isEmpty ? "" : "\nplot: " + written.joined(separator: ", "))

      Try next:
        \(program.invocation) train --model \(choices.entry.name)\(data) \
      --optimizer \(choices.optimizer.rawValue) --learning-rate \(rate)
      """)
  }

  private var data: String { choices.source.path.map { " --data \(shellQuoted($0))" } ?? "" }

  private func reportJSON(_ found: LearningRateSearch, _ written: [String]) {
    console.line(
      jsonLine([
        "suggestion": found.suggestion.map { .finite($0) } ?? .null,
        "rates": .array(found.rates.map { .finite($0) }),
        "losses": .array(found.losses.map { .finite($0) }),
        "plots": .array(written.map { .string($0) }),
      ]))
  }
}
