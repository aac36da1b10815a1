/// One step that changes training images, by chance or always: what ``Augmentation`` is made of.
///
/// Steps work on numbers in 0 ... 1 (black to full brightness), before the normalisation. Lengths are in pixels.
public enum Transform: Hashable, Sendable {
  /// Adds so many rows and columns on each side; `fill` (default 0) is for the mode `constant`.
  case pad(Int, mode: PaddingMode = .constant, fill: Double = 0)
  /// Pads each side like ``pad(_:mode:fill:)``, then cuts a random part of the former size: a random shift.
  case crop(padding: Int, mode: PaddingMode = .constant)
  /// Cuts a random part.
  case randomCrop(height: Int, width: Int)
  /// Cuts the middle.
  case centerCrop(height: Int, width: Int)
  /// Cuts a random part of this share of the area, its proportions between 3:4 and 4:3, and resizes it (C. Szegedy
  /// et al.: Going deeper with convolutions, CVPR 2015).
  case resizedCrop(height: Int, width: Int, area: ClosedRange<Double> = 0.08...1)
  /// Resizes, see ``Planes/resized(height:width:by:)``.
  case resize(height: Int, width: Int, by: Resampling? = nil)
  /// Mirrors left to right with this probability.
  case flip(probability: Double = 0.5)
  /// Mirrors top to bottom with this probability.
  case flipVertically(probability: Double = 0.5)
  /// Turns by a random angle of up to so many degrees to either side, about the middle.
  case rotate(degrees: Double)
  /// Moves by up to this share of the width and of the height in any direction.
  case translate(share: Double)
  /// Enlarges by a random factor in this range, about the middle.
  case scale(ClosedRange<Double>)
  /// Leans by a random angle of up to so many degrees to either side.
  case shear(degrees: Double)
  /// Changes brightness, contrast and saturation by random factors in `1 - x ... 1 + x`, and the hue by up to
  /// this share of the colour circle (0 ... 0.5). Saturation and hue leave gray images as they are.
  case jitter(brightness: Double, contrast: Double = 0, saturation: Double = 0, hue: Double = 0)
  /// Replaces colours by their brightness (ITU-R BT.601) with this probability; the channels stay as many.
  case grayscale(probability: Double = 1)
  /// `(value - mean) / deviation`, for all channels alike.
  case normalize(mean: Double, deviation: Double)
  /// Covers a square of this side at a random place, which may be partly outside, with `fill` (T. DeVries,
  /// G. W. Taylor: Improved regularization of convolutional neural networks with cutout, 2017).
  case cutout(side: Int, fill: Double = 0, probability: Double = 1)
  /// Mixes each image and its class with another of the batch, their shares by the distribution
  /// Beta(alpha, alpha) (H. Zhang et al.: mixup, ICLR 2018).
  case mixup(alpha: Double = 0.2)
  /// Puts a random rectangle of another image of the batch into each, and mixes the classes by area, which
  /// Beta(alpha, alpha) determines (S. Yun et al.: CutMix, ICCV 2019).
  case cutmix(alpha: Double = 1)
  /// What the program does itself.
  case custom(CustomTransform)

  /// Whether it mixes images of a batch, so that their classes become probabilities.
  public var mixes: Bool {
    switch self {
    case .mixup, .cutmix: true
    default: false
    }
  }

  /// What stands for it when images are to be recognised, not learnt from: parts are cut from the middle, random
  /// changes are left out; `nil` where nothing remains.
  public var forEvaluation: Transform? {
    switch self {
    case .pad, .centerCrop, .resize, .normalize: self
    case .randomCrop(let height, let width): .centerCrop(height: height, width: width)
    case .resizedCrop(let height, let width, _): .resize(height: height, width: width)
    case .grayscale(let probability): probability == 1 ? self : nil
    default: nil
    }
  }
}

/// A change of images that the program defines.
public struct CustomTransform: Hashable, Sendable {
  /// What messages call it; transforms of one name count as equal.
  public let name: String
  /// Changes an image, drawing from the numbers for it; must leave its size as it is.
  public let change: @Sendable (inout Planes, inout SampleRandom) -> Void

  public init(
    _ name: String, _ change: @escaping @Sendable (inout Planes, inout SampleRandom) -> Void
  ) {
    self.name = name
    self.change = change
  }

  public static func == (one: CustomTransform, other: CustomTransform) -> Bool {
    one.name == other.name
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension Transform {
  /// The size of what comes out for images of `size`, or why it cannot be applied to them.
  func outputSize(for size: ImageSize) -> Result<ImageSize, TransformProblem> {
    var result = size
    switch self {
    case .pad(let side, let mode, _):
      guard mode != .reflect || side < min(size.height, size.width) else {
        return .failure(.init("\(self) mirrors more than there is of \(size)"))
      }
      result.height += 2 * side
      result.width += 2 * side
    case .crop(let side, .reflect) where side >= min(size.height, size.width):
      return .failure(.init("\(self) mirrors more than there is of \(size)"))
    case .randomCrop(let height, let width), .centerCrop(let height, let width):
      guard height <= size.height, width <= size.width else {
        return .failure(.init("\(self) is larger than the images, which are \(size) there"))
      }
      (result.height, result.width) = (height, width)
    case .resizedCrop(let height, let width, _), .resize(let height, let width, _):
      (result.height, result.width) = (height, width)
    default: break
    }
    return .success(result)
  }
}

/// Why a step does not suit images.
struct TransformProblem: Error {
  let reason: String
  init(_ reason: String) { self.reason = reason }
}
