import TapestryDatasets
import TapestryGraph
import TapestryModels
import TapestryOps
import TapestryTraining

/// What a deep belief net learns from, and how.
struct BeliefChoices {
  /// What pixels are taken for.
  enum Kind: String, CaseIterable {
    case binary, gaussian
  }

  let source: DataSource
  let epochs: Int
  let seed: UInt64
  private let resize: ImageResize?
  private let limit: Int
  private let kind: Kind?
  private let groups: [Int]
  private let kernels: [Int]
  private let pooling: [Int]
  private let deviation: Double
  private let batchSize: Int
  private let learningRate: Double?
  private let weightDecay: Double?
  private let sparsity: Double?
  private let sparsityWeight: Double

  init(_ arguments: ParsedArguments) throws {
    source = DataSource(arguments[BeliefCommand.Options.data])
    resize = try ImageResize(arguments)
    limit = arguments[BeliefCommand.Options.images]
    kind = arguments[BeliefCommand.Options.visible].flatMap(Kind.init)
    groups = arguments[BeliefCommand.Options.groups]
    kernels = arguments[BeliefCommand.Options.kernels]
    pooling = arguments[BeliefCommand.Options.pooling]
    deviation = arguments[BeliefCommand.Options.deviation]
    epochs = arguments[BeliefCommand.Options.epochs]
    batchSize = arguments[BeliefCommand.Options.batch]
    learningRate = arguments[BeliefCommand.Options.learningRate]
    weightDecay = arguments[BeliefCommand.Options.weightDecay]
    sparsity = arguments[BeliefCommand.Options.sparsity]
    sparsityWeight = arguments[BeliefCommand.Options.sparsityWeight]
    seed = UInt64(arguments[TrainingChoices.Options.seed])
    for (name, numbers) in [("kernels", kernels), ("pooling", pooling)]
    where !numbers.isEmpty && numbers.count != groups.count {
      throw arguments.misuse(
        "'--\(name)' has \(counted(numbers.count, "number")), but '--groups' makes "
          + "\(counted(groups.count, "layer")): give one for each")
    }
    guard !groups.isEmpty else { throw arguments.misuse("'--groups' makes no layer") }
  }

  /// Reads the images and makes the net for them.
  ///
  /// - Throws: `DatasetError`; ``CommandError`` for images that are too small for the layers.
  func load() throws -> BeliefSetup {
    var set = try source.load(heldOut: 0.2, seed: seed, resize: resize).training
    let kind = kind ?? (set.channels == 1 ? .binary : .gaussian)
    if kind == .binary, max(set.height, set.width) < 16 {
      // Strokes of one pixel have no direction.
      set = set.resized(height: 2 * set.height, width: 2 * set.width)
    }
    let sides =
      kernels.isEmpty ? groups.indices.map { $0 > 0 ? 5 : kind == .binary ? 7 : 9 } : kernels
    let pools = pooling.isEmpty ? groups.map { _ in 2 } : pooling
    let visible: ConvolutionalRBM.Visible =
      kind == .binary ? .binary : .gaussian(deviation: deviation)
    var below = 1
    var layers: [ConvolutionalRBM] = []
    for (index, count) in groups.enumerated() {
      let isGaussian = index == 0 && kind == .gaussian
      layers.append(
        ConvolutionalRBM(
          below, count, kernel: sides[index], pooling: pools[index],
          visible: index == 0 ? visible : .binary, hiddenBias: isGaussian ? -1 : -4,
          deviation: isGaussian ? 0.01 : 0.05))
      below = count
    }
    let net = DeepBeliefNet(layers)
    let size = try imageSize(of: set, kind, for: net, kernel: sides[0])
    let positions = RandomSource(seed: seed).permutation(of: set.count).prefix(limit)
    let canvas = (max(size.height, set.height), max(size.width, set.width))
    let loader = try BatchLoader(
      set, positions: Array(positions), batchSize: batchSize, height: canvas.0, width: canvas.1,
      seed: seed)
    return BeliefSetup(net: net, loader: loader, kind: kind, height: size.height, width: size.width)
  }

  /// The size that the layers take and that is nearest to the images': of drawings not below it, with a margin, so that
  /// strokes at the border are seen from all sides; of photographs not above it, without the outermost pixels, which have no
  /// neighbours to be whitened with.
  private func imageSize(
    of set: ImageSet, _ kind: BeliefChoices.Kind, for net: DeepBeliefNet, kernel: Int
  ) throws(CommandError) -> (height: Int, width: Int) {
    func fits(_ side: Int) -> Bool { net.takes(height: side, width: side) }
    func side(_ length: Int) throws(CommandError) -> Int {
      let reach = 100_000
      switch kind {
      case .binary:
        let least = length + 2 * (kernel / 2)
        if let side = (least..<least + reach).first(where: fits) { return side }
      case .gaussian:
        if let side = (1...max(length - 4, 1)).last(where: fits) { return side }
      }
      let smallest = (1..<reach).first(where: fits).map { $0 + (kind == .gaussian ? 4 : 0) }
      throw CommandError(
        "\(source.name): images of \(set.height)x\(set.width) are too small for these filters and pools, which need "
          + "\(smallest.map { "at least \($0)x\($0)" } ?? "other sizes"); choose smaller --kernels or --pooling, or "
          + "enlarge the images with --size")
    }
    return (try side(set.height), try side(set.width))
  }

  /// How a layer is trained. Those above the first see probabilities, whatever the pixels are.
  func training(ofLayer index: Int, of setup: BeliefSetup, _ stopRequest: StopRequest)
    -> GreedyTraining
  {
    let isGaussian = index == 0 && setup.kind == .gaussian
    return GreedyTraining(
      setup.net, learningRate: learningRate ?? (isGaussian ? 0.02 : index == 0 ? 0.2 : 0.1),
      weightDecay: weightDecay ?? (isGaussian ? 0.01 : 0.001),
      sparsity: sparsity ?? (isGaussian ? 0.01 : 0.02), sparsityWeight: sparsityWeight,
      preparation: setup.prepared, stopRequest: stopRequest)
  }
}

/// A deep belief net and the images it learns from.
struct BeliefSetup {
  let net: DeepBeliefNet
  let loader: BatchLoader
  let kind: BeliefChoices.Kind
  /// What the net sees.
  let height: Int
  let width: Int

  /// A batch as the net sees it: gray, photographs whitened, cut to the middle.
  func prepared(_ images: Tensor) -> Tensor {
    let gray = images.mean(along: 1, keepingDimensions: true)
    let pixels = kind == .gaussian ? whitened(gray) : gray
    let top = (pixels.shape[2] - height) / 2
    let left = (pixels.shape[3] - width) / 2
    return pixels.sliced(top..<top + height, along: 2).sliced(left..<left + width, along: 3)
  }

  /// The first images as the net sees them.
  func firstImages(_ count: Int) throws -> Tensor {
    let size = loader.imageSize
    let first = try BatchLoader(
      loader.set, positions: Array(loader.positions.prefix(count)), batchSize: count,
      height: size.height, width: size.width, shuffled: false, workers: 0)
    return prepared(first.epoch(0)[0].images)
  }

  /// `24 filters of 7x7, pools of 2x2; ...`
  var layersText: String {
    net.layers.map { layer in
      let (groups, side) = (layer.weight.shape[0], layer.weight.shape[2])
      return "\(groups) filters of \(side)x\(side), pools of \(layer.pooling)x\(layer.pooling)"
    }.joined(separator: "; ")
  }

  /// What a program needs to make the net again.
  var metadata: [String: String] {
    var visible = kind.rawValue
    if case .gaussian(let deviation) = net.layers[0].visible { visible += " \(deviation)" }
    return [
      "model": "deep belief net", "layers": layersText, "visible": visible,
      "input": "1x\(height)x\(width)",
    ]
  }
}
