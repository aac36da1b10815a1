import CTapestryKernels
import TapestryFiles
import TapestryGraph
import TapestryInsight
import TapestryModels
import TapestryPictures
import TapestryTraining

/// `convnet belief`: learns filters from images without labels, and draws them.
struct BeliefCommand: Command {
  static var computesMuch: Bool { true }

  /// The options, each with the type of its value.
  enum Options {
    static let data: Option<String?> = DataSource.option(
      help: "The images: see above. (default: the embedded digits)")
    static let images: Option<Int> = .int(
      "images", default: 4000, in: 1...1_000_000_000,
      help: "The largest number of training images, chosen at random.")
    static let visible: Option<String?> = .choice(
      "visible", "KIND", of: BeliefChoices.Kind.allCases.map(\.rawValue),
      help: "What pixels are. (default: binary for gray images, gaussian for colours)")
    static let groups: Option<[Int]> = .intList(
      "groups", default: [24, 40], in: 1...4096, help: "Filters of each layer.")
    static let kernels: Option<[Int]> = .intList(
      "kernels", in: 1...255,
      help:
        "Height and width of each layer's filters. (default: 7 in the first layer, 9 for gaussian; 5 above)"
    )
    static let pooling: Option<[Int]> = .intList(
      "pooling", in: 1...64,
      help: "Height and width of each layer's pools. (default: 2 in every layer)")
    static let deviation: Option<Double> = .double(
      "deviation", default: 0.5, in: 0.01...100,
      help: "Of gaussian pixels around what the hidden units say; pixels have deviation 1.")
    static let epochs: Option<Int> = .int(
      "epochs", default: 20, in: 1...1_000_000, help: "Passes over the images per layer.")
    static let batch: Option<Int> = .int(
      "batch", default: 16, in: 1...1_000_000, help: "Images per batch.")
    static let learningRate: Option<Double?> = .double(
      "learning-rate", in: 1e-9...1e3,
      help:
        "Size of the first steps; it falls to 0. (default: 0.2; for gaussian 0.02; in layers above 0.1)"
    )
    static let weightDecay: Option<Double?> = .double(
      "weight-decay", in: 0...10,
      help: "Pull of the filters towards zero. (default: 0.001; for gaussian 0.01)")
    static let sparsity: Option<Double?> = .double(
      "sparsity", in: 1e-6...1,
      help: "How often a hidden unit should be on. (default: 0.02; for gaussian 0.01)")
    static let sparsityWeight: Option<Double> = .double(
      "sparsity-weight", default: 5, in: 0...1e4,
      help: "How strongly biases are drawn to that.")
    static let output: Option<String?> = .string(
      "output", "DIR",
      help: "The folder. (default: runs/belief-DATA, with a number when that is taken)")
    static let overwrite: Option<Bool> = .flag("overwrite", help: "Replaces what the folder holds.")
    static let quiet: Option<Bool> = .flag("quiet", help: "No progress, only the result.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "belief",
    summary: "Learns filters from images without labels, and draws them.",
    discussion: """
      A convolutional deep belief net: restricted Boltzmann machines with probabilistic max pooling, one above the \
      other, each trained by contrastive divergence on what the one below makes of the images (Lee, Grosse, \
      Ranganath and Ng 2009). Digits give strokes and parts of digits, photographs edges and corners.

      Gray images are taken as drawings, black to white as probabilities (--visible binary). Images in colour are taken \
      as photographs (--visible gaussian): made gray and whitened, so that fine and coarse structures are equally \
      strong.

      \(DataSource.forms)

        convnet belief
        convnet belief --data path/to/mnist --kernels 9,5
        convnet belief --data path/to/cifar-10 --output runs/natural

      The folder gets the pictures filters-1, filters-2 and so on, where those above the first layer are sums of filters \
      below, and reconstructions, all as SVG and PNG; and the weights, for a DeepBeliefNet of your own program, as \
      belief.safetensors. Ctrl-C stops and saves what there is.
      """,
    options: declared(Options.data, ImageResize.option, Options.images, Options.visible).titled(
      "Images")
      + declared(Options.groups, Options.kernels, Options.pooling, Options.deviation).titled(
        "The net")
      + declared(
        Options.epochs, Options.batch, Options.learningRate, Options.weightDecay, Options.sparsity,
        Options.sparsityWeight
      ).titled("Training")
      + declared(Options.output, Options.overwrite).titled("The run")
      + TrainingChoices.machineOptions + declared(Options.quiet))

  private static let weightsName = "belief.safetensors"

  private let choices: BeliefChoices
  private let output: String?
  private let isOverwriting: Bool
  private let isQuiet: Bool
  private let threads: Int?
  private let program: Convnet

  private var console: Console { program.console }

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    choices = try BeliefChoices(arguments)
    output = arguments[Options.output]
    isOverwriting = arguments[Options.overwrite]
    isQuiet = arguments[Options.quiet]
    threads = arguments[TrainingChoices.Options.threads]
    self.program = program
  }

  func run() throws -> Int32 {
    if let threads { tapestry_set_thread_count(Int32(threads)) }
    let folder = try freeFolder()
    let random = RandomSource(seed: choices.seed)
    let setup = try withRandomSource(random) { try choices.load() }
    let made = try makeDirectories(folder)
    do {
      announce(setup)
      let isDone = try interruptible { try withRandomSource(random) { try train(setup) } }
      try write(setup, to: folder)
      return isDone ? 0 : Convnet.ExitCode.interrupted
    } catch {
      removeEmptyDirectories(made)
      throw error
    }
  }

  /// The folder that is written to.
  ///
  /// - Throws: ``CommandError`` when `--output` holds another net, and may not be replaced.
  private func freeFolder() throws(CommandError) -> String {
    func isTaken(_ path: String) -> Bool {
      ((try? namesInDirectory(path)) ?? []).contains(Self.weightsName)
    }
    if let output {
      guard isOverwriting || !isTaken(output) else {
        throw CommandError(
          "\(output): holds a deep belief net already; replace it with --overwrite, or choose another folder "
            + "with --output DIR")
      }
      return output
    }
    let path = "runs/belief-\(choices.source.name)"
    var candidate = path
    var number = 2
    while !isOverwriting, isTaken(candidate) {
      candidate = "\(path)-\(number)"
      number += 1
    }
    return candidate
  }

  private func announce(_ setup: BeliefSetup) {
    guard !isQuiet else { return }
    let what =
      setup.kind == .binary ? "black to white as probabilities" : "gray, whitened"
    console.line(
      """
      \(console.styled(choices.source.name, .bold)): \(grouped(setup.loader.positions.count)) images, \(what), \
      seen at \(setup.height)x\(setup.width)
      \(counted(setup.net.layers.count, "layer")): \(setup.layersText)

      """)
  }

  /// Trains the layers one after the other; false when that was stopped.
  private func train(_ setup: BeliefSetup) throws -> Bool {
    let clock = ContinuousClock()
    for index in setup.net.layers.indices {
      let start = clock.now
      let training = choices.training(ofLayer: index, of: setup, program.stopRequest)
      try training.train(layer: index, on: setup.loader, epochs: choices.epochs) { progress in
        guard progress.reconstructionError.isFinite else {
          throw CommandError(
            "layer \(index + 1) grew without limit in epoch \(progress.epoch); try a smaller --learning-rate"
          )
        }
        report(
          progress, layer: index, seconds: (clock.now - start).inSeconds,
          images: setup.loader.positions.count)
      }
      guard !program.stopRequest.isRequested else {
        erase()
        console.line("stopped in the training of layer \(index + 1)")
        return false
      }
    }
    return true
  }

  private func erase() { if console.isTerminal, !isQuiet { console.write("\r\u{1B}[K") } }

  private func report(
    _ progress: GreedyTraining.Progress, layer: Int, seconds: Double, images: Int
  ) {
    guard !isQuiet, progress.isEndOfEpoch || console.isTerminal else { return }
    let epochs = String(progress.epochs)
    let done = Double(progress.epoch - 1) + Double(progress.step) / Double(progress.steps)
    let share = done / Double(progress.epochs)
    var text =
      "layer \(layer + 1)  epoch \(padded(String(progress.epoch), epochs.count, isRight: true))/\(epochs)"
      + "  reconstruction error \(fixed(progress.reconstructionError, 4))"
      + "  \(grouped(Double(images) * done / max(seconds, 1e-9))) images/s"
    erase()
    guard !progress.isEndOfEpoch else { return console.line(text) }
    text += "  \(clockTime(seconds / share * (1 - share))) left"
    console.write(String(text.prefix(max(console.width - 1, 0))))
  }

  /// Writes the weights, then the pictures: one that fails is a warning.
  private func write(_ setup: BeliefSetup, to folder: String) throws {
    let net = setup.net
    func file(_ name: String) -> String {
      folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
    }
    if !isQuiet { console.line() }
    let weights = file(Self.weightsName)
    try net.save(to: weights, metadata: setup.metadata)
    console.line("weights saved to \(weights)")
    func draw(_ sheet: Sheet, _ name: String) throws {
      for ending in ["svg", "png"] { try sheet.figure().write(to: file("\(name).\(ending)")) }
      console.line("\(file(name)).svg and .png: \(sheet.title)")
    }
    do {
      for index in net.layers.indices {
        let filters = counted(net.layers[index].weight.shape[0], "filter")
        let what = index == 0 ? filters : "\(filters), as sums of those below"
        let title = "Layer \(index + 1), learnt from \(choices.source.name): \(what)"
        try draw(beliefSheet(net, layer: index, title: title), "filters-\(index + 1)")
      }
      let title = "What layer 1 makes of \(choices.source.name)"
      try draw(
        reconstructionSheet(net, try setup.firstImages(8), title: title), "reconstructions")
    } catch {
      console.complain("warning: \(error)")
    }
  }

  private func interruptible<Result>(_ body: () throws -> Result) rethrows -> Result {
    program.isInterruptible ? try Interrupts.caught(body) : try body()
  }
}
