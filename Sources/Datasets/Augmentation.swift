import TapestryGraph

/// Steps that change training images anew in every epoch, so that a net cannot learn them by heart.
///
/// ```swift
/// let augmentation: Augmentation = [.crop(padding: 4), .flip(), .cutout(side: 8)]
/// let same = try Augmentation("crop:4,flip,cutout:8")
/// let loader = try BatchLoader(training, batchSize: 64, augmentation: augmentation, seed: 7)
/// ```
///
/// What happens to an image depends on the seed, the epoch and its position in the set alone. Steps are applied in
/// their order; neighbouring ones of `rotate`, `translate`, `scale` and `shear` together, so that the image is
/// interpolated once. `mixup` and `cutmix` follow when the whole batch is there; of several, each image draws one.
public struct Augmentation: Hashable, Sendable, ExpressibleByArrayLiteral {
  /// The steps in their order.
  public let steps: [Transform]

  /// - Precondition: probabilities are in 0 ... 1, sizes and factors positive.
  public init(_ steps: [Transform], file: StaticString = #fileID, line: UInt = #line) {
    for step in steps {
      if let problem = step.argumentProblem {
        trap("Augmentation: \(problem)", file: file, line: line)
      }
    }
    self.steps = steps
  }

  public init(arrayLiteral steps: Transform...) { self.init(steps) }

  /// Whether there are no steps.
  public var isEmpty: Bool { steps.isEmpty }

  /// Whether images of a batch are mixed, so that the classes become probabilities: `targets`.
  public var mixes: Bool { steps.contains(where: \.mixes) }

  /// What test images need to have the size of training images: parts are cut from the middle, what is random is
  /// left out.
  public var forEvaluation: Augmentation { Augmentation(steps.compactMap(\.forEvaluation)) }

  /// The size of what comes out for images of `size`.
  ///
  /// - Throws: `AugmentationError` when a step cannot be applied to them.
  public func outputSize(for size: ImageSize) throws(AugmentationError) -> ImageSize {
    var result = size
    for step in steps {
      switch step.outputSize(for: result) {
      case .success(let size): result = size
      case .failure(let problem): throw AugmentationError([problem.reason])
      }
    }
    return result
  }

  /// The largest of the sizes that an image of `size` passes through.
  ///
  /// - Precondition: ``outputSize(for:)`` does not throw for it.
  func largestSize(for size: ImageSize) -> ImageSize {
    var (result, largest) = (size, size)
    for step in steps {
      if case .success(let next) = step.outputSize(for: result) { result = next }
      if (result.floatByteCount ?? .max) > (largest.floatByteCount ?? .max) { largest = result }
    }
    return largest
  }

  /// The image after all steps that concern one image.
  ///
  /// - Precondition: ``outputSize(for:)`` does not throw for its size.
  public func applied(to image: Planes, random: inout SampleRandom) -> Planes {
    var image = image
    var spare: [Float] = []
    apply(to: &image, spare: &spare, random: &random)
    return image
  }

  /// Changes the image by all steps that concern one image.
  ///
  /// - Parameter spare: memory to draw in, see ``Planes/redraw(height:width:spare:_:)``.
  func apply(to image: inout Planes, spare: inout [Float], random: inout SampleRandom) {
    var map: AffineMap?
    for step in steps {
      if let next = step.affineMap(image.size, &random) {
        map = map?.followed(by: next) ?? next
        continue
      }
      if let map, map != .identity { image.map(map, fill: 0, spare: &spare) }
      map = nil
      step.apply(to: &image, spare: &spare, &random)
    }
    if let map, map != .identity { image.map(map, fill: 0, spare: &spare) }
  }
}

/// Steps that do not exist, or do not suit the images.
public struct AugmentationError: Error, Equatable, Sendable {
  /// What is wrong, one entry per step.
  public let problems: [String]
  /// Whether to list the steps that there are.
  let showsGrammar: Bool

  init(_ problems: [String], showsGrammar: Bool = false) {
    self.problems = problems
    self.showsGrammar = showsGrammar
  }
}
