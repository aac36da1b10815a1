import TapestryDatasets
import TapestryFiles
import TapestryTraining

/// `convnet augment`: a picture of what augmentation does to images.
struct AugmentCommand: Command {
  /// The options, each with the type of its value.
  enum Options {
    static let data: Option<String?> = DataSource.option(
      help: "The images. (default: the embedded digits)")
    static let augment: Option<String?> = AugmentOption.option(
      help: "What happens to the images. (default: \(AugmentCommand.defaultSteps))")
    static let images: Option<Int> = .int("images", default: 6, in: 1...100, help: "Rows.")
    static let epochs: Option<Int> = .int(
      "epochs", default: 9, in: 1...100, help: "Columns beside the image itself.")
    static let seed: Option<Int> = .int(
      "seed", default: 0, in: 0 ... .max, help: "Chooses what happens.")
    static let measure: Option<Bool> = .flag(
      "measure", help: "Also tells how many images a second are prepared.")
    static let output: Option<String?> = .string(
      "output", "FILE", help: "The picture, PNG (or PPM). Required.")
  }

  static let description = CommandDescription(
    program: "convnet", name: "augment", summary: "Draws what augmentation makes of images.",
    discussion: """
      A row for each image: as it is, then as several epochs of training would see it. Images are taken from the \
      classes in turn. \(DataSource.forms)

        convnet augment --output sheet.png
        convnet augment --data photos --size 64 --augment crop:8,flip \\
          --output sheet.png

      Steps of --augment, with commas between them:

      \(Augmentation.grammar.map { "  \($0)" }.joined(separator: "\n"))
      """,
    options: declared(
      Options.data, ImageResize.option, Options.augment, Options.images, Options.epochs,
      Options.seed, Options.measure, Options.output))

  private static let defaultSteps = "crop:4,rotate:10,scale:0.9:1.1"
  /// Small images are enlarged to about this many pixels.
  private static let side = 80
  private static let margin = 4

  private let source: DataSource
  private let resize: ImageResize?
  private let augmentation: Augmentation
  private let rows: Int
  private let columns: Int
  private let seed: UInt64
  private let output: String
  private let measures: Bool
  private let console: Console

  init(_ arguments: ParsedArguments, _ program: Convnet) throws {
    source = DataSource(arguments[Options.data])
    resize = try ImageResize(arguments)
    augmentation =
      try AugmentOption.value(Options.augment, arguments) ?? Augmentation(Self.defaultSteps)
    rows = arguments[Options.images]
    columns = arguments[Options.epochs]
    seed = UInt64(arguments[Options.seed])
    output = try arguments.required(Options.output)
    measures = arguments[Options.measure]
    console = program.console
  }

  func run() throws -> Int32 {
    let training = try source.load(heldOut: 0.2, seed: seed, resize: resize).training
    let chosen = training.oneOfEachClass(rows)
    // Tiny images are enlarged first, as the nets see them: digits of 8 x 8 become 32 x 32.
    let factor = max(1, 28 / max(training.height, training.width))
    let (height, width) = (training.height * factor, training.width * factor)
    let plain = try BatchLoader(
      training, positions: chosen, batchSize: rows, height: height, width: width, shuffled: false,
      workers: 0)
    let changed = try BatchLoader(
      training, positions: chosen, batchSize: rows, height: height, width: width,
      augmentation: augmentation, shuffled: false, seed: seed, workers: 0)
    var pictures = [plain.epoch(0)[0].planes]
    for epoch in 0..<columns { pictures.append(changed.epoch(epoch)[0].planes) }
    let sheet = Self.sheet(pictures)
    try sheet.write(to: output)
    console.line(
      """
      \(console.styled(source.name, .bold)): \(counted(chosen.count, "image")), each as it is and in \
      \(counted(columns, "epoch"))
      steps: \(augmentation.isEmpty ? "none" : augmentation.description)
      picture of \(sheet.width) x \(sheet.height) saved to \(output)
      """)
    if measures { try measure(training, height: height, width: width) }
    return 0
  }

  /// Tells how fast one, two and three workers prepare batches of the training images.
  private func measure(_ training: ImageSet, height: Int, width: Int) throws {
    for workers in 1...3 {
      let loader = try BatchLoader(
        training, batchSize: 64, height: height, width: width,
        normalization: Normalization(mean: 0.5, deviation: 0.5), augmentation: augmentation,
        seed: seed, workers: workers)
      let clock = ContinuousClock()
      var images = 0
      var epoch = 0
      let start = clock.now
      while clock.now - start < .seconds(1) {
        for batch in loader.epoch(epoch) {
          images += batch.count
          if clock.now - start >= .seconds(1) { break }
        }
        epoch += 1
      }
      let rate = Double(images) / (clock.now - start).inSeconds
      console.line("\(counted(workers, "worker")): \(grouped(rate)) images/s")
    }
  }

  /// The pictures as a table: a column for each of the lists.
  private static func sheet(_ columns: [[Planes]]) -> RasterImage {
    let all = columns.joined()
    let height = all.map(\.height).max() ?? 1
    let width = all.map(\.width).max() ?? 1
    let factor = max(1, side / max(height, width))
    let (cellHeight, cellWidth) = (height * factor + margin, width * factor + margin)
    let rows = columns.map(\.count).max() ?? 0
    let channels = all.map(\.channels).max() ?? 1
    var sheet = Planes(
      channels: channels == 1 ? 1 : 3, height: rows * cellHeight + margin,
      // The originals stand apart.
      width: columns.count * cellWidth + 2 * margin, value: 1)
    for (column, pictures) in columns.enumerated() {
      for (row, picture) in pictures.enumerated() {
        let left = margin + column * cellWidth + (column == 0 ? 0 : margin)
        let top = margin + row * cellHeight
        let enlarged = picture.resized(
          height: picture.height * factor, width: picture.width * factor, by: .nearest)
        for channel in 0..<sheet.channels {
          for y in 0..<enlarged.height {
            for x in 0..<enlarged.width {
              sheet[channel, top + y, left + x] =
                enlarged[min(channel, enlarged.channels - 1), y, x]
            }
          }
        }
      }
    }
    return sheet.raster
  }
}

extension ImageSet {
  /// The positions of the first images of the classes in turn, `limit` of them at most.
  fileprivate func oneOfEachClass(_ limit: Int) -> [Int] {
    var byClass = [[Int]](repeating: [], count: classCount)
    for (position, label) in labels.enumerated() { byClass[label].append(position) }
    var chosen: [Int] = []
    var round = 0
    while chosen.count < Swift.min(limit, count) {
      for positions in byClass where round < positions.count && chosen.count < limit {
        chosen.append(positions[round])
      }
      round += 1
    }
    return chosen
  }
}

extension Batch {
  /// The images, of numbers in 0 ... 1.
  fileprivate var planes: [Planes] {
    let shape = images.shape
    let size = shape[1] * shape[2] * shape[3]
    let values = images.scalars().map { Float($0) }
    return (0..<count).map { index in
      Planes(
        channels: shape[1], height: shape[2], width: shape[3],
        values: Array(values[index * size..<(index + 1) * size]))
    }
  }
}

/// The option `--augment`.
enum AugmentOption {
  static func option(help: String) -> Option<String?> {
    .string("augment", "STEPS", help: help)
  }

  /// What `--augment` says; `nil` without it.
  ///
  /// - Throws: `UsageError` that lists every step that is not understood.
  static func value(
    _ option: Option<String?>, _ arguments: ParsedArguments
  ) throws -> Augmentation? {
    guard let text = arguments[option] else { return nil }
    do throws(AugmentationError) {
      return try Augmentation(text)
    } catch {
      let isHere = arguments.command.name == AugmentCommand.description.name
      throw arguments.misuse(
        "'--augment': \(listing(error.problems))"
          + (isHere ? "" : "\n'convnet augment --help' lists the steps"))
    }
  }
}
