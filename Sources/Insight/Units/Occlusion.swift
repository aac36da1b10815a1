import TapestryGraph
import TapestryModels
import TapestryOps

/// How much the score of a class falls when a part of the image is covered.
public struct OcclusionMap: Sendable {
  /// The loss of the score for each place of the patch, `[rows, columns]`: positive where the image spoke for the class.
  public let drops: Tensor
  /// The score of the whole image.
  public let score: Double
  /// The first row that the patch covers, for every row of ``drops``.
  public let rows: [Int]
  /// The first column that the patch covers, for every column of ``drops``.
  public let columns: [Int]
}

/// How much the score of a class falls when each part of an image is covered with a patch of one value.
///
/// M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", 2013, section 4.2.
/// - Parameters:
///   - model: gives logits `[N, classes]`.
///   - image: `[1, C, H, W]`, as the net takes it.
///   - target: the class.
///   - patch: height and width of what covers.
///   - stride: step between places. Default 1. A last place that ends at the border is always there.
///   - fill: the value of the patch in all channels. Default 0.
///   - isProbability: whether the score is the softmax probability, else the logit. Default true.
/// - Precondition: one image; the class exists; the patch fits into the image; the stride is positive.
public func occlusionMap(
  of model: any Model, image: Tensor, target: Int, patch: Pair, stride: Pair = 1, fill: Double = 0,
  isProbability: Bool = true, file: StaticString = #fileID, line: UInt = #line
) -> OcclusionMap {
  guard image.rank == 4, image.shape[0] == 1 else {
    trap("occlusionMap: an image is [1, C, H, W], not \(image.shape)", file: file, line: line)
  }
  let (channels, height, width) = (image.shape[1], image.shape[2], image.shape[3])
  guard patch.height > 0, patch.width > 0, patch.height <= height, patch.width <= width,
    stride.height > 0, stride.width > 0
  else {
    trap(
      "occlusionMap: a patch of \(patch) with stride \(stride) does not fit an image of \(height) x \(width)",
      file: file, line: line)
  }
  let rows = places(height, patch.height, stride.height)
  let columns = places(width, patch.width, stride.width)
  let pixels = image.scalars()
  func scores(_ images: [[Double]]) -> [Double] {
    let batch = Tensor(
      images.flatMap { $0 }, shape: [images.count, channels, height, width], dtype: image.dtype)
    let logits = inference { model(batch) }
    requireLogits(logits, target, "occlusionMap", file: file, line: line)
    let values = (isProbability ? withoutGradients { softmax(logits) } : logits).scalars()
    return images.indices.map { values[$0 * logits.shape[1] + target] }
  }
  let score = scores([pixels])[0]
  var drops: [Double] = []
  var batch: [[Double]] = []
  for top in rows {
    for left in columns {
      var covered = pixels
      for channel in 0..<channels {
        for row in top..<top + patch.height {
          let start = (channel * height + row) * width
          for column in left..<left + patch.width { covered[start + column] = fill }
        }
      }
      batch.append(covered)
      if batch.count == 64 {
        drops += scores(batch).map { score - $0 }
        batch = []
      }
    }
  }
  if !batch.isEmpty { drops += scores(batch).map { score - $0 } }
  return OcclusionMap(
    drops: Tensor(drops, shape: [rows.count, columns.count], dtype: image.dtype), score: score,
    rows: rows, columns: columns)
}

/// Where a window of that size stands: every `step`, and at the end.
private func places(_ size: Int, _ window: Int, _ step: Int) -> [Int] {
  var places = Array(Swift.stride(from: 0, through: size - window, by: step))
  if places.last != size - window { places.append(size - window) }
  return places
}
