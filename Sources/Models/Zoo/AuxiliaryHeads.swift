import TapestryGraph
import TapestryOps

/// A net with classifiers half way, whose losses are added in training so that gradients reach its first layers.
///
/// The plain call returns the main logits alone, in training as in inference. For training call ``logits(of:)`` or
/// `loss(of:labels:)`.
public protocol AuxiliaryModel: Model {
  /// The main logits, then those of the auxiliary heads that the net has.
  func logits(of input: Tensor) -> (main: Tensor, auxiliary: [Tensor])

  /// The weight of an auxiliary head's loss beside the main one. Default: 0.3, as in the 2014 paper.
  var auxiliaryWeight: Double { get }
}

extension AuxiliaryModel {
  public var auxiliaryWeight: Double { 0.3 }

  /// The loss for training: softmax cross entropy of the main logits plus ``auxiliaryWeight`` times that of each head.
  ///
  /// - Parameters:
  ///   - input: images `[N, C, H, W]`.
  ///   - labels: class numbers `[N]`.
  public func loss(
    of input: Tensor, labels: Tensor, file: StaticString = #fileID, line: UInt = #line
  ) -> Tensor {
    let (main, auxiliary) = logits(of: input)
    return auxiliary.reduce(softmaxCrossEntropy(main, labels: labels, file: file, line: line)) {
      $0 + softmaxCrossEntropy($1, labels: labels, file: file, line: line) * auxiliaryWeight
    }
  }
}

/// Channel counts of an Inception block, in the order of table 1 of the 2014 paper.
struct InceptionWidths {
  let direct: Int
  let reduced3: Int
  let conv3: Int
  let reduced5: Int
  let conv5: Int
  let pooled: Int

  init(
    _ direct: Int, _ reduced3: Int, _ conv3: Int, _ reduced5: Int, _ conv5: Int, _ pooled: Int,
    _ width: Width
  ) {
    self.direct = width(direct)
    self.reduced3 = width(reduced3)
    self.conv3 = width(conv3)
    self.reduced5 = width(reduced5)
    self.conv5 = width(conv5)
    self.pooled = width(pooled)
  }

  /// Channels of the block's result.
  var total: Int { direct + conv3 + conv5 + pooled }

  /// The nine blocks 3a, 3b, 4a ... 4e, 5a, 5b.
  static func all(_ width: Width) -> [InceptionWidths] {
    [
      InceptionWidths(64, 96, 128, 16, 32, 32, width),
      InceptionWidths(128, 128, 192, 32, 96, 64, width),
      InceptionWidths(192, 96, 208, 16, 48, 64, width),
      InceptionWidths(160, 112, 224, 24, 64, 64, width),
      InceptionWidths(128, 128, 256, 24, 64, 64, width),
      InceptionWidths(112, 144, 288, 32, 64, 64, width),
      InceptionWidths(256, 160, 320, 32, 128, 128, width),
      InceptionWidths(256, 160, 320, 32, 128, 128, width),
      InceptionWidths(384, 192, 384, 48, 128, 128, width),
    ]
  }
}
